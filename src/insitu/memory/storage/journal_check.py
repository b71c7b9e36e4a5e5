"""Comparison of a memory's state with its journal: classes, counts, means, number of events, clock.

All of this follows from the events alone, whatever the devices. It is computed independently of the code that learns,
so that the two can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.memory.event import Event
from insitu.memory.labels import Label
from insitu.memory.model import Model
from insitu.memory.settings import settings_from

Means = dict[Label, NDArray[np.float64]]
MARGIN = 1.001  # for rounding of a mean
TOLERANCE = 1e-9  # of the largest number taught, for means that were summed in another order


@dataclass
class Summary:
    """What follows from the events so far."""

    features: int | None = None  # None with a backbone, of which the journal holds images
    numbers: dict[Label, int] = field(default_factory=dict)
    used: int = 0  # class numbers assigned so far
    counts: dict[Label, int] = field(default_factory=dict)
    means: Means = field(default_factory=dict)
    rows: dict[Label, set[bytes]] = field(default_factory=dict)  # bytes of every vector taught
    largest: float = 0.0  # magnitude of a number taught
    events: int = 0
    now_s: float = 0.0
    names: tuple[str, ...] | None = None  # of features: the first names that an event brings


def check_journal(events: list[Event], model: Model | None, parameters: dict[str, Any]) -> None:
    """Raise ``InsituError`` where ``model`` is not the state after these events."""
    if model is None:
        if events:
            raise InsituError(f"it is damaged: {len(events)} events, but no state; restore a backup")
        return
    seen = summarize(events, not settings_from(parameters).keeps_images)
    found = {label: int(model.counts[number]) for label, number in model.numbers.items()}
    seed = parameters["random_state"]
    pairs = {
        "classes": (sorted(seen.numbers.items(), key=str), sorted(model.numbers.items(), key=str)),
        "examples per class": (seen.counts, found),
        "classes ever taught": (seen.used, len(model.counts)),
        "events": (seen.events, model.events),
        "seconds": (seen.now_s, model.now_s),
        "seed": (model.seed if seed is None else seed, model.seed),
        "feature names": (seen.names, model.feature_names),
        "components of a vector": (model.features if seen.features is None else seen.features, model.features),
    }
    if odd := [name for name, (journal, state) in pairs.items() if journal != state]:
        journal, state = (str(each)[:60] for each in pairs[odd[0]])
        raise InsituError(f"it is damaged: the journal gives {odd[0]} {journal}, the state {state}; restore a backup")
    for label, mean in seen.means.items():
        difference = np.abs(model.means[model.numbers[label]] - mean).max(initial=0)
        if not difference <= TOLERANCE * seen.largest:
            raise InsituError(
                f"it is damaged: the mean of class {label!r} differs from that of the journal; restore a backup"
            )
    if not settings_from(parameters).keeps_images:
        _check_vectors(seen, model)


def _check_vectors(seen: Summary, model: Model) -> None:
    """Raise ``InsituError`` where stored examples were never taught, or the space is out of their range."""
    label_of = {number: label for label, number in model.numbers.items()}
    for number, row in zip(model.kept_numbers.tolist(), model.kept, strict=True):
        if row.tobytes() not in seen.rows.get(label_of[number], ()):
            raise InsituError(
                f"it is damaged: a stored example of {label_of[number]!r} is not in the journal; restore a backup"
            )
    if model.space is not None:
        spread = model.space.scale[np.isfinite(model.space.scale)]
        if (
            not (np.abs(model.space.shift) <= MARGIN * seen.largest).all()
            or not (spread <= 2 * MARGIN * seen.largest).all()
        ):
            raise InsituError("it is damaged: shift or scale is out of the range of the journal; restore a backup")


def summarize(events: list[Event], vectors: bool) -> Summary:
    """Return what follows from events; raise ``InsituError`` where no memory can have had them in this order."""
    seen = Summary()
    for event in events:
        seen = _after(seen, event, vectors)
    return seen


def _after(seen: Summary, event: Event, vectors: bool) -> Summary:
    if event.kind == "fit":
        seen = Summary()
    seen.events += 1
    seen.now_s += event.seconds
    if seen.names is None:
        seen.names = event.feature_names
    if event.kind in ("fit", "learn"):
        x = event.arrays["x"]
        order = {label: [] for label in event.labels}  # type: dict[Label, list[int]]
        for row, label in enumerate(event.labels):
            order[label].append(row)
        counts = {label: len(rows) for label, rows in order.items()}
        means = {label: _mean(x[rows].astype(np.float64)) for label, rows in order.items()} if vectors else {}
        _add_statistics(seen, counts, means, float(np.abs(x).max(initial=0)))
        if vectors:
            _add_rows(seen, event.labels, x)
    elif event.kind == "merge":
        counts = dict(zip(event.labels, event.arrays["counts"].tolist(), strict=True))
        means = dict(zip(event.labels, event.arrays["means"], strict=True)) if vectors else {}
        _add_statistics(seen, counts, means, float(np.abs(event.arrays["means"]).max(initial=0)))
        if vectors:
            kept, indices = event.arrays["kept"], event.arrays["kept_numbers"].tolist()
            seen.largest = max(seen.largest, float(np.abs(kept).max(initial=0)))
            _add_rows(seen, [event.labels[index] for index in indices], kept)
    elif event.kind == "forget":
        if event.labels[0] not in seen.numbers:
            raise InsituError(
                f"it is damaged: the journal forgets {event.labels[0]!r}, which it never taught; restore a backup"
            )
        for known in (seen.numbers, seen.counts, seen.means, seen.rows):
            known.pop(event.labels[0], None)
    return seen


def _add_statistics(seen: Summary, counts: dict[Label, int], means: Means, largest: float) -> None:
    seen.largest = max(seen.largest, largest)
    for label, count in counts.items():
        if label not in seen.numbers:
            seen.numbers[label], seen.counts[label] = seen.used, 0
            seen.used += 1
        seen.counts[label] += count
        if label in means:
            if seen.features not in (None, len(means[label])):
                raise InsituError("it is damaged: the journal has vectors of several lengths; restore a backup")
            seen.features = len(means[label])
            share = count / seen.counts[label]
            seen.means[label] = (1 - share) * seen.means.get(label, np.zeros(1)) + share * means[label]


def _add_rows(seen: Summary, labels: list[Label], x: NDArray[np.generic]) -> None:
    for label, row in zip(labels, x.astype(np.float64), strict=True):
        seen.rows.setdefault(label, set()).add(row.tobytes())


def _mean(x: NDArray[np.float64]) -> NDArray[np.float64]:
    size = float(np.abs(x).max(initial=0)) or 1.0  # so that no sum overflows
    mean: NDArray[np.float64] = (x / size).mean(0) * size
    return mean
