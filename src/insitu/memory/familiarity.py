"""How familiar a query is: the share of left-out known examples that were no closer to their class than it is.

The statistic is the similarity to the most similar class, relative to what an example of that class is expected to
have:

    t = max_c s_c / g(n_c)          g(n) = m l(n), the expected similarity to a prototype of n shots

m is the mean cosine of two examples of a class, and l(n) the length of a corrected prototype. The distribution of t
for known examples is that of the stored examples, each compared with its class as if it had not been taught:

    s_own = read + k (v p' - v p) g(n) / g(n - 1)

``read`` is a read of the array at its present age, so that noise, drift and write errors are those of a query; k is
the scale of such reads. p is the exact prototype, p' the one without the example, both from the sums kept next to the
array. A space that was fitted to the example contracts the direction e of its deviation from its class, so v p' is
computed in the metric without its share, I + b e e^T, by the formula of Sherman and Morrison. The distribution is
smoothed by Student kernels that keep its variance, so that a few examples suffice. All of this is our own choice.
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
from torch import Tensor

from insitu.core import InsituError, generator
from insitu.kernels import exact
from insitu.learners.column_calibration import corrected
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.projections import Projection
from insitu.memory.labels import KINDS, Label, as_labels
from insitu.memory.model import KEPT, Model
from insitu.memory.space import Numbers, Vectors, likeliest_sharpness, shrinkage

LEFT_OUT, FEWEST = 192, 32  # stored examples that are left out in turn: at most, and with very many classes
COMPARISONS = 200_000  # of a left-out example with a class, above which fewer are left out
GRID, REACH = 64, 8.0  # points at which the share is tabulated, and the standard deviations they reach to
NARROWEST = 1e-3  # standard deviation of the statistic: equal examples do not make all others unknown
NARROWING = 0.5  # of the kernels against Scott's rule, which is for densities of normal distributions
LEAST_REST = 0.01  # of the metric without an example, where that example was all it had in one direction


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
_activations: WeakKeyDictionary[Projection, tuple[Vectors, Tensor]] = WeakKeyDictionary()


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
    activations = _stored_activations(state.projection, model.kept, space.scaled(model.kept))
    vectors = exact.unit(activations[rows] - state.projection.centre.double()).float()
    own = place[model.kept_numbers[rows]]
    rng = generator(model.seed, "familiarity", model.events)
    read = learner.compare(state, vectors, model.now_s, rng)[:, columns].double().numpy()

    scatter, correction = state.projection.scatter, learner.correction
    sums, before, rest = torch.from_numpy(state.sums[columns[own]]), shots[own], shots[own] - 1
    prototypes = corrected(sums, torch.from_numpy(before), scatter, correction).double().numpy()
    others = corrected(sums - vectors, torch.from_numpy(rest), scatter, correction).double().numpy()
    v = vectors.double().numpy()
    without, square = (v * others).sum(1), np.square(others).sum(1)
    if space.seen:
        deviation, weight = _shares_of_metric(model, activations.numpy())
        e, b = deviation[rows], weight[rows]
        a, c = (e * v).sum(1), (e * others).sum(1)
        without = (without + b * a * c) / np.sqrt((1 + b * a**2) * (1 + b * c**2 / square))
    cosine = max(float((without / np.sqrt(square)).mean()), 0.0)
    mean_cosine = _mean_cosine(cosine, float((1 / rest).mean()))

    def expected(n: Vectors) -> Vectors:
        length = mean_cosine + (1 - mean_cosine) / n
        return np.asarray(mean_cosine / np.sqrt(np.maximum(length - correction * scatter / n, length / 10)))

    with_it = (v * prototypes).sum(1)
    first = np.arange(len(rows))
    scale = max(float(read[first, own].sum() / max(with_it.sum(), 1e-9)), 1e-9)
    read[first, own] = (read[first, own] + scale * (without - with_it)) * expected(before) / expected(rest)
    grid, shares = _smoothed(_closeness(read, expected(shots)))
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


def _stored_activations(projection: Projection, kept: Vectors, z: Tensor) -> Tensor:
    """Return the activations (n, dim) of the stored examples; only those of rows that have changed are computed."""
    before, known = _activations.get(projection, (kept[:0], torch.zeros(0, len(projection.weight)).double()))
    both = min(len(before), len(kept))
    same = np.zeros(len(kept), bool)
    same[:both] = (before[:both] == kept[:both]).all(1)
    out = torch.empty(len(kept), len(projection.weight), dtype=torch.float64)
    old, new = torch.from_numpy(np.flatnonzero(same)), torch.from_numpy(np.flatnonzero(~same))
    out[old] = known[old]
    if len(new):
        out[new] = projection.activations(z[new])
    _activations[projection] = (kept, out)
    return out


def _shares_of_metric(model: Model, activations: Vectors) -> tuple[Vectors, Vectors]:
    """Return the deviation e (n, dim) of each stored example from its class, and the weight b (n,) of e e^T."""
    space = model.space
    assert space is not None
    seen, features = space.seen, model.features
    _, index, count = np.unique(model.kept_numbers[:seen], return_inverse=True, return_counts=True)
    z = space.scaled(model.kept[:seen]).double().numpy()
    within, free = _deviations(z, index), seen - len(count)
    deviation, weight = np.zeros_like(activations), np.zeros(len(activations))
    variance = float(np.square(within).sum()) / max(free, 1)
    if not variance:
        return deviation, weight
    deviation[:seen] = _deviations(activations[:seen], index)
    n = count[index]
    share = np.where(n > 1, n / np.maximum(n - 1, 1), 0) / (free * shrinkage(variance, features, free))
    share /= space.retained  # fewer rows than features shorten the deviations
    rest = 1 - share * np.square(deviation[:seen]).sum(1)
    weight[:seen] = share / np.maximum(rest, LEAST_REST)
    return deviation, weight


def _deviations(x: Vectors, index: Numbers) -> Vectors:
    """Return the deviations of x (n, k) from the means of its classes, numbered ``index`` (n,) from 0 on."""
    order = np.argsort(index, kind="stable")
    _, first, count = np.unique(index[order], return_index=True, return_counts=True)
    return np.asarray(x - (np.add.reduceat(x[order], first) / count[:, None])[index])


def _mean_cosine(cosine: float, inverse_shots: float) -> float:
    """Return the mean cosine of two examples where ``cosine`` is that of an example with a mean of others."""
    square = cosine**2
    root = np.sqrt((square * (1 - inverse_shots)) ** 2 + 4 * square * inverse_shots)
    return max(float(square * (1 - inverse_shots) + root) / 2, NARROWEST)


def _smoothed(left_out: Vectors) -> tuple[Vectors, NDArray[Any]]:
    """Return a grid of values and the smoothed share of the statistics ``left_out`` (n,) that are at most these."""
    n, mean = len(left_out), left_out.mean()
    further = np.sqrt(1 + 1 / n)  # a fresh example varies around a mean that is itself uncertain
    deviation = max(left_out.std(ddof=1) * further, NARROWEST)
    width = NARROWING * n**-0.2  # of the kernels, in standard deviations
    centres = mean + (left_out - mean) * further * np.sqrt(1 - width**2)
    grid = mean + deviation * np.linspace(-REACH, REACH, GRID)
    return grid, stdtr(n - 1, (grid[:, None] - centres) / (width * deviation)).mean(1)
