"""What a memory was taught, as its journal holds it, and which new items are among that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.memory.event import Event
from insitu.memory.examples import taught_examples
from insitu.memory.labels import Label

ROUNDING = 1e-5  # of the largest number of a vector: encoders round differently in different batches


def inputs_by_label(events: Iterable[Event]) -> dict[Label, list[NDArray[Any]]]:
    """Return the inputs of all current examples by their labels; of merged memories, the stored vectors."""
    events = list(events)
    found: dict[Label, list[NDArray[Any]]] = {}
    for example in taught_examples(events, vectors=True).values():
        event = events[example.event - 1]
        rows = event.arrays["kept" if event.kind == "merge" else "x"]
        found.setdefault(example.label, []).append(rows[example.row])
    return found


def place_of(item: NDArray[Any], among: Sequence[NDArray[Any]]) -> int | None:
    """Return the place of the first of ``among`` that is the same item, or None."""
    most = ROUNDING * float(np.abs(item).max(initial=0)) if item.dtype.kind == "f" else 0.0
    for place, other in enumerate(among):
        if other.shape == item.shape and (item == other if most == 0 else np.abs(item - other) <= most).all():
            return place
    return None
