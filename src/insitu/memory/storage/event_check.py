"""Validation of events from files: kind, labels, arrays, and text that is stored or shown."""

from __future__ import annotations

import datetime
import unicodedata
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from insitu.core import LONGEST_S, InsituError
from insitu.memory.event import EXAMPLE, MERGED, NAMES, Event, Kind
from insitu.memory.images import checked
from insitu.memory.labels import as_labels, check_same_kind
from insitu.memory.pictures import PICTURES, SIZES, fault_of

LABELS = {"forget": 1, "age": 0, "undo": 0, "rename": 2, "remove": 1, "relabel": 2}  # number of labels of an event


def check_event(number: int, event: Event, images: bool) -> None:
    """Raise ``InsituError`` where ``event`` is not valid for a memory of images, or of vectors."""
    if fault := _fault(event, images):
        raise InsituError(f"event {number} is damaged: {fault}; export it again")


def check_who(who: str) -> None:
    """Raise ``InsituError`` for a user name that cannot be stored or shown."""
    if not isinstance(who, str):
        raise InsituError(f"who is text; got {type(who).__name__}")
    if odd := _unprintable(who):
        raise InsituError(f"who contains {odd}, which cannot be stored; remove it: {who!r}")


def check_timestamp(name: str, value: object) -> None:
    """Raise ``InsituError`` for a value that is not a date and time in ISO 8601."""
    try:
        datetime.datetime.fromisoformat(str(value))
    except ValueError:
        raise InsituError(f"{name} is a date and time in ISO 8601; got {str(value)[:60]!r}; export it again") from None


def _fault(event: Event, images: bool) -> str:
    if event.kind not in get_args(Kind):
        return f"a memory has no event {event.kind!r}"
    if not isinstance(event.at, str) or not isinstance(event.seconds, float) or not 0 <= event.seconds <= LONGEST_S:
        return f"at is text and seconds are 0 to {LONGEST_S:g}; got {event.at!r} and {event.seconds!r}"
    check_who(event.who)
    check_timestamp("at", event.at)
    labels = event.labels
    if not isinstance(labels, list):
        return "labels are a list"
    if labels:
        check_same_kind([], as_labels(_objects(labels)))
    for label in labels:
        if isinstance(label, str) and (odd := _unprintable(label)):
            return f"label {label!r} contains {odd}, which cannot be imported; rename it in the export"
    expected = {"fit": ["x"], "learn": ["x"], "merge": list(MERGED)}.get(event.kind, [])
    if event.kind in ("remove", "relabel"):
        return _correction_fault(event, images)
    optional = (NAMES, PICTURES, SIZES) if expected == ["x"] else (NAMES,) if expected else ()
    arrays = {name: array for name, array in event.arrays.items() if name not in optional}
    if sorted(arrays) != sorted(expected):
        return f"a {event.kind} has the arrays {', '.join(expected) or 'none'}; got {', '.join(arrays) or 'none'}"
    if expected and (fault := _names_fault(event, images)):
        return fault
    if event.kind == "merge":
        return _merge_fault(labels, **arrays)
    if event.kind in LABELS:
        return _labels_fault(event)
    return _examples_fault(event.arrays["x"], labels, images) or fault_of(event)


def _labels_fault(event: Event) -> str:
    count = LABELS[event.kind]
    if len(event.labels) != count or len(set(event.labels)) != count:
        return f"a {event.kind} has {count} different labels; got {len(event.labels)}"
    return ""


def _correction_fault(event: Event, images: bool) -> str:
    arrays = dict(event.arrays)
    example, x = arrays.pop(EXAMPLE, None), arrays.pop("x", None)
    if example is None or arrays or example.shape != (1,) or example.dtype != np.int64 or example[0] < 0:
        return f"a {event.kind} has the id of one example, and its input where it was not stored"
    return _labels_fault(event) or ("" if x is None else _examples_fault(x, event.labels[:1], images))


def _names_fault(event: Event, images: bool) -> str:
    names, x = event.feature_names, event.arrays["means" if event.kind == "merge" else "x"]
    if names is None:
        return ""
    if images or not all(isinstance(name, str) for name in names) or x.ndim != 2 or len(names) != x.shape[1]:
        return "feature names are text, one per component of a vector"
    return ""


def _examples_fault(x: NDArray[Any], labels: list[Any], images: bool) -> str:
    if len(labels) != len(x) or not len(x):
        return f"{len(x)} examples have {len(labels)} labels"
    if images:
        return "" if checked(x).shape == x.shape else f"images are of shape {x.shape}, not (n, h, w, c)"
    return "" if _finite(x) else f"examples are finite vectors (n, features); got {x.dtype} of shape {x.shape}"


def _merge_fault(
    labels: list[Any], counts: NDArray[Any], means: NDArray[Any], kept: NDArray[Any], kept_numbers: NDArray[Any]
) -> str:
    if len(set(labels)) != len(labels) or not labels or counts.shape != (len(labels),) or len(means) != len(labels):
        return "a merge has one count and mean for each of its classes"
    if counts.dtype.kind != "i" or (counts <= 0).any() or kept_numbers.dtype.kind != "i":
        return "counts and class numbers are integers"
    if not _finite(means) or not (_finite(kept) or not kept.size) or kept_numbers.shape != (len(kept),):
        return "means and stored examples are finite vectors (n, features)"
    if len(kept) and (
        kept.shape[1] != means.shape[1] or not ((kept_numbers >= 0) & (kept_numbers < len(labels))).all()
    ):
        return "stored examples are not of its classes"
    return ""


def _objects(values: list[Any]) -> NDArray[Any]:
    out = np.empty(len(values), object)
    out[:] = values
    return out


def _finite(x: NDArray[Any]) -> bool:
    return x.ndim == 2 and x.dtype.kind == "f" and x.shape[1] > 0 and bool(np.isfinite(x).all())


def _unprintable(text: str) -> str:
    odd = next((c for c in text if unicodedata.category(c) in ("Cc", "Cs")), None)
    if odd is None:
        return ""
    return f"the {'control character' if ord(odd) < 0x100 else 'lone surrogate'} U+{ord(odd):04X}"
