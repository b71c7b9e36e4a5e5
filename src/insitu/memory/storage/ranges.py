"""Whether the numbers of a state are such as teaching leaves: finite nonsense passes a check of shapes.

What follows from other parts of the state is compared with them: the weights of a space with the fixed matrix they are
made of, shots with the examples counted, sums with shots. Of what was measured, only the range is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any

import numpy as np
from torch import Tensor

from insitu.core import InsituError, generator
from insitu.devices import Cells
from insitu.learners.explicit_memory import FREE, State
from insitu.memory.model import Model
from insitu.memory.space import FAR, PROBES, Space, fixed_turn
from insitu.substrates.analog.tiles import Held, Tile
from insitu.substrates.digital import Held as Stored

STEEPEST_DRIFT = 1.0  # exponent; phase change has at most a quarter
SMALLEST, LARGEST = 1e-9, 1e9  # of factors that are measured in the array
CLOSE = 1e-4  # of float32, and of what differs between libraries
ALIKE = 1e-2  # of the weights of a backbone's space, which are computed from its base images


def check_ranges(model: Model, fixed: Space | None) -> None:
    """Raise ``InsituError`` where a number is none that teaching leaves; ``fixed`` is the space of a backbone."""
    if (space := model.space) is not None:
        _check_space(space, fixed)
        if model.state is not None:
            _check_state(model, model.state, space)


def _check_space(space: Space, fixed: Space | None) -> None:
    projection = space.projection
    _within("sharpness and scatter", np.array([space.sharpness, projection.scatter]), 0, 1e3)
    _within("cohort and probes", np.concatenate([space.cohort.numpy(), space.probes.numpy()]), -FAR, FAR)
    if fixed is not None:
        for name in ("weight", "bias", "centre"):
            _agree(name, getattr(projection, name), getattr(fixed.projection, name), ALIKE)
        for name in ("shift", "scale", "probes"):
            _agree(name, getattr(space, name), getattr(fixed, name), ALIKE)
        return
    weight, bias = (each.double().numpy() for each in (projection.weight, projection.bias))
    dim, features = weight.shape
    drawn = generator(0, "probes of a memory", features).standard_normal((PROBES, features), dtype=np.float32)
    _agree("probes", space.probes, drawn, CLOSE)
    _within("centre", projection.centre.numpy(), 0, 0)
    turn = fixed_turn(features + 1, dim)
    inner, last = turn[:, :features], turn[:, features]
    length = float(last @ bias / (last @ last))
    _within("bias", np.array([length]), SMALLEST, FAR)
    _agree("bias", bias, length * last, CLOSE)
    _within("weight", weight, -1 - CLOSE, 1 + CLOSE)
    if dim > features:  # the matrix has orthonormal columns, so that what it was multiplied by can be told
        gains = inner.T @ weight
        _agree("weight", weight, inner @ gains, CLOSE)
        _agree("weight", gains, gains.T, CLOSE)
        _within("gains of the weight", np.linalg.eigvalsh(gains), 1e-3, 1 + CLOSE)
    elif not weight.any(1).all():
        raise _wrong("weight is 0")


def _check_state(model: Model, state: State, space: Space) -> None:
    for name in ("weight", "bias", "centre"):
        _agree(f"{name} of the array", getattr(state.projection, name), getattr(space.projection, name), 0)
    labels, shots = state.labels.numpy(), state.shots.double().numpy()
    counts = np.where(labels == FREE, 0, model.counts[labels * (labels != FREE)]) if len(model.counts) else shots * 0
    if not (np.abs(shots - counts) <= CLOSE * counts).all():
        raise _wrong("shots are not as many as examples")
    sums = np.linalg.norm(state.sums.double().numpy(), axis=1)
    if not (sums <= shots * (1 + CLOSE)).all():
        raise _wrong("sums are longer than those of as many unit vectors")
    _within("slope", state.slope.numpy(), SMALLEST / 2, LARGEST)
    _within("offset", state.offset.numpy(), -LARGEST, LARGEST)
    _within("activations", state.activations.numpy(), -FAR, FAR)
    _within("cohort of the array", state.cohort.x.numpy(), -FAR, FAR)
    for record in records_in(state.held):
        if isinstance(record, Cells):
            _within("drift", record.drift, -STEEPEST_DRIFT, STEEPEST_DRIFT)
            _within("history", record.history, -LARGEST, LARGEST)
            _within("time of writing", record.programmed_s, 0, model.now_s)
        elif isinstance(record, Tile):
            _within("pulses", record.pulses, 0, np.inf)
            _within("resets", record.resets, 0, np.inf)
        elif isinstance(record, Held):
            # a sum that cancels is written as zeros, at no scale
            _within("scale of columns", record.scale.numpy(), 0, LARGEST)
            _within("scale of columns", record.scale.numpy()[sums > 0], SMALLEST, LARGEST)
            _within("reference", record.reference.numpy(), 0, FAR)
            _within("time of writing", np.array([record.written_s]), 0, model.now_s)
            for each in record.ranges_us:
                if each is not None:
                    _within("range of converters", each, SMALLEST, FAR)
        elif isinstance(record, Stored):
            _within("weights held", record.weights.numpy(), -1 - CLOSE, 1 + CLOSE)  # of unit vectors


def records_in(value: object) -> Iterator[object]:
    """Yield the records that a value is made of, itself first."""
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
        raise _wrong(f"{name} is not within {low:g}..{high:g}")


def _agree(name: str, given: Any, wanted: Any, tolerance: float) -> None:
    one, two = (np.asarray(each.numpy() if isinstance(each, Tensor) else each, np.float64) for each in (given, wanted))
    if one.shape != two.shape or not (np.abs(one - two) <= tolerance * max(1.0, np.abs(two).max(initial=0))).all():
        raise _wrong(f"{name} is not what it follows from")


def _wrong(what: str) -> InsituError:
    return InsituError(f"the state is damaged: {what}; restore a copy, or import with --replay")
