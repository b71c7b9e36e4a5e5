"""Comparison of a memory's state with its journal: classes, counts, means, number of events, clock.

All of this follows from the events alone, whatever the devices. It is computed independently of the code that learns,
so that the two can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.memory import history
from insitu.memory.event import EXAMPLE, Event
from insitu.memory.labels import Label
from insitu.memory.model import UNKNOWN, Model, stored_ids
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
    examples: dict[int, tuple[Label, bytes]] = field(
        default_factory=dict
    )  # class and vector of each id; b'' for images
    taught: int = 0  # ids assigned so far
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
        "examples ever taught": (seen.taught, model.taught),
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
    _check_examples(seen, model, not settings_from(parameters).keeps_images)


def _check_examples(seen: Summary, model: Model, vectors: bool) -> None:
    """Raise ``InsituError`` where stored examples were never taught, or the space is out of their range."""
    label_of = {number: label for label, number in model.numbers.items()}
    taught = set(seen.examples.values())
    for number, example, row in zip(model.kept_numbers.tolist(), stored_ids(model).tolist(), model.kept, strict=True):
        found = (label_of[number], row.tobytes() if vectors else b"")
        if seen.examples.get(example) != found and (example != UNKNOWN or found not in taught):
            raise InsituError(
                f"it is damaged: a stored example of {label_of[number]!r} is not in the journal; restore a backup"
            )
    if model.space is not None and vectors:
        spread = model.space.scale[np.isfinite(model.space.scale)]
        if (
            not (np.abs(model.space.shift) <= MARGIN * seen.largest).all()
            or not (spread <= 2 * MARGIN * seen.largest).all()
        ):
            raise InsituError("it is damaged: shift or scale is out of the range of the journal; restore a backup")


def summarize(events: list[Event], vectors: bool) -> Summary:
    """Return what follows from events; raise ``InsituError`` where no memory can have had them in this order."""
    seen, targets = Summary(), history.undone(event.kind for event in events)
    needed, former = set(targets.values()), {}
    for position, event in enumerate(events):
        if position in needed:
            former[position] = _copy(seen)
        if position in targets:
            now = {name: getattr(seen, name) for name in ("events", "now_s", "taught")}
            seen = replace(former.pop(targets[position]), **now)
        seen = _after(seen, event, vectors)
    return seen


def _copy(seen: Summary) -> Summary:
    return replace(
        seen,
        numbers=dict(seen.numbers),
        counts=dict(seen.counts),
        means=dict(seen.means),
        examples=dict(seen.examples),
    )


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
        _add_examples(seen, event.labels, x if vectors else None)
    elif event.kind == "merge":
        counts = dict(zip(event.labels, event.arrays["counts"].tolist(), strict=True))
        means = dict(zip(event.labels, event.arrays["means"], strict=True)) if vectors else {}
        _add_statistics(seen, counts, means, float(np.abs(event.arrays["means"]).max(initial=0)))
        kept, indices = event.arrays["kept"], event.arrays["kept_numbers"].tolist()
        if vectors:
            seen.largest = max(seen.largest, float(np.abs(kept).max(initial=0)))
        _add_examples(seen, [event.labels[index] for index in indices], kept if vectors else None)
    elif event.kind in ("forget", "rename", "remove", "relabel"):
        if event.labels[0] not in seen.numbers or (event.kind == "rename" and event.labels[1] in seen.numbers):
            raise InsituError(
                f"it is damaged: event {seen.events} ({event.kind}) is of classes that the journal never taught, or "
                f"has already: {event.labels}; restore a backup"
            )
        if event.kind == "rename":
            _rename(seen, *event.labels)
        elif event.kind == "forget":
            _forget(seen, event.labels[0])
        else:
            _correct(seen, event, vectors)
    return seen


def _rename(seen: Summary, old: Label, new: Label) -> None:
    tables: tuple[dict[Label, Any], ...] = (seen.numbers, seen.counts, seen.means)
    for known in tables:
        if old in known:
            known[new] = known.pop(old)
    seen.examples = {example: (new if label == old else label, row) for example, (label, row) in seen.examples.items()}


def _forget(seen: Summary, label: Label) -> None:
    tables: tuple[dict[Label, Any], ...] = (seen.numbers, seen.counts, seen.means)
    for known in tables:
        known.pop(label, None)
    seen.examples = {example: found for example, found in seen.examples.items() if found[0] != label}


def _correct(seen: Summary, event: Event, vectors: bool) -> None:
    """Take an example out of its class, and add it to another where it is relabelled."""
    old, example = event.labels[0], int(event.arrays[EXAMPLE][0])
    label, row = seen.examples.pop(example, (None, b""))
    if label != old:
        raise InsituError(
            f"it is damaged: event {seen.events} ({event.kind}) is of example {example} of {old!r}, which the journal "
            "does not have; restore a backup"
        )
    x, left = np.frombuffer(row, np.float64), seen.counts[old] - 1
    if not left:
        _forget(seen, old)
    else:
        seen.counts[old] = left
        if vectors:
            seen.means[old] = seen.means[old] + (seen.means[old] - x) / left
    if event.kind == "relabel":
        _add_statistics(seen, {event.labels[1]: 1}, {event.labels[1]: x} if vectors else {}, 0.0)
        seen.examples[example] = event.labels[1], row


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


def _add_examples(seen: Summary, labels: list[Label], x: NDArray[np.generic] | None) -> None:
    rows = [b""] * len(labels) if x is None else [row.tobytes() for row in x.astype(np.float64)]
    seen.examples |= zip(range(seen.taught, seen.taught + len(labels)), zip(labels, rows, strict=True), strict=True)
    seen.taught += len(labels)


def _mean(x: NDArray[np.float64]) -> NDArray[np.float64]:
    size = float(np.abs(x).max(initial=0)) or 1.0  # so that no sum overflows
    mean: NDArray[np.float64] = (x / size).mean(0) * size
    return mean
