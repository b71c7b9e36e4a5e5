"""Class labels: from any array or list to plain Python values, and back to an array of exactly those values.

``np.array(list)`` alone is lossy: integers above 2^63 become floats, a trailing NUL is cut off a string, and a number
among strings becomes a string.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import column_or_1d

from insitu.core import InsituError
from insitu.memory.values import unwrap

Label = str | int | float | bool
KINDS = {str: "strings", int: "integers", float: "numbers", bool: "booleans"}
PYTHON_TYPES: list[tuple[type, type]] = [
    (np.bool_, bool),
    (np.integer, int),
    (np.float16, float),
    (np.float32, float),
    (np.float64, float),
]
ALLOWED = "labels are strings, integers, numbers or booleans, all of one kind and no NaN"
SIGNED, UNSIGNED = np.iinfo(np.int64), np.iinfo(np.uint64)


def as_labels(y: object) -> list[Label]:
    """Return labels (n,) of any array, list or table column as plain values.

    Raises ``InsituError`` unless all are of one supported kind.
    """
    if isinstance(y, np.ndarray) and y.dtype.kind in "mM":  # NumPy would convert them to integers
        raise InsituError(f"{ALLOWED}; got {y.dtype}; convert them to strings")
    given = np.asarray(unwrap(y, "y"), dtype=object)
    if not given.ndim:
        raise InsituError(f"{ALLOWED}, in a list or array; got {type(y).__name__} {y!r}"[:200])
    labels: list[Label] = column_or_1d(given, warn=True).tolist()
    kinds = set(map(type, labels))
    if not kinds <= KINDS.keys():
        labels = [_as_python(each) for each in labels]
        kinds = set(map(type, labels))
    if len(kinds) > 1 or not kinds <= KINDS.keys() or (float in kinds and any(label != label for label in labels)):
        names = sorted({kind.__name__ for kind in kinds})
        shown = ", ".join(names[:4]) + ", ..." * (len(names) > 4)
        raise InsituError(f"{ALLOWED}; got {shown[:100]}; convert them to one kind, such as strings")
    for label in set(labels):
        if isinstance(label, str) and not _is_text(label):
            raise InsituError(f"a label is text that UTF-8 can encode; got {label!r}, a lone surrogate; rename it")
    return labels


def as_label(label: object, known: Iterable[Label]) -> Label:
    """Return one label as a plain value of the kind of the ``known`` ones; 1, 1.0 and True are three labels."""
    boxed = np.empty(1, object)
    boxed[0] = label
    (value,) = as_labels(boxed)
    check_same_kind(known, [value])
    return value


def check_same_kind(known: Iterable[Label], labels: Iterable[Label]) -> None:
    """Raise ``InsituError`` unless ``labels`` fit into one array with the ``known`` ones: same kind and range."""
    every = [*known, *labels]
    kinds = [*dict.fromkeys(map(type, every))]
    if len(kinds) > 1:
        raise InsituError(
            f"labels of a memory are all of one kind, here {KINDS[kinds[0]]}; "
            f"got {next(label for label in every if type(label) is kinds[1])!r} ({kinds[1].__name__})"
        )
    label_array(every)


def label_array(labels: list[Any]) -> NDArray[Any]:
    """Return the array (n,) of exactly these labels, which are of one kind."""
    if not labels:
        return np.array([])
    kind: Any = type(labels[0])
    if kind is str and any(label.endswith("\0") for label in labels):
        kind = object
    elif kind is int:
        least, most = min(labels), max(labels)
        whole = next((each for each in (SIGNED, UNSIGNED) if each.min <= least and most <= each.max), None)
        if whole is None:
            raise InsituError(
                f"integer labels all lie within {SIGNED.min}..{SIGNED.max}, or all within 0..{UNSIGNED.max}; "
                f"got {least} and {most}; convert them to strings"
            )
        kind = whole.dtype
    return np.array(labels, kind)


def _as_python(value: Any) -> Any:
    if isinstance(value, np.str_):
        return "".join(value)  # str() would cut off a trailing NUL
    for numpy_kind, kind in PYTHON_TYPES:
        if isinstance(value, numpy_kind):
            return kind(value)
    return value


def _is_text(label: str) -> bool:
    try:
        label.encode()
    except UnicodeEncodeError:
        return False
    return True
