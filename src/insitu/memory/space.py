"""The map from a user's vectors to the unit vectors that the memory holds, fitted to the stored examples.

Without a backbone there are no base examples to whiten with, so the map is fitted to the examples that are taught:

    z = (x - shift) / scale                          each feature by its own spread within classes, in float64
    v = normalise(T [whiten z, lift])                T with orthonormal columns or rows

A feature that has varied no more than by rounding has infinite scale and no effect until it varies. So results do not
depend on the units and offsets of features. The spread within classes is shrunk towards that of all examples, which is
all that is known while classes have one example. ``whiten`` divides by the square root of the within-class covariance
of z, shrunk towards a multiple of the identity: the fewer examples per feature, the more. ``lift`` is an additional
constant component, so that cosines distinguish short vectors from long ones: without it, three classes on a line would
be two directions. T is random and fixed where the array has a row for every feature. With fewer rows, they span the
examples first, so that no similarity between examples is lost, and random directions otherwise. Of many
classes only some have stored examples; the rows then span the means of the others too.

All of this is our own choice. The scale and ``SHRINK_FEW`` were compared on base classes of miniImageNet, texts of half
of the packages and the training speakers of the spoken digits; ``PRIOR`` was not varied. ``MEAN_WEIGHT`` was compared
(1, 2, 4) on synthetic classes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from torch import Tensor

from insitu.core import InsituError, generator
from insitu.learners import projections
from insitu.learners.projections import Projection
from insitu.protocols import Examples
from insitu.protocols.few_shot_sessions import FewShotBase

Vectors = NDArray[np.float64]
Numbers = NDArray[np.int64]
SHRINK = 0.1  # shrinkage in units of the mean within-class variance, where examples are many
SHRINK_FEW = 2.0  # shrinkage added to it per feature and degree of freedom
PRIOR = 2.0  # degrees of freedom that the spread of all examples counts as, next to the spread within classes
LIFT = 4.0  # squared length of the constant component, in features
PROBES = 64  # random vectors in the calibration set, since there may be a single example
COHORT = 192  # examples in the calibration set, at most
SHARPNESS: tuple[float, ...] = tuple(2.0 ** (k / 2) for k in range(2, 17))  # candidates; the likeliest is chosen
SPANNED = 1e-9  # squared length along a principal axis, relative to the largest, that rows of the array are used for
MEAN_WEIGHT = 2.0  # of the mean of a class without stored examples among the vectors that rows span
ROUNDINGS = 4  # floating-point steps within which a feature counts as constant
GROWTH = 10.0  # ratio to the spread at the last fit, above which the space is fitted again
FAR = 1e15  # spreads: the square of a longer vector overflows float32
ROUNDING = 1e-4  # of a mean of cross entropies, of similarities in float32 times the largest factor
UNKNOWN_SHARPNESS = 8.0  # where no class has two examples


@dataclass(frozen=True, eq=False)
class Space:
    """The map from a user's vector to a unit vector, with the calibration set of the array.

    Field names are part of the file format.
    """

    shift: Vectors  # (features,)
    scale: Vectors  # (features,) infinite where a feature did not vary
    projection: Projection  # of (x - shift) / scale
    probes: Tensor  # (n, features) float32, scaled: random vectors, or examples of the base
    cohort: Tensor  # (n, features) calibration set of the array: the probes and some of the stored examples
    sharpness: float  # factor of the similarities in the softmax
    seen: int  # examples it was fitted to; 0 for the space of a base, which is never fitted again
    classes: int = 0  # number of classes among them
    retained: float = 1.0  # share of their squared deviations from class means that the rows of the array hold
    others: int = 0  # classes of which its rows span the mean alone

    def scaled(self, x: Vectors) -> Tensor:
        """Return scaled vectors (n, features) as float32; raise ``InsituError`` for outliers that would overflow."""
        with np.errstate(over="ignore"):  # an infinite result fails the check below
            z = (x - self.shift) / self.scale
        if not (np.abs(z) < FAR).all():
            raise InsituError(
                f"a number in X is more than {FAR:g} spreads away from the examples taught; correct it, or fit again"
            )
        return torch.from_numpy(z.astype(np.float32))

    def is_far(self, x: Vectors) -> bool:
        """Return whether any of vectors x (n, features) lies so far out that the space may be outgrown."""
        known = np.where(np.isfinite(self.scale), self.scale, 0.0)
        return bool((np.abs(x - self.shift) > GROWTH / 2 * known).any())

    def is_outgrown(self, x: Vectors, y: Numbers) -> bool:
        """Return whether a feature of vectors x (n, features) of classes y (n,) spreads much wider than at the fit."""
        if not len(x):
            return False
        known = np.where(np.isfinite(self.scale), self.scale, 0.0)
        _, spread = _shift_and_spread(x, np.unique(y, return_inverse=True)[1])
        return bool((spread > GROWTH * known).any())

    def with_calibration_set(self, x: Vectors) -> Space:
        """Return the space with its probes and up to ``COHORT`` of the examples x (n, features) as calibration set."""
        rows = np.linspace(0, len(x) - 1, min(len(x), COHORT)).astype(int)
        scaled = [self.scaled(x[rows])] if len(rows) else []
        return replace(self, cohort=torch.cat([self.probes, *scaled]))

    def calibration_examples(self) -> Examples:
        """Return the calibration set as examples; their labels are not used."""
        return Examples(self.cohort, torch.zeros(len(self.cohort), dtype=torch.int64))


def fit_space(x: Vectors, y: Numbers, dim: int, others: Vectors | None = None) -> Space:
    """Fit a space to vectors x (n, features) of classes y (n,); one vector is enough.

    ``others`` (k, features) are means of further classes, which the rows of the array span too.
    """
    _, index = np.unique(y, return_inverse=True)
    shift, spread = _shift_and_spread(x, index)
    scale = np.where(spread > 0, spread, np.inf)
    z = (x - shift) / scale
    within = z - class_means(z, index)[index]
    classes, features = int(index.max()) + 1, x.shape[1]
    free = len(x) - classes
    shrunk = max(free, 1) * shrinkage(np.square(within).sum() / max(free, 1), features, free) or 1.0
    left, right = _whitening(within / np.sqrt(shrunk))
    # where only one row is missing, for the lift, it is not worth an eigendecomposition of many examples
    fixed = dim > features or (dim == features and 2 * len(z) >= dim)
    others = x[:0] if others is None else others
    spanned = np.concatenate([z, MEAN_WEIGHT * (others - shift) / scale])
    rows = random_rotation(features + 1, dim) if fixed else _spanning_rows(spanned - (spanned @ left.T) @ right, dim)
    weight = rows[:, :features] - (rows[:, :features] @ right.T) @ left
    held = z @ weight.T
    length = float(np.square(held).sum(1).mean()) or 1.0
    bias = rows[:, features] * np.sqrt(length * LIFT / (LIFT + features))
    projection = Projection(_float32(weight), _float32(bias), False, torch.zeros(dim), scatter=0.0)
    vectors, labels = projection.vectors(_float32(z)), torch.from_numpy(index)
    projection = replace(projection, scatter=projections.scatter(vectors, labels))
    probes = torch.from_numpy(random_probes(features))
    whitened = shrunk * np.square(left).sum()  # squared length of all ``within``
    held -= class_means(held, index)[index]
    retained = min(float(np.square(held).sum() / whitened), 1.0) if whitened else 1.0
    sharpness = _sharpness(vectors, labels)
    space = Space(shift, scale, projection, probes, probes, sharpness, len(x), classes, retained, len(others))
    return space.with_calibration_set(x)


def _whitening(within: Vectors) -> tuple[Vectors, Vectors]:
    """Return factors p and q (k, features) for deviations a (n, features): (1 - p^T q) (1 - p^T q)^T = 1 / (1 + a^T a).

    A factor of Cholesky's, of which any rotation would serve as well, takes a tenth of the time of singular values.
    """
    rows, features = within.shape
    a: Vectors = np.asarray(np.linalg.qr(within, "r")) if rows > features else within
    one = np.eye(len(a))
    root = np.linalg.cholesky(a @ a.T + one)
    return solve_triangular(root, a, lower=True), solve_triangular(root + one, a, lower=True)


def shrinkage(variance: float, features: int, free: int) -> float:
    """Return the variance towards which a covariance of total ``variance`` and ``free`` degrees of freedom shrinks."""
    return (SHRINK + SHRINK_FEW * features / max(free, 1)) * variance / features


def space_of_base(base: FewShotBase, dim: int) -> Space:
    """Return the space fitted to the base examples of a backbone; it is never fitted again."""
    projection = projections.fit(base, "whitened", dim, shrink=1.0)
    features = base.means.shape[1]
    x, labels = base.examples.x, base.examples.labels
    sharpness = _sharpness(projection.vectors(x), labels)
    probes = x[torch.linspace(0, len(x) - 1, min(len(x), COHORT)).long()]
    return Space(np.zeros(features), np.ones(features), projection, probes, probes, sharpness, 0)


def _sharpness(vectors: Tensor, labels: Tensor) -> float:
    """Return the softmax factor with the highest leave-one-out likelihood of the vectors (n, dim)."""
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
    return likeliest_sharpness(similar, own)


def likeliest_sharpness(similarities: Tensor, own: Tensor) -> float:
    """Return the softmax factor with the highest likelihood of examples (n, classes) of classes ``own`` (n,)."""
    loss = {sharpness: float(F.cross_entropy(similarities * sharpness, own)) for sharpness in SHARPNESS}
    # of classes that are all the same, every factor is as likely up to rounding, and a large one would amplify noise
    return SHARPNESS[0] if loss[SHARPNESS[0]] < min(loss.values()) + ROUNDING else min(loss, key=loss.__getitem__)


def class_means(x: Vectors, index: NDArray[np.intp]) -> Vectors:
    """Return the means (classes, features) of vectors x (n, features) of classes numbered ``index`` (n,)."""
    count = np.bincount(index)
    if (index[1:] < index[:-1]).any():
        order = np.argsort(index, kind="stable")
        x, index = x[order], index[order]
    first = np.cumsum(count) - count
    start = x[first]  # sums of differences to it keep digits that plain sums lose
    rest = start[index]
    np.subtract(x, rest, out=rest)
    even = (count == count[0]).all()  # a sum over an axis takes a fraction of the time of ``reduceat``
    sums = rest.reshape(len(count), -1, x.shape[1]).sum(1) if even else np.add.reduceat(rest, first)
    means: Vectors = start + sums / count[:, None]
    return means


def _shift_and_spread(x: Vectors, index: NDArray[np.intp]) -> tuple[Vectors, Vectors]:
    """Return the mean of the class means and the spread within classes (features,), 0 where a feature is constant."""
    means = class_means(x, index)
    shift = means[0] + (means - means[0]).mean(0)
    difference = x - shift
    top = np.abs(difference).max(0)
    # relative to the largest: squares of small numbers underflow, those of large ones overflow
    unit = np.where(top > 0, top, 1.0)
    total = np.square(difference / unit).mean(0)
    within = np.square((x - means[index]) / unit).sum(0)  # times the degrees of freedom
    spread = top * np.sqrt((within + PRIOR * total) / (len(x) - len(means) + PRIOR))
    return shift, np.where(np.ptp(x, axis=0) > ROUNDINGS * _float_step(x), spread, 0.0)


def _float_step(x: Vectors) -> Vectors:
    """Return the floating-point step (features,) at the largest number of each feature, in its original precision."""
    with np.errstate(over="ignore"):
        single = x.astype(np.float32)
        most = np.abs(x).max(0)
        step: Vectors = np.where((single == x).all(0), np.spacing(most.astype(np.float32)), np.spacing(most))
    return step


def random_probes(features: int) -> NDArray[np.float32]:
    """Return the fixed random vectors (PROBES, features) of every calibration set."""
    return generator(0, "probes of a memory", features).standard_normal((PROBES, features), dtype=np.float32)


def _spanning_rows(white: Vectors, dim: int) -> Vectors:
    """Return an orthonormal matrix (dim, features + 1) of rows that span the lift and whitened vectors (n, features).

    Where there is not room for all of the vectors, their principal axes come first.
    """
    features = white.shape[1]
    lift = np.zeros((1, features + 1))
    lift[0, features] = 1
    gram, turn = np.linalg.eigh(white @ white.T)
    strong = np.flatnonzero(gram > SPANNED * gram.max(initial=0))[::-1][: dim - 1]
    axes = np.pad(turn[:, strong].T @ white, ((0, 0), (0, 1))) / np.sqrt(gram[strong, None])
    basis = np.concatenate([lift, axes, random_rotation(features + 1, dim)])[:dim]
    if len(strong) < dim - 1:
        basis = np.linalg.qr(basis.T)[0].T
    rows: Vectors = random_rotation(dim, dim) @ basis
    return rows


@lru_cache(maxsize=8)
def random_rotation(features: int, dim: int) -> Vectors:
    """Return a fixed random (dim, features) matrix with orthonormal columns (dim >= features) or rows."""
    draw = generator(0, "turn of a memory", features, dim).standard_normal((max(dim, features), min(dim, features)))
    q: Vectors = np.linalg.qr(draw)[0]
    return q if dim >= features else q.T


def _float32(array: Vectors) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))
