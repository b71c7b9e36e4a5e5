"""What a memory was taught, as its journal holds it, and which new items are among that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.memory.event import Event
from insitu.memory.labels import Label

ROUNDING = 1e-5  # of the largest number of a vector: encoders round differently in different batches


def inputs_by_label(events: Iterable[Event]) -> dict[Label, list[NDArray[Any]]]:
    """Return the inputs of all current examples by their labels; of merged memories, the stored vectors."""
    found: dict[Label, list[NDArray[Any]]] = {}
    for event in events:
        if event.kind == "fit":
            found = {}
        if event.kind in ("fit", "learn"):
            for label, row in zip(event.labels, event.arrays["x"], strict=True):
                found.setdefault(label, []).append(row)
        elif event.kind == "forget":
            found.pop(event.labels[0], None)
        elif event.kind == "merge":
            for number, row in zip(event.arrays["kept_numbers"], event.arrays["kept"], strict=True):
                found.setdefault(event.labels[number], []).append(row)
    return found


def place_of(item: NDArray[Any], among: Sequence[NDArray[Any]]) -> int | None:
    """Return the place of the first of ``among`` that is the same item, or None."""
    most = ROUNDING * float(np.abs(item).max(initial=0)) if item.dtype.kind == "f" else 0.0
    for place, other in enumerate(among):
        if other.shape == item.shape and (item == other if most == 0 else np.abs(item - other) <= most).all():
            return place
    return None
