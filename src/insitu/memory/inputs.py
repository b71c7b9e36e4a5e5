"""What a user gives to a memory, checked before anything changes: examples, labels, queries, times."""

from __future__ import annotations

import copy
from datetime import timedelta
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, check_consistent_length, validate_data

from insitu.core import LONGEST_S, InsituError
from insitu.memory import images
from insitu.memory.features import Names, names_of, with_text_names
from insitu.memory.labels import Label, alike, array_of, labels_of
from insitu.memory.settings import settings_of
from insitu.memory.values import check_numbers, plain

if TYPE_CHECKING:
    from insitu.memory.estimator import Memory

LARGEST = 1e300  # number of X: sums and differences of such numbers still fit into float64


def queries(memory: Memory, x: object, reset: bool = False) -> tuple[NDArray[Any], Names]:
    """Return X as an array, and the names of its features where it is a table.

    With ``reset``, X is of a memory that starts again; otherwise it must have the features that the memory knows.
    """
    return _queries(memory, x, reset, teaches=False)


def _queries(memory: Memory, x: object, reset: bool, teaches: bool) -> tuple[NDArray[Any], Names]:
    x = plain(x, "X")
    if (memory.backbone if reset else memory.settings.backbone) is not None:
        return images.checked(x), None
    trial = copy.copy(memory)  # it is noted there which features there are, and forgotten if something else is wrong
    known = None if reset else memory._model.feature_names
    x = with_text_names(x, known, fitted=not reset)
    try:
        check_numbers(x)
        if teaches and not reset and known is None and (come := names_of(memory, x)) is not None:
            trial.feature_names_in_ = np.array(come, object)  # a memory without names takes the first that come
        given: NDArray[Any] = validate_data(trial, x, reset=reset, dtype=[np.float64, np.float32])
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        raise InsituError("rows of X are numbers, equally many in each; got rows of several lengths") from error
    largest = float(np.abs(given).max())
    if largest > LARGEST:
        raise InsituError(f"numbers of X are within ±{LARGEST:g}; got one of size {largest:g}; scale them first")
    names = getattr(trial, "feature_names_in_", None)
    return given, None if names is None else tuple(map(str, names))


def examples(memory: Memory, x: object, y: object, reset: bool) -> tuple[NDArray[Any], Names, list[Label]]:
    """Return X, names of its features, and one label per row."""
    settings_of(memory.substrate, memory.backbone, memory.dim)  # a wrong parameter is the first thing to say
    if y is None:
        raise ValueError("Memory requires y to be passed, but the target y is None; give a label per row of X")
    given, names = _queries(memory, x, reset, teaches=True)
    if isinstance(y, np.ndarray) and y.dtype.kind == "f":
        assert_all_finite(y, input_name="y")
    labels = labels_of(y)
    if isinstance(labels[0] if labels else None, float):
        assert_all_finite(array_of(labels), input_name="y")
    if memory.backbone is not None and len(given) != len(labels):
        raise InsituError(f"one label per image; got {len(given)} images and {len(labels)} labels")
    check_consistent_length(given, labels)
    check_classification_targets(array_of(labels))
    return given, names, labels


def check_allowed(labels: list[Label], classes: object) -> None:
    """Raise an error where a label is not among ``classes``, as scikit-learn's ``partial_fit`` does."""
    allowed = labels_of(classes)
    alike(labels, allowed)
    if odd := set(labels) - set(allowed):
        raise ValueError(f"y holds {min(odd)!r}, which is not among the classes given; add it, or give no classes")


def duration(seconds: Any, now_s: float = 0.0) -> float:
    """Return seconds that may pass on a clock that shows ``now_s``."""
    allowed = f"a memory ages by seconds >= 0 (a number or a timedelta), until its clock shows {LONGEST_S:g}"
    if isinstance(seconds, np.timedelta64):
        if (unit := np.datetime_data(seconds.dtype)[0]) in ("generic", "Y", "M"):
            lacks = "has no unit" if unit == "generic" else "has a unit of no fixed length"
            raise InsituError(f"{allowed}; got {seconds!r}, which {lacks}; give it in days or seconds"[:300])
        seconds = seconds / np.timedelta64(1, "s")
    elif isinstance(seconds, timedelta):
        seconds = seconds.total_seconds()
    if isinstance(seconds, bool) or not isinstance(seconds, Real):
        raise InsituError(f"{allowed}; got {type(seconds).__name__} {seconds!r}"[:200])
    given: Any = seconds
    # a memory that version 0.1.0 let grow older may still be looked at as it is
    if not given >= 0 or (given > 0 and given > LONGEST_S - now_s):
        raise InsituError(f"{allowed}, now it shows {now_s:g}; got {given}"[:200])
    return float(given)
