"""Feature names where X is a table: the text of its column labels, unique per column.

Columns labelled 0, 1, 2, ... in order count as unnamed, as in a table made from an array.
"""

from __future__ import annotations

import copy
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from insitu.core import InsituError

Names = tuple[str, ...] | None


def with_text_names(x: Any, known: Names, fitted: bool) -> Any:
    """Return X; column labels of a pandas table that are not text (integers, tuples) are replaced by their text.

    ``known`` are the feature names of a ``fitted`` memory. Raises ``InsituError`` for duplicate names, and for numbered
    columns out of order where the memory has no names to compare them with.
    """
    if not (hasattr(x, "columns") and hasattr(x, "set_axis")):
        return x
    names = tuple(map(str, x.columns))
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InsituError(f"column names of X are unique; got {twice!r} twice; rename one"[:300])
    if fitted and known is None:
        check_in_order(names)
    if all(isinstance(name, str) for name in x.columns):
        return x
    unnamed = names == _numbered(names) and not any(isinstance(name, str) for name in x.columns)
    return x if unnamed and not is_shuffled(known) else x.set_axis(list(names), axis=1)


def feature_names_of(memory: BaseEstimator, x: Any) -> Names:
    """Return the column names of X as scikit-learn finds them, None where X is not a table with names."""
    trial = copy.copy(memory)
    vars(trial).pop("feature_names_in_", None)
    validate_data(trial, x, reset=True, skip_check_array=True)
    found = getattr(trial, "feature_names_in_", None)
    return None if found is None else tuple(map(str, found))


def is_shuffled(names: Names) -> bool:
    """Return whether columns are numbered from 0, but out of order."""
    return names is not None and names != _numbered(names) and sorted(names) == sorted(_numbered(names))


def check_in_order(names: Names) -> None:
    """Raise ``InsituError`` for numbered columns out of order, for a memory without feature names."""
    if is_shuffled(names):
        given = ", ".join(names or ())
        raise InsituError(
            f"the memory was fitted on unnamed columns in order; got the order {given}"[:200] + "; sort them"
        )


def _numbered(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(str, range(len(names))))
