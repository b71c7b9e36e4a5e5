"""Validation of arguments before anything changes: examples, labels, queries, durations, seeds."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, check_consistent_length, validate_data

from insitu.core import LONGEST_S, InsituError
from insitu.memory.feature_names import Names, feature_names_of, with_text_names
from insitu.memory.labels import Label, as_labels, check_same_kind, label_array
from insitu.memory.settings import make_settings
from insitu.memory.values import check_numbers, unwrap

if TYPE_CHECKING:
    from insitu.memory.estimator import Memory

LARGEST = 1e300  # of a number in X: sums and differences of such numbers stay finite in float64


def validate_queries(
    memory: Memory, x: Any, reset: bool = False, adopt_names: bool = False
) -> tuple[NDArray[Any], Names]:
    """Return X as an array, and its feature names where it is a table.

    Without ``reset``, X must have the features that the memory was fitted on; with ``adopt_names``, a memory without
    feature names accepts those of X.
    """
    x = unwrap(x, "X")
    settings = make_settings(memory.substrate, memory.encoder, memory.dim) if reset else memory.settings
    if settings.encoder is not None:
        encoded = settings.journaled(x)
        length = None if reset or settings.keeps_images else memory.vector_length
        if length not in (None, encoded.shape[1]):
            raise InsituError(
                f"vectors of this memory have {length} numbers, and encoder {settings.encoder.name} gave "
                f"{encoded.shape[1]}; give items like those that it was taught, series with as many channels"
            )
        return encoded, None
    if not reset and _is_plain(memory, x):
        return x, None
    trial = copy.copy(memory)  # scikit-learn sets attributes on it, which are discarded if X turns out to be invalid
    known = None if reset else _names(memory)
    x = with_text_names(x, known, fitted=not reset)
    try:
        check_numbers(x)
        if adopt_names and not reset and known is None and (names := feature_names_of(memory, x)) is not None:
            trial.feature_names_in_ = np.array(names, object)
        given: NDArray[Any] = validate_data(trial, x, reset=reset, dtype=[np.float64, np.float32])
    except ValueError as error:
        if "could not convert string to float" in str(error):
            raise InsituError(
                f"{error}; a memory without an encoder takes numbers: give encoder=, such as 'efficientnet-lite0' for "
                "photos"
            ) from error
        if "inhomogeneous" not in str(error):
            raise
        raise InsituError(
            "rows of X have equally many numbers; got rows of several lengths; pad or split them"
        ) from error
    largest = float(max(given.max(), -given.min()))
    if largest > LARGEST:
        raise InsituError(f"numbers in X are within ±{LARGEST:g}; got magnitude {largest:g}; scale them first")
    return given, _names(trial)


def _is_plain(memory: Memory, x: Any) -> bool:
    """Return whether X is an array that passes all checks below, which take longer than a lone query does."""
    if type(x) is not np.ndarray or x.dtype not in (np.float64, np.float32) or x.ndim != 2 or not len(x):
        return False
    known = memory.__dict__
    if "feature_names_in_" in known or x.shape[1] != known.get("n_features_in_"):
        return False
    return float(np.abs(x).max()) <= LARGEST


def _names(memory: Memory) -> Names:
    names = getattr(memory, "feature_names_in_", None)
    return None if names is None else tuple(map(str, names))


def validate_examples(memory: Memory, x: object, y: object, reset: bool) -> tuple[NDArray[Any], Names, list[Label]]:
    """Return X, its feature names, and one label per row."""
    make_settings(memory.substrate, memory.encoder, memory.dim)  # report a wrong parameter before anything else
    if y is None:
        raise ValueError("Memory requires y to be passed, but the target y is None; give a label per row of X")
    given, names = validate_queries(memory, x, reset, adopt_names=True)
    if isinstance(y, np.ndarray) and y.dtype.kind == "f":
        assert_all_finite(y, input_name="y")
    labels = as_labels(y)
    if isinstance(labels[0] if labels else None, float):
        assert_all_finite(label_array(labels), input_name="y")
    if memory.encoder is not None and len(given) != len(labels):
        raise InsituError(f"y has one label per item; got {len(given)} items and {len(labels)} labels")
    check_consistent_length(given, labels)
    check_classification_targets(label_array(labels))
    return given, names, labels


def check_allowed(labels: list[Label], classes: object) -> None:
    """Raise ``ValueError`` where a label is not among ``classes``, as ``partial_fit`` does in scikit-learn."""
    allowed = as_labels(classes)
    check_same_kind(labels, allowed)
    if odd := set(labels) - set(allowed):
        raise ValueError(f"y has {min(odd)!r}, which is not among the classes given; add it, or omit classes")


def validate_duration(seconds: Any, now_s: float = 0.0) -> float:
    """Return ``seconds`` as a float by which a clock at ``now_s`` may advance."""
    allowed = f"a memory ages by seconds >= 0 (a number or a timedelta), up to a clock of {LONGEST_S:g} s"
    if isinstance(seconds, np.timedelta64):
        if (unit := np.datetime_data(seconds.dtype)[0]) in ("generic", "Y", "M"):
            lacks = "has no unit" if unit == "generic" else "has a unit of variable length"
            raise InsituError(f"{allowed}; got {seconds!r}, which {lacks}; give it in days or seconds"[:300])
        seconds = seconds / np.timedelta64(1, "s")
    elif isinstance(seconds, timedelta):
        seconds = seconds.total_seconds()
    if isinstance(seconds, bool) or not isinstance(seconds, Real):
        raise InsituError(f"{allowed}; got {type(seconds).__name__} {seconds!r}"[:200])
    given: Any = seconds
    # version 0.1.0 had no upper bound: a file of it beyond the bound can still be projected by 0 s
    if not given >= 0 or (given > 0 and given > LONGEST_S - now_s):
        raise InsituError(f"{allowed}, which is at {now_s:g} s now; got {given}"[:200])
    return float(given)


@contextmanager
def draw_seed(random_state: Any) -> Iterator[int]:
    """Yield ``random_state`` or a seed drawn from it; if the block raises, the generator's state is restored."""
    if isinstance(random_state, bool | np.bool_):
        raise InsituError(f"random_state is an integer, a RandomState or None; got {random_state!r}")
    if isinstance(random_state, int | np.integer):
        yield int(random_state)
        return
    source = check_random_state(random_state)
    before = source.get_state()
    try:
        yield int(source.randint(np.iinfo(np.int32).max))
    except BaseException:
        source.set_state(before)
        raise
