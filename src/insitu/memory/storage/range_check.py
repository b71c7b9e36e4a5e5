"""Plausibility of the numbers in a state: ranges, and values that follow from other parts of the state.

The weights of a space are compared with the fixed matrix that they derive from, shots with the counted examples, sums
with shots. Of measured values only the range is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any

import numpy as np
from torch import Tensor

from insitu.core import InsituError
from insitu.devices import Cells
from insitu.learners.array_columns import FREE, State
from insitu.memory.model import Model
from insitu.memory.space import FAR, Space, random_probes, random_rotation
from insitu.substrates.analog.tiles import Held, Tile
from insitu.substrates.digital import Held as Stored

SMALLEST, LARGEST = 1e-9, 1e9  # of factors that are measured in the array
CLOSE = 1e-4  # relative tolerance of float32, including differences between numerical libraries
SIMILAR = 1e-2  # relative tolerance of a backbone's space, which is computed from its base images


def damaged_state(what: str) -> InsituError:
    """Return the error that says what is wrong with a state."""
    return InsituError(f"the state is damaged: {what}; restore a backup, or import with --replay")


def check_ranges(model: Model, fixed: Space | None) -> None:
    """Raise ``InsituError`` where a number is impossible; ``fixed`` is the space of a backbone."""
    if (space := model.space) is not None:
        _check_space(space, fixed)
        if model.state is not None:
            _check_state(model, model.state, space)


def _check_space(space: Space, fixed: Space | None) -> None:
    projection = space.projection
    _within("sharpness and scatter", np.array([space.sharpness, projection.scatter]), 0, 1e3)
    _within("calibration set and probes", np.concatenate([space.cohort.numpy(), space.probes.numpy()]), -FAR, FAR)
    if fixed is not None:
        for name in ("weight", "bias", "centre"):
            _agree(name, getattr(projection, name), getattr(fixed.projection, name), SIMILAR)
        for name in ("shift", "scale", "probes"):
            _agree(name, getattr(space, name), getattr(fixed, name), SIMILAR)
        return
    weight, bias = (each.double().numpy() for each in (projection.weight, projection.bias))
    dim, features = weight.shape
    _agree("probes", space.probes, random_probes(features), CLOSE)
    _within("centre", projection.centre.numpy(), 0, 0)
    _within("weight", weight, -1 - CLOSE, 1 + CLOSE)
    if dim <= features:  # the matrix follows from all examples, which are not stored
        _within("bias", np.array([np.linalg.norm(bias)]), SMALLEST, FAR)
        if not weight.any(1).all():
            raise damaged_state("weight is 0")
        return
    rotation = random_rotation(features + 1, dim)
    inner, last = rotation[:, :features], rotation[:, features]
    length = float(last @ bias / (last @ last))
    _within("bias", np.array([length]), SMALLEST, FAR)
    _agree("bias", bias, length * last, CLOSE)
    gains = inner.T @ weight  # the matrix has orthonormal columns, so the factor can be recovered
    _agree("weight", weight, inner @ gains, CLOSE)
    _within("gains of the weight", np.linalg.svd(gains, compute_uv=False), 1e-3, 1 + CLOSE)


def _check_state(model: Model, state: State, space: Space) -> None:
    for name in ("weight", "bias", "centre"):
        _agree(f"{name} of the array", getattr(state.projection, name), getattr(space.projection, name), 0)
    labels, shots = state.labels.numpy(), state.shots.double().numpy()
    counts = np.where(labels == FREE, 0, model.counts[labels * (labels != FREE)]) if len(model.counts) else shots * 0
    if not (np.abs(shots - counts) <= CLOSE * counts).all():
        raise damaged_state("shots do not match the counts of examples")
    sums = np.linalg.norm(np.asarray(state.sums, np.float64), axis=1)
    if not (sums <= shots * (1 + CLOSE)).all():
        raise damaged_state("sums are longer than those of that many unit vectors")
    _within("slope", state.slope.numpy(), SMALLEST / 2, LARGEST)
    _within("offset", state.offset.numpy(), -LARGEST, LARGEST)
    _within("activations", state.activations, -FAR, FAR)
    _within("calibration set of the array", state.cohort.x.numpy(), -FAR, FAR)
    for record in records_in(state.held):
        if isinstance(record, Cells):
            _within("history", record.history, -LARGEST, LARGEST)
            _within("programming time", record.programmed_s, 0, model.now_s)
        elif isinstance(record, Tile):
            _within("pulses", record.pulses, 0, np.inf)
            _within("resets", record.resets, 0, np.inf)
        elif isinstance(record, Held):
            # a sum that cancels is written as zeros, with scale 0
            _within("scale of columns", record.scale.numpy(), 0, LARGEST)
            _within("scale of columns", record.scale.numpy()[sums > 0], SMALLEST, LARGEST)
            _within("reference", record.reference.numpy(), 0, FAR)
            _within("programming time", np.array([record.written_s]), 0, model.now_s)
            for each in record.ranges_us:
                if each is not None:
                    _within("range of converters", each, SMALLEST, FAR)
        elif isinstance(record, Stored):
            _within("weights held", record.weights.numpy(), -1 - CLOSE, 1 + CLOSE)  # of unit vectors


def records_in(value: object) -> Iterator[object]:
    """Yield all records nested in a value, the outermost first."""
    if is_dataclass(value):
        yield value
        for inner in vars(value).values():
            yield from records_in(inner)
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from records_in(inner)


def _within(name: str, given: Any, low: float, high: float) -> None:
    array = np.asarray(given)
    if not ((array >= low) & (array <= high)).all():
        raise damaged_state(f"{name} is not within {low:g}..{high:g}")


def _agree(name: str, given: Any, expected: Any, tolerance: float) -> None:
    one, two = (
        np.asarray(each.numpy() if isinstance(each, Tensor) else each, np.float64) for each in (given, expected)
    )
    if one.shape != two.shape or not (np.abs(one - two) <= tolerance * max(1.0, np.abs(two).max(initial=0))).all():
        raise damaged_state(f"{name} does not match the rest of the state")
