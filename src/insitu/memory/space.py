"""From a user's vectors to the unit vectors that the memory holds, learned from the very examples that are taught.

A memory that starts from nothing has no base examples to whiten with. Its space is fitted to the examples it keeps:

    z = (x - shift) / scale                          every feature at its own spread, in float64
    v = normalise(T [whiten z, lift])                T random with orthonormal columns or rows, fixed

A feature that has not varied yet, but for the rounding of its numbers, has no spread: its scale is infinite, and it
counts for nothing until it varies. So nothing depends on the units and offsets that features are given in.
``whiten`` undoes the within-class covariance of z, shrunk towards a multiple of the identity: the more, the fewer
examples there are per feature. ``lift`` is a constant beside the features, so that cosines tell short vectors from long
ones: without it, three classes on a line would be two directions. All of this is our own choice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from insitu.core import InsituError, generator
from insitu.learners import projections
from insitu.learners.projections import Projection
from insitu.protocols import Examples
from insitu.protocols.few_shot_sessions import FewShotBase

Vectors = NDArray[np.float64]
Numbers = NDArray[np.int64]
SHRINK = 0.1  # of the mean within-class variance, besides features per degree of freedom
LIFT = 4.0  # features' worth of length that the constant has
PROBES = 64  # random vectors that are calibrated with besides examples, of which there may be one only
COHORT = 192  # examples that are calibrated with, at most
SHARPNESS: tuple[float, ...] = tuple(2.0 ** (k / 2) for k in range(2, 17))  # of probabilities; the likeliest is taken
ROUNDINGS = 4  # steps between neighbouring numbers, within which a feature counts as constant
GROWTH = 10.0  # spreads of what the space was fitted to, beyond which it is fitted again
FAR = 1e15  # spreads: the square of a vector beyond does not fit into float32
UNKNOWN_SHARPNESS = 8.0  # where no class has two examples


@dataclass(frozen=True, eq=False)
class Space:
    """What turns a user's vector into a unit vector, and what was found out about such vectors on the way."""

    shift: Vectors  # (features,)
    scale: Vectors  # (features,) infinite where a feature did not vary
    projection: Projection  # of (x - shift) / scale
    probes: Tensor  # (n, features) float32, scaled: random vectors, or examples of the base
    cohort: Tensor  # the probes and some of the examples taught: what the array is calibrated with
    sharpness: float  # by which similarities are multiplied before the softmax of probabilities
    seen: int  # examples it was fitted to; 0 where it comes from a base and never changes

    def scaled(self, x: Vectors) -> Tensor:
        """Return vectors (n, features) as the learner takes them, float32; ``InsituError`` for those far from all."""
        with np.errstate(over="ignore"):  # what overflows is far, too
            z = (x - self.shift) / self.scale
        if not (np.abs(z) < FAR).all():
            raise InsituError(f"a number is more than {FAR:g} times the spread of those taught away from them")
        return torch.from_numpy(z.astype(np.float32))

    def outgrown(self, x: Vectors, y: Numbers) -> bool:
        """Return whether a feature of vectors x (n, features) of classes y (n,) spreads much wider than it did."""
        if not len(x):
            return False
        known = np.where(np.isfinite(self.scale), self.scale, 0.0)
        _, spread = _spread(x, np.unique(y, return_inverse=True)[1])
        return bool((spread > GROWTH * known).any())


def fitted(x: Vectors, y: Numbers, dim: int) -> Space:
    """Fit a space to vectors x (n, features) of classes y (n,); one vector is enough."""
    _, index = np.unique(y, return_inverse=True)
    shift, spread = _spread(x, index)
    scale = np.where(spread > 0, spread, np.inf)
    z = (x - shift) / scale
    within = z - class_means(z, index)[index]
    features, free = x.shape[1], len(x) - int(index.max()) - 1
    turn = fixed_turn(features + 1, dim)
    weight = turn[:, :features]
    if free and within.any():
        _, deviations, axes = np.linalg.svd(within / np.sqrt(free), full_matrices=False)
        shrunk = (SHRINK + features / free) * np.square(deviations).sum() / features
        gains = np.sqrt(shrunk / (np.square(deviations) + shrunk)) - 1  # along the axes; 1 elsewhere
        weight = weight + (weight @ axes.T * gains) @ axes
    length = float(np.square(z @ weight.T).sum(1).mean()) or 1.0
    bias = turn[:, features] * np.sqrt(length * LIFT / (LIFT + features))
    projection = Projection(_floats(weight), _floats(bias), False, torch.zeros(dim), scatter=0.0)
    vectors, labels = projection.vectors(_floats(z)), torch.from_numpy(index)
    projection = replace(projection, scatter=projections.scatter(vectors, labels))
    drawn = generator(0, "probes of a memory", features).standard_normal((PROBES, features), dtype=np.float32)
    probes = torch.from_numpy(drawn)
    return with_cohort(Space(shift, scale, projection, probes, probes, _sharpness(vectors, labels), len(x)), x)


