"""What a memory answers, and what its devices look like, as values that can be kept while it goes on learning."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError, generator
from insitu.learners.explicit_memory import FREE
from insitu.memory.labels import Label, array_of
from insitu.memory.model import Model
from insitu.memory.settings import Settings
from insitu.memory.space import Vectors
from insitu.substrates import Substrate
from insitu.substrates.crossbar import Crossbar

Floats = NDArray[np.float32]
Scores = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Recall:
    """Answers to n rows, all of one reading of the devices."""

    labels: list[Label]  # of the classes, sorted
    similarities: Scores  # (n, classes)
    sharpness: float  # by which similarities are multiplied before the softmax

    @property
    def answers(self) -> NDArray[Any]:
        """Label (n,) of the most similar class."""
        best: NDArray[Any] = array_of(self.labels)[self.similarities.argmax(1)]
        return best

    @property
    def probabilities(self) -> Scores:
        """Probabilities (n, classes)."""
        raised = self.sharpness * (self.similarities - self.similarities.max(1, keepdims=True))
        powers = np.exp(raised)
        shares: Scores = powers / powers.sum(1, keepdims=True)
        return shares


@dataclass(frozen=True, eq=False)
class Columns:
    """The devices of some classes at one time; a cell is the devices of one sign, pulsed and read together."""

    conductances_us: Floats  # (2 signs, rows, classes) mean of a read, summed over the devices of a cell
    pulses: NDArray[
        np.int32
    ]  # (2, rows, classes) SET pulses that each device has seen, since a time where one is given
    resets: NDArray[np.int32]  # (classes,) RESETs, likewise
    full_scale_us: float  # what a cell is programmed to at most


def recalled(settings: Settings, model: Model, vectors: Vectors, seeded: bool) -> Recall:
    """Return what the memory answers to vectors (n, features); ``seeded``, equal questions get equal noise."""
    verbs = settings.verbs()
    z = verbs.scaled(model, vectors)
    rng = np.random.default_rng()
    if seeded:
        # by what the array is given: the same numbers in another unit or precision are the same question
        rng = generator(model.seed, "read", model.events, zlib.crc32(z.numpy().tobytes()))
    assert model.space is not None
    return Recall(model.labels, verbs.scores(model, z, rng).double().numpy(), model.space.sharpness)


def columns(substrate: Substrate, model: Model, labels: list[Label], since: Model | None = None) -> Columns | None:
    """Return the devices of these classes, or None where the substrate has none; ``since`` is an earlier state."""
    if not isinstance(substrate, Crossbar):
        return None
    if missing := [label for label in labels if label not in model.numbers]:
        raise InsituError(f"the memory does not hold {missing[0]!r}; teach it first")
    if model.state is None:
        raise InsituError("the memory holds no class; teach it some examples first")
    place = {int(number): column for column, number in enumerate(model.state.labels) if number != FREE}
    wanted, held = [place[model.numbers[label]] for label in labels], model.state.held
    pulses, resets = substrate.wear(held, wanted)
    if since is not None and since.state is not None:
        there = [k for k, column in enumerate(wanted) if column < len(since.state.labels)]
        before = substrate.wear(since.state.held, [wanted[k] for k in there])
        pulses[..., there] -= before[0]
        resets[there] -= before[1]
    return Columns(
        substrate.conductances_us(held, wanted, model.now_s),
        pulses,
        resets,
        full_scale_us=substrate.devices * substrate.device.full_scale_us,
    )
