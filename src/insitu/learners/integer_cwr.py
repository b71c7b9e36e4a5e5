"""Quantised CWR* with integers only, softmax and the factors between grids included: what a microcontroller learns by.

Sums of products are those of ``kernels/cwr.py``. Its float32 factors become integers m with value m 2^-s, softmax is
powers of two from a table of 65 entries with linear interpolation, in steps of 2^-24, and roundings go up at halves. An
experience is ``begin``, ``step`` per mini-batch in any order and number, ``end``. ``export/c/insitu_head.c`` computes
the same. The first experience of CWR* is learned in float and sets the grids: that is done before the export.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import frexp, isqrt, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.kernels.cwr import forward_codes
from insitu.learners.cwr_star import CwrStar, State

TABLE = np.rint(2.0 ** (24 + np.arange(65) / 64)).astype(np.int64)
LOWEST_POWER = -(24 << 16)  # below, 2^-24 of the largest is nothing
LOW, HIGH, SMALL, LARGE = -(2**15), 2**15 - 1, -(2**7), 2**7 - 1
MOST_BATCH = 128  # examples of a mini-batch, whose sums then fit 32 bits
MOST_FEATURES = 2048

Wide = NDArray[np.int64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Factor:
    """The number m 2^-s."""

    m: int
    s: int

    @classmethod
    def of(cls, value: float, bits: int) -> Factor:
        """Return ``value`` with a mantissa of ``bits`` bits."""
        _, exponent = frexp(value)
        factor = cls(round(value * 2.0 ** (bits - exponent)), bits - exponent)
        if not value > 0 or not 1 <= factor.s <= 62:
            raise InsituError(f"a factor between grids is {value:g}, out of range; learn the first experience again")
        return factor

    def times(self, x: Any) -> Any:
        """Return x m 2^-s, rounded, halves up."""
        return (x * self.m + (1 << (self.s - 1))) >> self.s


@dataclass(frozen=True)
class Factors:
    """What leads from grid to grid; see ``kernels/cwr.py``."""

    zero: int  # code of the input 0
    p_zero: int  # code of the probability 0
    input: Factor  # from a feature of the network to an input
    logit: Factor  # from a sum to 2^16 times the exponent of a power of two
    probability: Factor  # from 2^24 times a probability to its code
    error: int  # 2^16 errors per step of a probability
    one: int  # 2^16 errors per 1
    gradient: Factor
    update: Factor


@dataclass
class IntegerHead:
    """Rows for ``capacity`` classes, changed in place, as on the device."""

    by: Factors
    weight: Wide  # (capacity, features) codes of 16 bits
    past: Rows  # (capacity,) examples seen; 0 where a class is unknown
    doublings: int = 0  # of the step of the weights, since the export
    trained: Wide = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    grown: int = 0  # doublings within the experience
    most: int = 0  # largest |weight| after the last step, before it was limited

    def codes(self, features: Wide) -> Wide:
        """Return input codes of the network's features (n, features)."""
        return np.asarray(np.clip(self.by.input.times(features) + self.by.zero, SMALL, LARGE))

    def begin(self, classes: Rows) -> None:
        """Begin an experience with examples of these classes."""
        self.trained, self.grown, self.most = np.zeros_like(self.weight), 0, 0
        self.trained[classes] = self.weight[classes]

    def step(self, x: Wide, rows: Rows) -> None:
        """Take a step on a mini-batch: input codes x (n, features) of classes ``rows`` (n,)."""
        if not 1 <= len(x) <= MOST_BATCH:
            raise InsituError(f"a mini-batch has 1..{MOST_BATCH} examples; got {len(x)}")
        by = self.by
        if self.most > HIGH + 1:
            self.trained, self.grown = (self.trained + 1) >> 1, self.grown + 1
        used, shift = forward_codes(self.trained, 8)
        sums = x @ used.T - used.sum(1) * by.zero
        behind = sums - sums.max(1, keepdims=True)
        bits = max(by.logit.s - shift - self.doublings - self.grown, 0)
        power = _powers(np.maximum((behind * by.logit.m) >> bits, LOWEST_POWER))
        share = (power << 24) // power.sum(1, keepdims=True)
        p = np.clip(by.probability.times(share) + by.p_zero, SMALL, LARGE)
        wrong = (p - by.p_zero) * by.error
        wrong[np.arange(len(x)), rows] -= by.one
        errors = np.clip((wrong + (1 << 15)) >> 16, LOW, HIGH)
        slopes = errors.T @ x - errors.sum(0)[:, None] * by.zero
        slopes = np.clip(Factor(by.gradient.m // len(x), by.gradient.s).times(slopes), LOW, HIGH)
        moved = self.trained - Factor(by.update.m, min(by.update.s + self.doublings + self.grown, 62)).times(slopes)
        self.most, self.trained = int(np.abs(moved).max()), np.clip(moved, LOW, HIGH)

    def end(self, classes: Rows, counts: Rows) -> None:
        """Consolidate: ``counts`` (k,) different examples of each of the ``classes`` (k,) have been seen."""
        self.weight = (self.weight + ((1 << self.grown) >> 1)) >> self.grown
        self.doublings += self.grown
        trained = self.trained[classes]
        mean = (2 * int(trained.sum()) + trained.size) // (2 * trained.size)
        for row, count in zip(classes, counts, strict=True):
            r = (isqrt((int(self.past[row]) << 34) // int(count)) + 1) >> 1  # 2^16 sqrt(past / count), rounded
            above, below = r * self.weight[row] + ((self.trained[row] - mean) << 16), r + (1 << 16)
            self.weight[row] = np.clip((2 * above + below) // (2 * below), LOW, HIGH)
            self.past[row] += count

    def predict(self, x: Wide) -> Rows:
        """Return the class (n,) of input codes x (n, features), among those seen."""
        known = np.flatnonzero(self.past)
        if not len(known):
            raise InsituError("no class has been learned yet; learn an experience first")
        used, _ = forward_codes(self.weight[known], 8)
        sums = x @ used.T - used.sum(1) * self.by.zero
        return np.asarray(known[sums.argmax(1)])


def _powers(x: Wide) -> Wide:
    """Return 2^24 times 2 to the power of x 2^-16, x <= 0."""
    down = (-x + 0xFFFF) >> 16
    rest = (down << 16) + x
    low, part = TABLE[rest >> 10], rest & 1023
    return np.asarray((low + (((TABLE[(rest >> 10) + 1] - low) * part + 512) >> 10)) >> down)


def integer_head(learner: CwrStar, state: State, feature_step: float, capacity: int | None = None) -> IntegerHead:
    """Return a head after its first experience in integers; features of the network stand on ``feature_step``.

    Row k is for class ``state.labels[k]``; there are ``learner.outputs`` rows, or as many as the capacity.
    """
    grids = state.grids
    if grids is None or (learner.forward_bits, learner.update_bits) != (8, 16):
        raise InsituError("a head is exported after a first experience with 8 forward and 16 update bits")
    classes, features = state.weight.shape
    rows = max(classes, learner.outputs) if capacity is None else capacity
    if rows < classes or features > MOST_FEATURES:
        raise InsituError(
            f"a head on a device has room for its {classes} classes and at most {MOST_FEATURES} features; got a "
            f"capacity of {rows} and {features} features"
        )
    inputs, p, errors, gradients, weights = (
        grids.inputs, grids.probabilities, grids.errors, grids.gradients, grids.weights
    )  # fmt: skip
    by = Factors(
        inputs.zero,
        p.zero,
        input=Factor.of(feature_step / inputs.step, 15),
        logit=Factor.of(inputs.step * weights.step / np.log(2) * 2**16, 24),
        probability=Factor.of(2.0**-24 / p.step, 24),
        error=round(p.step / errors.step * 2**16),
        one=round(2**16 / errors.step),
        gradient=Factor.of(inputs.step * errors.step / gradients.step, 31),
        update=Factor.of(learner.learning_rate * gradients.step / weights.step, 31),
    )
    if log2(max(by.one, 1)) > 40:
        raise InsituError("the errors of the first experience were all 0; learn it again with more examples")
    weight, past = np.zeros((rows, features), np.int64), np.zeros(rows, np.int64)
    weight[:classes], past[:classes] = state.weight, state.past
    return IntegerHead(by, weight, past)
