"""The examples that a memory was taught, each with an id, as its journal or its model has them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from insitu.memory.event import EXAMPLE, Event
from insitu.memory.history import undone
from insitu.memory.labels import Label
from insitu.memory.model import UNKNOWN, Model, stored_ids


@dataclass(frozen=True)
class Example:
    """An example of a class. Its id stays the same when it is relabelled, and is never that of another one."""

    id: int
    label: Label
    at: str = ""  # UTC in ISO 8601; '' in a memory without a file
    who: str = ""
    stored: bool = False  # whether its input is stored as it was given
    event: int = 0  # number in the journal of the event that taught it
    row: int = 0  # among the examples of that event


def taught_examples(events: Iterable[Event], vectors: bool) -> dict[int, Example]:
    """Return the current examples by their ids; ``vectors`` says that inputs are vectors.

    ``events`` are those of a journal. Of a merged memory, only the examples that it still stored are known; where
    inputs are images, they came as vectors.
    """
    events = list(events)
    targets = undone(event.kind for event in events)
    former: dict[int, dict[int, Example]] = {position: {} for position in targets.values()}
    found: dict[int, Example] = {}
    taught = 0
    for position, event in enumerate(events):
        if position in former:
            former[position] = dict(found)
        if event.kind == "undo":
            found = former[targets[position]]
        elif event.kind in ("forget", "rename", "remove", "relabel"):
            found = _corrected(found, event)
        elif event.kind != "age":
            if event.kind == "fit":
                found, taught = {}, 0
            merged = event.kind == "merge"
            labels = [event.labels[n] for n in event.arrays["kept_numbers"]] if merged else event.labels
            for row, label in enumerate(labels):
                stored = vectors or not merged
                found[taught] = Example(taught, label, event.at, event.who, stored, position + 1, row)
                taught += 1
    return found


def kept_examples(model: Model, vectors: bool) -> dict[int, Example]:
    """Return the examples that the model stores, by their ids."""
    label_of = {number: label for label, number in model.numbers.items()}
    pairs = zip(stored_ids(model).tolist(), model.kept_numbers.tolist(), strict=True)
    return {id: Example(id, label_of[number], stored=vectors) for id, number in pairs if id != UNKNOWN}  # noqa: A001


def _corrected(found: dict[int, Example], event: Event) -> dict[int, Example]:
    label, new = event.labels[0], event.labels[-1]
    if event.kind in ("remove", "relabel"):
        example = int(event.arrays[EXAMPLE][0])
        others = {each: found[each] for each in found if each != example}
        return others if event.kind == "remove" else others | {example: replace(found[example], label=new)}
    if event.kind == "forget":
        return {each: example for each, example in found.items() if example.label != label}
    return {each: replace(example, label=new) if example.label == label else example for each, example in found.items()}
