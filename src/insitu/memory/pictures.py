"""Small pictures of examples: the journal stores them next to vectors, which nobody can look at.

An event that teaches has two more arrays then: the pictures one after another, and the size of each, 0 for none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.memory.event import Event

PICTURES, SIZES = "pictures", "picture_sizes"
LARGEST = 8192  # bytes of a picture


def picture_arrays(pictures: Sequence[bytes] | None, examples: int) -> dict[str, NDArray[Any]]:
    """Return the arrays that store ``pictures``, the content of one file per example, b'' for none."""
    if pictures is None:
        return {}
    if len(pictures) != examples or any(len(each) > LARGEST for each in pictures):
        raise InsituError(f"pictures are one for each example, {LARGEST} bytes at most; reduce them")
    sizes = np.array([len(each) for each in pictures], np.int64)
    return {PICTURES: np.frombuffer(b"".join(pictures), np.uint8), SIZES: sizes}


def picture_of(event: Event, row: int) -> bytes:
    """Return the picture of an example, b'' where there is none."""
    if PICTURES not in event.arrays:
        return b""
    sizes = event.arrays[SIZES]
    start = int(sizes[:row].sum())
    return event.arrays[PICTURES][start : start + int(sizes[row])].tobytes()


def fault_of(event: Event) -> str:
    """Return what is wrong with the pictures of an event, '' where nothing is."""
    found, sizes = event.arrays.get(PICTURES), event.arrays.get(SIZES)
    if found is None and sizes is None:
        return ""
    if found is None or sizes is None or found.dtype != np.uint8 or sizes.dtype != np.int64:
        return "pictures are bytes with their sizes"
    sound = sizes.shape == (len(event.labels),) and (sizes >= 0).all() and (sizes <= LARGEST).all()
    return "" if sound and found.shape == (sizes.sum(),) else "pictures have one size for each example"
