"""Whether an event that comes from a file could have happened: its kind, labels and arrays."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from insitu.core import LONGEST_S, InsituError
from insitu.memory.event import MERGED, NAMES, Event, Kind
from insitu.memory.images import checked
from insitu.memory.labels import alike, labels_of
from insitu.memory.names import check_labels, check_moment, check_who


def check_event(number: int, event: Event, images: bool) -> None:
    """Raise ``InsituError`` where a memory of images, or of vectors, cannot have been taught so."""
    wrong = _wrong_with(event, images)
    if wrong:
        raise InsituError(f"event {number} is damaged: {wrong}; export it anew")


def _wrong_with(event: Event, images: bool) -> str:
    if event.kind not in get_args(Kind):
        return f"a memory knows no {event.kind!r}"
    if not isinstance(event.at, str) or not isinstance(event.seconds, float) or not 0 <= event.seconds <= LONGEST_S:
        return f"at is text and seconds are 0 to {LONGEST_S:g}; got {event.at!r} and {event.seconds!r}"
    check_who(event.who)
    check_moment("at", event.at)
    labels = event.labels
    if not isinstance(labels, list):
        return "labels are a list"
    if labels:
        alike([], labels_of(_objects(labels)))
    check_labels(labels)
    wanted = {"fit": ["x"], "learn": ["x"], "merge": list(MERGED)}.get(event.kind, [])
    arrays = {name: array for name, array in event.arrays.items() if name != NAMES or not wanted}
    if sorted(arrays) != sorted(wanted):
        return f"a {event.kind} has the arrays {', '.join(wanted) or 'none'}; got {', '.join(arrays) or 'none'}"
    if wanted and (wrong := _wrong_names(event, images)):
        return wrong
    if event.kind == "merge":
        return _wrong_merge(labels, **arrays)
    if event.kind in ("forget", "age"):
        expected = int(event.kind == "forget")
        return "" if len(labels) == expected else f"a {event.kind} has {expected} labels; got {len(labels)}"
    return _wrong_examples(event.arrays["x"], labels, images)


def _wrong_names(event: Event, images: bool) -> str:
    names, x = event.feature_names, event.arrays["means" if event.kind == "merge" else "x"]
    if names is None:
        return ""
    if images or not all(isinstance(name, str) for name in names) or x.ndim != 2 or len(names) != x.shape[1]:
        return "names of features are text, one for each number of a vector"
    return ""


def _wrong_examples(x: NDArray[Any], labels: list[Any], images: bool) -> str:
    if len(labels) != len(x) or not len(x):
        return f"{len(x)} examples have {len(labels)} labels"
    if images:
        return "" if checked(x).shape == x.shape else f"images are of shape {x.shape}, not (n, h, w, c)"
    return "" if _finite(x) else f"examples are finite vectors (n, features); got {x.dtype} of shape {x.shape}"


def _wrong_merge(
    labels: list[Any], counts: NDArray[Any], means: NDArray[Any], kept: NDArray[Any], kept_numbers: NDArray[Any]
) -> str:
    if len(set(labels)) != len(labels) or not labels or counts.shape != (len(labels),) or len(means) != len(labels):
        return "a merge has one count and mean for each of its classes"
    if counts.dtype.kind != "i" or (counts <= 0).any() or kept_numbers.dtype.kind != "i":
        return "counts and numbers of classes are integers"
    if not _finite(means) or not (_finite(kept) or not kept.size) or kept_numbers.shape != (len(kept),):
        return "means and kept examples are finite vectors (n, features)"
    if len(kept) and (
        kept.shape[1] != means.shape[1] or not ((kept_numbers >= 0) & (kept_numbers < len(labels))).all()
    ):
        return "kept examples are not those of its classes"
    return ""


def _objects(values: list[Any]) -> NDArray[Any]:
    out = np.empty(len(values), object)
    out[:] = values
    return out


def _finite(x: NDArray[Any]) -> bool:
    return x.ndim == 2 and x.dtype.kind == "f" and x.shape[1] > 0 and bool(np.isfinite(x).all())