def with_cohort(space: Space, x: Vectors) -> Space:
    """Return the space with some of these examples, besides its probes, as what the array is calibrated with."""
    some = np.linspace(0, len(x) - 1, min(len(x), COHORT)).astype(int)
    scaled = [space.scaled(x[some])] if len(some) else []
    return replace(space, cohort=torch.cat([space.probes, *scaled]))


def of_base(base: FewShotBase, dim: int) -> Space:
    """Return the space that the base examples of a backbone give; it never changes."""
    projection = projections.fit(base, "whitened", dim, shrink=1.0)
    features = base.means.shape[1]
    x, labels = base.examples.x, base.examples.labels
    sharpness = _sharpness(projection.vectors(x), labels)
    probes = x[torch.linspace(0, len(x) - 1, min(len(x), COHORT)).long()]
    return Space(np.zeros(features), np.ones(features), projection, probes, probes, sharpness, 0)


def examples(x: Tensor) -> Examples:
    """Return vectors as examples of no class in particular: for calibration."""
    return Examples(x, torch.zeros(len(x), dtype=torch.int64))


def _sharpness(vectors: Tensor, labels: Tensor) -> float:
    """Return the factor at which vectors, compared with the means of all others, are most likely of their class."""
    classes, index = labels.unique(return_inverse=True)
    count = torch.bincount(index)
    several = (count[index] > 1).nonzero()[:, 0]
    if len(classes) < 2 or not len(several):
        return UNKNOWN_SHARPNESS
    sums = torch.zeros(len(classes), vectors.shape[1]).index_add_(0, index, vectors)
    similar = vectors[several] @ F.normalize(sums).T
    own = index[several]
    rest = F.normalize(sums[own] - vectors[several])
    similar[torch.arange(len(own)), own] = (vectors[several] * rest).sum(1)
    return min(SHARPNESS, key=lambda sharpness: float(F.cross_entropy(similar * sharpness, own)))


def class_means(x: Vectors, index: NDArray[np.intp]) -> Vectors:
    """Return the means (classes, features) of vectors x (n, features) of classes numbered ``index`` (n,)."""
    start = x[np.unique(index, return_index=True)[1]]  # differences to it keep the digits that a sum would lose
    sums = np.zeros_like(start)
    np.add.at(sums, index, x - start[index])
    means: Vectors = start + sums / np.bincount(index)[:, None]
    return means


def _spread(x: Vectors, index: NDArray[np.intp]) -> tuple[Vectors, Vectors]:
    """Return the middle of the classes and the root mean square distance from it (features,); 0 where constant."""
    middle = class_means(x, index)
    shift = middle[0] + (middle - middle[0]).mean(0)
    apart = x - shift
    top = np.abs(apart).max(0)
    # relative to the largest: the square of a small number is 0, and that of a large one infinite
    spread = top * np.sqrt(np.square(apart / np.where(top > 0, top, 1.0)).mean(0))
    return shift, np.where(np.ptp(x, axis=0) > ROUNDINGS * _rounding(x), spread, 0.0)


def _rounding(x: Vectors) -> Vectors:
    """Return the step (features,) between the largest numbers of each feature, in the precision they came in."""
    with np.errstate(over="ignore"):
        single = x.astype(np.float32)
        most = np.abs(x).max(0)
        step: Vectors = np.where((single == x).all(0), np.spacing(most.astype(np.float32)), np.spacing(most))
    return step


def fixed_turn(features: int, dim: int) -> Vectors:
    """Return a fixed random (dim, features) matrix with orthonormal columns (dim >= features) or rows."""
    draw = generator(0, "turn of a memory", features, dim).standard_normal((max(dim, features), min(dim, features)))
    q: Vectors = np.linalg.qr(draw)[0]
    return q if dim >= features else q.T


def _floats(array: Vectors) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))
