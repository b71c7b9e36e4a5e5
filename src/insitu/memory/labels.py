"""Labels of classes: from whatever holds them to plain values, and back to an array of exactly those values.

A bare ``np.array(list)`` keeps neither: integers above 2^63 become floats, a trailing NUL is cut off a string, and a
number among strings becomes a string.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import column_or_1d

from insitu.core import InsituError
from insitu.memory.values import plain

Label = str | int | float | bool
KINDS = {str: "strings", int: "integers", float: "numbers", bool: "booleans"}
PLAIN: list[tuple[type, type]] = [
    (np.bool_, bool),
    (np.integer, int),
    (np.float16, float),
    (np.float32, float),
    (np.float64, float),
]
ALLOWED = "labels are strings, integers, numbers or booleans, all of one kind and no NaN"
SIGNED, UNSIGNED = np.iinfo(np.int64), np.iinfo(np.uint64)


def labels_of(y: object) -> list[Label]:
    """Return labels (n,) of any array, list or column of a table as plain values.

    Raises ``InsituError`` unless all are of one kind that can be kept.
    """
    if isinstance(y, np.ndarray) and y.dtype.kind in "mM":  # which NumPy turns into plain integers
        raise InsituError(f"{ALLOWED}; got {y.dtype}; turn them into strings")
    given = np.asarray(plain(y, "y"), dtype=object)
    if not given.ndim:
        raise InsituError(f"{ALLOWED}, in a list or array; got {type(y).__name__} {y!r}"[:200])
    labels = [_plain(each) for each in column_or_1d(given, warn=True)]
    kinds = {type(label) for label in labels}
    if len(kinds) > 1 or not kinds <= KINDS.keys() or any(label != label for label in labels):
        names = sorted({kind.__name__ for kind in kinds})
        shown = ", ".join(names[:4]) + ", ..." * (len(names) > 4)
        raise InsituError(f"{ALLOWED}; got {shown[:100]}; turn them into one kind, such as strings")
    for label in set(labels):
        if isinstance(label, str) and not _is_text(label):
            raise InsituError(f"a label is text that UTF-8 can hold; got {label!r}, half of a surrogate pair")
    return labels


def label_of(label: object, known: Iterable[Label]) -> Label:
    """Return one label as a plain value of the kind of those ``known``; 1, 1.0 and True are three labels."""
    boxed = np.empty(1, object)
    boxed[0] = label
    (plain,) = labels_of(boxed)
    alike(known, [plain])
    return plain


def alike(known: Iterable[Label], labels: Iterable[Label]) -> None:
    """Raise ``InsituError`` unless ``labels`` can stand beside those ``known``: of one kind, and within one range."""
    every = [*known, *labels]
    kinds = [*dict.fromkeys(map(type, every))]
    if len(kinds) > 1:
        raise InsituError(
            f"labels of a memory are all of one kind, here {KINDS[kinds[0]]}; "
            f"got {next(label for label in every if type(label) is kinds[1])!r} ({kinds[1].__name__})"
        )
    array_of(every)


def array_of(labels: list[Any]) -> NDArray[Any]:
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
                f"got {least} and {most}; turn them into strings"
            )
        kind = whole.dtype
    return np.array(labels, kind)


def _plain(value: Any) -> Any:
    if isinstance(value, np.str_):
        return "".join(value)  # str() would cut off a trailing NUL
    for numpy_kind, kind in PLAIN:
        if isinstance(value, numpy_kind):
            return kind(value)
    return value


def _is_text(label: str) -> bool:
    try:
        label.encode()
    except UnicodeEncodeError:
        return False
    return True
