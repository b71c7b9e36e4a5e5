"""What an undo takes back, and the models that it returns to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from insitu.core import InsituError, generator
from insitu.memory.event import Event, apply
from insitu.memory.model import Model, drop_examples, number_classes, store_examples, stored_ids
from insitu.memory.settings import Settings

REMEMBERED = 16  # changes that can be taken back in a memory without a file
UNCHANGING = ("age", "undo")  # kinds of events that are not taken back: time only advances
Past = tuple[tuple[Event, Model | None], ...]  # changes, the oldest first, each with the model before it


def undone(kinds: Iterable[str]) -> dict[int, int]:
    """Return for every undo among these kinds of events its position and that of the change which it takes back."""
    changes: list[int] = []
    found: dict[int, int] = {}
    for position, kind in enumerate(kinds):
        if kind == "fit":
            changes = []
        elif kind == "undo":
            if not changes:
                raise InsituError(f"event {position + 1} takes back a change, but there is none since the fit")
            found[position] = changes.pop()
        elif kind not in UNCHANGING:
            changes.append(position)
    return found


def last_change(newest_first: Iterable[str]) -> int | None:
    """Return how many events back the change is that the next undo takes back, None where there is none."""
    taken_back = 0
    for back, kind in enumerate(newest_first):
        if kind == "fit":
            return None
        if kind == "undo":
            taken_back += 1
        elif kind not in UNCHANGING:
            if not taken_back:
                return back
            taken_back -= 1
    return None


def remember(past: Past, event: Event, before: Model | None) -> Past:
    """Return the past after ``event``, at most ``REMEMBERED`` changes."""
    if event.kind == "fit":
        return ()
    if event.kind == "undo":
        return past[:-1]
    return past if event.kind in UNCHANGING else (*past, (event, without_devices(before)))[-REMEMBERED:]


def before_last_change(past: Past) -> Model | None:
    """Return the model before the last change of ``past``."""
    if not past:
        raise InsituError(
            f"there is no change to undo: the memory is as it was fitted, or has no more of the {REMEMBERED} changes "
            "that a memory without a file remembers; a memory opened from a file can go back to its fit"
        )
    return past[-1][1]


def without_devices(model: Model | None) -> Model | None:
    """Return the model without what the substrate holds."""
    return model and replace(model, state=model.state and replace(model.state, held=None))


def replay(settings: Settings, events: Sequence[Event], seed: Callable[[], int]) -> Model | None:
    """Return the model after ``events``; ``seed`` returns the seed of a new model."""
    targets = undone(event.kind for event in events)
    needed = set(targets.values())
    models: dict[int, Model | None] = {}
    model: Model | None = None
    for position, event in enumerate(events):
        if position in needed:
            models[position] = without_devices(model)
        before = models.pop(targets[position]) if position in targets else None
        model = apply(settings, model, event, seed(), before)
    return model


def identify(model: Model, events: Iterable[Event]) -> Model:
    """Return a model of an earlier version with the ids that its journal gives to the stored examples.

    Which examples are stored depends on the labels and the seed alone, so that it can be repeated without vectors.
    """
    shadow = Model(1, model.seed)
    for event in events:
        if event.kind == "fit":
            shadow = Model(1, model.seed)
        shadow = replace(shadow, events=shadow.events + 1)
        if event.kind == "forget":
            number = shadow.numbers[event.labels[0]]
            numbers = {label: its for label, its in shadow.numbers.items() if its != number}
            shadow = drop_examples(replace(shadow, numbers=numbers), shadow.kept_numbers != number)
        elif event.kind != "age":
            shadow, y = number_classes(shadow, event.labels)
            y = y[event.arrays["kept_numbers"]] if event.kind == "merge" else y
            rng = generator(model.seed, "event", shadow.events)
            shadow = store_examples(shadow, np.zeros((len(y), 1)), y, rng)
    same = np.array_equal(shadow.kept_numbers, model.kept_numbers)
    return replace(model, kept_ids=stored_ids(shadow if same else model), taught=shadow.taught)
