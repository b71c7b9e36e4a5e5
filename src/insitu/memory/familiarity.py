"""How familiar a query is: the share of left-out known examples that were no closer to their class than it is.

The statistic is the similarity to the most similar class, relative to what an example of that class is expected to
have:

    t = max_c s_c / g(n_c)          g(n) = m l(n), the expected similarity to a prototype of n shots

m is the mean cosine of two examples of a class, and l(n) the length of a corrected prototype. The distribution of t
for known examples is that of the stored examples, each compared with its class as if it had not been taught:

    s_own = read + k (s' - s) g(n) / g(n - 1)

``read`` is a read of the array at its present age, so that noise, drift and write errors are those of a query; k is
the scale of such reads. s is the exact similarity to the own class, and s' the one to the class, and in the space,
without the example (``left_out.py``). The distribution is smoothed by Student kernels that keep its variance, so that a
few examples suffice. All of this is our own choice.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from numbers import Real
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import stdtr

from insitu.core import InsituError, generator
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.memory.labels import KINDS, Label, as_labels
from insitu.memory.left_out import leave_out
from insitu.memory.model import KEPT, Model
from insitu.memory.space import Numbers, Vectors, likeliest_sharpness

LEFT_OUT, FEWEST = 192, 32  # stored examples that are left out in turn: at most, and with very many classes
COMPARISONS = 200_000  # of a left-out example with a class, above which fewer are left out
GRID, REACH = 64, 8.0  # points at which the share is tabulated, and the standard deviations they reach to
NARROWEST = 1e-3  # standard deviation of the statistic: equal examples do not make all others unknown
NARROWING = 0.5  # of the kernels against Scott's rule, which is for densities of normal distributions


@dataclass(frozen=True)
class Unknown:
    """The answer to queries that are less familiar than ``rate``."""

    label: Label
    rate: float


@dataclass(frozen=True, eq=False)
class Calibration:
    """What left-out examples show: expected similarities, their distribution, how decisive differences are."""

    expected: Vectors  # (classes,) in the order of the model's labels
    grid: Vectors  # (k,) values of the statistic, ascending
    shares: Vectors  # (k,) share of left-out examples that were no closer
    sharpness: float  # factor of the similarities in the softmax with the highest likelihood of left-out examples

    def familiarity(self, similarities: Vectors) -> Vectors:
        """Return the familiarity (n,), from 0 to 1, of queries with these similarities (n, classes)."""
        return np.asarray(np.interp(_closeness(similarities, self.expected), self.grid, self.shares))


_calibrations: WeakKeyDictionary[Model, Calibration] = WeakKeyDictionary()


def calibration(learner: ExplicitMemory, model: Model) -> Calibration:
    """Return the calibration of a model that holds a class; it is computed once per model."""
    known = _calibrations.get(model)
    if known is None:
        known = _calibrations[model] = _calibrate(learner, model)
    return known


def check_unknown(unknown: object, rate: Any, labels: Collection[Label]) -> Unknown | None:
    """Return the answer to unfamiliar queries, or None; raise ``InsituError`` where labels exclude it."""
    if isinstance(rate, bool) or not isinstance(rate, Real) or not 0 < float(rate) < 1:
        raise InsituError(f"unknown_rate is a share of the known examples, above 0 and below 1; got {rate!r}"[:200])
    if unknown is None:
        return None
    boxed = np.empty(1, object)
    boxed[0] = unknown
    (label,) = as_labels(boxed)
    kind = type(next(iter(labels), label))
    if type(label) is not kind:
        raise InsituError(f"labels are {KINDS[kind]}, and unknown is another of them, or None; got {label!r}"[:200])
    if label in labels:
        raise InsituError(
            f"{label!r} is the answer to unknown examples, so no class has that label; rename one of them"
        )
    return Unknown(label, float(rate))


def _calibrate(learner: ExplicitMemory, model: Model) -> Calibration:
    state, space = model.state, model.space
    assert state is not None
    assert space is not None
    columns = model.columns
    place = np.zeros(len(model.counts), np.int64)  # of a class number among the columns
    place[model.classes] = np.arange(len(columns))
    shots = state.shots[columns].double().numpy()
    rows = _left_out_rows(model, len(columns))
    if len(rows) < 2:
        return Calibration(np.ones(len(columns)), np.zeros(1), np.ones(1), space.sharpness)
    own = place[model.kept_numbers[rows]]
    left = leave_out(learner, model, rows, columns[own])
    rng = generator(model.seed, "familiarity", model.events)
    read = learner.compare(state, left.vectors, model.now_s, rng)[:, columns].double().numpy()

    scatter, correction, before, rest = state.projection.scatter, learner.correction, shots[own], shots[own] - 1
    cosine = max(float((left.without / left.prototype).mean()), 0.0)
    mean_cosine = _mean_cosine(cosine, float((1 / rest).mean()))

    def expected(n: Vectors) -> Vectors:
        length = mean_cosine + (1 - mean_cosine) / n
        return np.asarray(mean_cosine / np.sqrt(np.maximum(length - correction * scatter / n, length / 10)))

    first = np.arange(len(rows))
    scale = max(float(read[first, own].sum() / max(left.taught.sum(), 1e-9)), 1e-9)
    alone = (read[first, own] + scale * (left.without - left.taught)) * expected(before) / expected(rest)
    read = (read + scale * left.moved[:, None]) / left.length[:, None]
    read[first, own] = alone
    grid, shares = _smoothed(_closeness(read, expected(shots)), float((1 - 1 / before).sum()))
    return Calibration(
        expected(shots), grid, shares, likeliest_sharpness(torch.from_numpy(read), torch.from_numpy(own))
    )


def _closeness(similarities: Vectors, expected: Vectors) -> Vectors:
    best = similarities.argmax(1)
    return np.asarray(similarities[np.arange(len(best)), best] / expected[best])


def _left_out_rows(model: Model, classes: int) -> Numbers:
    """Return the rows of stored examples to leave out: of classes that have others, always the same ones."""
    most = min(LEFT_OUT, max(FEWEST, COMPARISONS // classes))
    order = generator(0, "left out").permutation(KEPT)
    order = order[order < len(model.kept)]
    return np.sort(order[model.counts[model.kept_numbers[order]] > 1][:most])


def _mean_cosine(cosine: float, inverse_shots: float) -> float:
    """Return the mean cosine of two examples where ``cosine`` is that of an example with a mean of others."""
    square = cosine**2
    root = np.sqrt((square * (1 - inverse_shots)) ** 2 + 4 * square * inverse_shots)
    return max(float(square * (1 - inverse_shots) + root) / 2, NARROWEST)


def _smoothed(left_out: Vectors, independent: float) -> tuple[Vectors, NDArray[Any]]:
    """Return a grid of values and the smoothed share of the statistics ``left_out`` (n,) that are at most these.

    They vary as so many ``independent`` ones do: the similarity of two examples is that of either one to the other.
    """
    n, mean = max(independent, 2.0), left_out.mean()
    wider = np.sqrt(n / (n - 1) * (1 + 1 / n))  # a fresh example varies around a mean that is itself uncertain
    deviation = max(left_out.std() * wider, NARROWEST)
    width = NARROWING * n**-0.2  # of the kernels, in standard deviations
    centres = mean + (left_out - mean) * wider * np.sqrt(1 - width**2)
    grid = mean + deviation * np.linspace(-REACH, REACH, GRID)
    return grid, stdtr(n - 1, (grid[:, None] - centres) / (width * deviation)).mean(1)
