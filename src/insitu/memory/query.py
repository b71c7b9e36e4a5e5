"""Query results and the devices of classes, as values that stay valid while the memory goes on learning."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError, generator
from insitu.learners.array_columns import columns_of
from insitu.memory.familiarity import Unknown, calibration
from insitu.memory.labels import Label, label_array
from insitu.memory.model import Model
from insitu.memory.settings import Settings
from insitu.memory.space import Vectors
from insitu.substrates import Substrate
from insitu.substrates.crossbar import Crossbar

Floats = NDArray[np.float32]
Scores = NDArray[np.float64]
LEAST_WEIGHT = 1e-6  # of the softmax in the probabilities of an unknown row


@dataclass(frozen=True, eq=False)
class QueryResult:
    """Similarities of n rows to all classes, from one read of the array."""

    classes: list[Label]  # sorted
    class_array: NDArray[Any]  # the same
    similarities: Scores  # (n, classes) cosines to the classes, corrected for few examples: they may exceed 1
    sharpness: float  # factor of the similarities in the softmax
    familiarity: Scores | None = None  # (n,) share of left-out known examples that were no closer; None: not computed
    unknown: Unknown | None = None  # the answer to unfamiliar rows; None: every row is of a class

    def rows(self, rows: slice) -> QueryResult:
        """Return the result for some of the rows."""
        familiarity = None if self.familiarity is None else self.familiarity[rows]
        return replace(self, similarities=self.similarities[rows], familiarity=familiarity)

    @property
    def predictions(self) -> NDArray[Any]:
        """Label (n,) of the most similar class, or ``unknown``."""
        best, answers = self.similarities.argmax(1), self.class_array
        if self.unknown is not None and self.familiarity is not None:
            answers = label_array([*self.classes, self.unknown.label])
            best[self.familiarity < self.unknown.rate] = len(self.classes)
        labels: NDArray[Any] = answers[best]
        return labels

    @property
    def probabilities(self) -> Scores:
        """Probabilities (n, classes); those of rows less familiar than the rate approach 1 / classes."""
        scaled = self.sharpness * (self.similarities - self.similarities.max(1, keepdims=True))
        powers = np.exp(scaled)
        probabilities: Scores = powers / powers.sum(1, keepdims=True)
        if self.unknown is not None and self.familiarity is not None:
            # never exactly 0, so that the most similar class stays the most probable one
            weight = np.clip(self.familiarity / self.unknown.rate, LEAST_WEIGHT, 1)[:, None]
            probabilities = weight * probabilities + (1 - weight) / len(self.classes)
        return probabilities


@dataclass(frozen=True, eq=False)
class Columns:
    """The devices of some classes at one time; a cell is the devices of one sign, pulsed and read together."""

    conductances_us: Floats  # (2 signs, rows, classes) mean of a read, summed over the devices of a cell
    pulses: NDArray[np.int32]  # (2, rows, classes) SET pulses per device, since the earlier state where one is given
    resets: NDArray[np.int32]  # (classes,) RESETs, likewise
    full_scale_us: float  # highest conductance that a cell is programmed to


def query(
    settings: Settings,
    model: Model,
    vectors: Vectors,
    seeded: bool,
    unknown: Unknown | None = None,
    familiarity: bool = False,
) -> QueryResult:
    """Compare vectors (n, features) with all classes; with ``seeded``, equal queries get equal read noise."""
    operations = settings.operations()
    z = operations.scale(model, vectors)
    rng = np.random.default_rng()
    if seeded:
        # seeded by what the array receives: the same numbers in another unit or precision are the same query
        rng = generator(model.seed, "read", model.events - model.renames, zlib.crc32(z.numpy().tobytes()))
    assert model.space is not None
    similarities = operations.scores(model, z, rng).double().numpy()
    result = QueryResult(model.labels, model.label_array, similarities, model.space.sharpness)
    if unknown is None and not familiarity:
        return result
    known = calibration(operations.learner, model)
    sharpness = result.sharpness if unknown is None else known.sharpness
    return replace(result, sharpness=sharpness, familiarity=known.familiarity(similarities), unknown=unknown)


def self_test(settings: Settings, model: Model, seeded: bool) -> tuple[QueryResult, NDArray[Any]]:
    """Query the stored examples; return the result and their labels (n,)."""
    if not len(model.kept):
        raise InsituError("the memory stores no example; teach it some first")
    label_of = {number: label for label, number in model.numbers.items()}
    labels = label_array([label_of[number] for number in model.kept_numbers.tolist()])
    return query(settings, model, model.kept, seeded), labels


def columns(substrate: Substrate, model: Model, labels: list[Label], since: Model | None = None) -> Columns | None:
    """Return the devices of these classes, or None on a substrate without devices; ``since`` is an earlier state."""
    if not isinstance(substrate, Crossbar):
        return None
    if missing := [label for label in labels if label not in model.numbers]:
        raise InsituError(f"the memory does not hold {missing[0]!r}; teach it first")
    if model.state is None:
        raise InsituError("the memory holds no class; teach it some examples first")
    numbers = [model.numbers[label] for label in labels]
    column_of, held = columns_of(model.state, numbers), model.state.held
    selected = [column_of[number] for number in numbers]
    pulses, resets = substrate.wear(held, selected)
    if since is not None and since.state is not None:
        common = [k for k, column in enumerate(selected) if column < len(since.state.labels)]
        before = substrate.wear(since.state.held, [selected[k] for k in common])
        pulses[..., common] -= before[0]
        resets[common] -= before[1]
    return Columns(
        substrate.conductances_us(held, selected, model.now_s),
        pulses,
        resets,
        full_scale_us=substrate.devices * substrate.device.full_scale_us,
    )
