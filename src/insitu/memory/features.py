"""Names of the columns of a table that X may be: text, whatever pandas holds, one of its own for each column.

Columns that are numbered 0, 1, 2, ... in order have no names, as those of a table made from an array.
"""

from __future__ import annotations

import copy
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from insitu.core import InsituError

Names = tuple[str, ...] | None


def with_text_names(x: Any, known: Names, fitted: bool) -> Any:
    """Return X; a pandas table of other than text names comes with their text (integers, tuples of several levels).

    ``known`` are the names of features that a ``fitted`` memory has. Raises ``InsituError`` for a name that is there
    twice, and for shuffled numbers where the memory has no names to compare them with.
    """
    if not (hasattr(x, "columns") and hasattr(x, "set_axis")):
        return x
    names = tuple(map(str, x.columns))
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InsituError(f"columns of X have names of their own; got {twice!r} twice; rename one"[:300])
    if fitted and known is None:
        check_unshuffled(names)
    if all(isinstance(name, str) for name in x.columns):
        return x
    numbered = names == _numbers(names) and not any(isinstance(name, str) for name in x.columns)
    return x if numbered and not is_shuffled(known) else x.set_axis(list(names), axis=1)


def names_of(memory: BaseEstimator, x: Any) -> Names:
    """Return the names of the columns of X as scikit-learn finds them, None where X is no table with names."""
    trial = copy.copy(memory)
    vars(trial).pop("feature_names_in_", None)
    validate_data(trial, x, reset=True, skip_check_array=True)
    found = getattr(trial, "feature_names_in_", None)
    return None if found is None else tuple(map(str, found))


def is_shuffled(names: Names) -> bool:
    """Return whether columns are numbered from 0, but not in order."""
    return names is not None and names != _numbers(names) and sorted(names) == sorted(_numbers(names))


def check_unshuffled(names: Names) -> None:
    """Raise ``InsituError`` for columns whose numbers show another order than those of a memory without names."""
    if is_shuffled(names):
        raise InsituError(
            f"the memory was taught columns without names, in order; got them as {', '.join(names or ())}"[:200]
            + "; sort them"
        )


def _numbers(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(str, range(len(names))))
