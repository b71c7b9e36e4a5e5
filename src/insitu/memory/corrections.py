"""Corrections of a memory's model: undo a change, remove or relabel an example, rename a class.

Devices are not un-pulsed: a column whose content changes is RESET and written again with what its class has now, so
that each correction spends pulses and leaves younger cells. The digital numbers next to the array are restored exactly.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from insitu.core import InsituError
from insitu.learners.array_columns import FREE, held_columns
from insitu.memory.labels import Label
from insitu.memory.model import Model, drop_examples, stored_ids
from insitu.memory.operations import Operations
from insitu.memory.space import Vectors, class_means
from insitu.protocols import Examples

COLUMN = ("shots", "sums", "activations")  # of ``State``: the digital numbers that determine what a column holds


def undo(operations: Operations, model: Model, before: Model | None, rng: np.random.Generator) -> Model:
    """Return the model with everything as in ``before`` but its devices, clock and number of events.

    Columns that hold something else than they did are RESET and written with the sums they had. ``before`` is None
    where there was no model; its own array is not used.
    """
    before = before or Model(model.features, model.seed)
    now = {name: getattr(model, name) for name in ("seed", "events", "now_s", "taught", "renames", "encoder", "state")}
    restored, state = replace(before, **now), model.state
    if state is None:
        return restored
    earlier = before.state
    columns = held_columns(state)
    if earlier is None or model.space is None:
        probes = state.cohort.x[:0] if model.space is None else model.space.probes
        state = replace(state, cohort=Examples(probes, torch.zeros(len(probes), dtype=torch.int64)))
        state = operations.learner.erase(state, [*columns], model.now_s, rng) if columns else state
        return replace(restored, state=state)
    targets = held_columns(earlier)
    same = {
        number
        for number, column in targets.items()
        if number in columns
        and all(
            np.array_equal(getattr(state, name)[columns[number]], getattr(earlier, name)[column]) for name in COLUMN
        )
    }
    erased = [number for number in columns if number not in same]
    written = [number for number in targets if number not in same]
    state = replace(state, projection=earlier.projection, cohort=earlier.cohort)
    if erased:
        state = operations.learner.erase(state, erased, model.now_s, rng)
    if written:
        rows = [targets[number] for number in written]
        shots, sums, activations = (torch.as_tensor(getattr(earlier, name)[rows]) for name in COLUMN)
        state = operations.learner.imprint(state, written, sums, shots, activations, model.now_s, rng)
    return replace(restored, state=state)


def rename(model: Model, old: Label, new: Label) -> Model:
    """Return the model with class ``old`` called ``new``; nothing else changes."""
    if old not in model.numbers or new in model.numbers:
        raise InsituError(f"the memory does not hold {old!r}, or already holds {new!r}; give a class and a new name")
    numbers = {new if label == old else label: number for label, number in model.numbers.items()}
    return replace(model, numbers=numbers, renames=model.renames + 1)


def vector_of(model: Model, label: Label, example: int, given: Vectors | None) -> Vectors:
    """Return the vector (1, features) of an example of class ``label``, stored in the model or ``given``."""
    stored = (stored_ids(model) == example) & (model.kept_numbers == model.numbers.get(label, FREE))
    if stored.any():
        vector: Vectors = model.kept[stored]
        return vector
    if given is None or label not in model.numbers:
        raise InsituError(f"the memory stores no example {example} of {label!r}; see examples() for those it has")
    return given


def remove(
    operations: Operations, model: Model, label: Label, example: int, vector: Vectors, rng: np.random.Generator
) -> Model:
    """Return the model without an example of class ``label``; the last one of a class removes the class.

    The column is RESET and written from the examples that are left if all of them are stored, else from their mean.
    """
    number = model.numbers[label]
    left = int(model.counts[number]) - 1
    if not left:
        return operations.forget(model, label, rng)
    model = drop_examples(model, stored_ids(model) != example)
    rows = model.kept[model.kept_numbers == number]
    complete = len(rows) == left
    counts, mean = model.counts.copy(), model.means[[number]]
    counts[number] = left
    mean = class_means(rows, np.zeros(left, int)) if complete else mean + (mean - vector) / left
    model = replace(model, counts=counts, means=model.means.put([number], mean))
    space, state = model.space, model.state
    assert space is not None
    assert state is not None
    written = space.scaled(rows if complete else mean)
    vectors = state.projection.vectors(written)
    sums = vectors.sum(0, keepdim=True) if complete else vectors * left
    state = replace(state, cohort=space.calibration_examples())
    state = operations.learner.erase(state, [number], model.now_s, rng)
    shots, activation = torch.tensor([float(left)]), written.mean(0, keepdim=True)
    return replace(model, state=operations.learner.imprint(state, [number], sums, shots, activation, model.now_s, rng))


def relabel(
    operations: Operations,
    model: Model,
    labels: list[Label],
    example: int,
    vector: Vectors,
    rng: np.random.Generator,
) -> Model:
    """Return the model with an example moved from the first of two classes to the second, which may be new."""
    old, new = labels
    model = remove(operations, model, old, example, vector, rng)
    return operations.teach(model, vector, [new], rng, np.array([example]))
