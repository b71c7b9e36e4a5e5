"""From a backbone's activations to the unit vector that the memory holds, and how far off a few-shot mean is."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from insitu.core import generator, stored_fields
from insitu.kernels import exact
from insitu.protocols.few_shot_sessions import FewShotBase

Kind = Literal["trained", "whitened", "identity"]
CLOSE = 1e-5  # to the identity, from where one more step is as exact as the products are
MOST_STEPS = 100


@dataclass(frozen=True, eq=False)
class Projection:
    """x -> normalise(act((x - shift) W^T + b) - centre); ``scatter`` is the mean squared distance to the class mean."""

    weight: Tensor  # (dim, features)
    bias: Tensor  # (dim,)
    tanh: bool
    centre: Tensor  # (dim,)
    scatter: float

    def __getstate__(self) -> dict[str, Any]:
        return stored_fields(self)

    def vectors(self, x: Tensor) -> Tensor:
        """Map activations (n, features) to unit vectors (n, dim), the same bits on every processor."""
        return exact.unit(self.activations(x) - self._centre).float()

    def queries(self, x: Tensor) -> Tensor:
        """Return ``vectors`` of x, kept until x is changed or gone: a session is tested at every age, by every arm.

        Where x is at least half of the rows of a larger tensor, all of them are mapped: those of the next session come.
        """
        if x.is_inference():  # whether it was changed is not known of such a tensor
            return self.vectors(x)
        whole, first = _rows_of(x)
        self._kept[:] = [each for each in self._kept if each[0]() is not None]
        for given, version, vectors in self._kept:
            if given() is whole and version == whole._version:
                return vectors[first : first + len(x)]
        vectors = self.vectors(whole)
        self._kept.append((weakref.ref(whole), whole._version, vectors))
        return vectors[first : first + len(x)]

    def mean(self, x: Tensor) -> Tensor:
        """Return the mean (dim,) of what is normalised, before the centre is taken away."""
        return exact.mean(self.activations(x), 0).float()

    def activations(self, x: Tensor) -> Tensor:
        """Return what is centred and normalised (n, dim), float64, for activations x (n, features)."""
        out = exact.on_grid(x, -1) @ self._matrix + self._bias
        # libraries differ in the last bit of tanh in float64, which is rounded away
        return torch.tanh(out).float().double() if self.tanh else out

    @cached_property
    def _kept(self) -> list[tuple[weakref.ref[Tensor], int, Tensor]]:
        """Queries, their version and their vectors."""
        return []

    @cached_property
    def _matrix(self) -> Tensor:
        """The weights (features, dim) as the exact product takes them."""
        return exact.on_grid(self.weight.T, 0)

    @cached_property
    def _bias(self) -> Tensor:
        return self.bias.double()

    @cached_property
    def _centre(self) -> Tensor:
        return self.centre.double()


def _rows_of(x: Tensor) -> tuple[Tensor, int]:
    """Return the tensor of which x (n, features) is a slice of at least half of the rows, and the first of them."""
    whole = x._base
    if whole is None or whole.shape[1:] != x.shape[1:] or not (whole.is_contiguous() and x.is_contiguous()):
        return x, 0
    first, column = divmod(int(x.storage_offset() - whole.storage_offset()), x.shape[1])
    return (x, 0) if column or 2 * len(x) < len(whole) else (whole, first)


@lru_cache(maxsize=4)  # all arms of an experiment are prepared with the same base
def fit(base: FewShotBase, kind: Kind, dim: int, shrink: float) -> Projection:
    """Fit the projection on base examples only.

    ``trained`` is C-FSCIL's: the backbone's last layer, then tanh; ours also subtracts the mean base vector, which
    makes classes nearly orthogonal. ``whitened`` is our own choice: activations are whitened by the pooled
    within-class covariance, shrunk towards a multiple of the identity (``shrink`` times its mean variance), and turned
    into ``dim`` dimensions by a fixed random matrix with orthonormal rows or columns, so that no row of the array
    carries more than another. ``identity`` takes activations as they are: for bits, which are bipolar already.
    """
    x, labels = base.examples.x, base.examples.labels
    several = float(len(base.means) > 1)  # one class alone is no centre: nothing of it would be left
    if kind == "trained":
        weight, bias, tanh = base.weight, base.bias, True
    elif kind == "identity":
        weight, bias, tanh = torch.eye(x.shape[1]), torch.zeros(x.shape[1]), False
    else:
        within = x.double() - base.means[labels].double()
        covariance = exact.product(within.T, within) / len(x)
        features = x.shape[1]
        # one example per class gives no estimate of the spread: all directions weigh the same
        variance = exact.mean(covariance.diagonal(), 0) if covariance.any() else torch.ones((), dtype=torch.float64)
        covariance += shrink * variance * torch.eye(features)
        weight = exact.product(_turn(features, dim), inverse_root(covariance)).float()
        centre = exact.mean(base.means, 0)[:, None]
        bias, tanh = (-exact.product(weight, centre)[:, 0] * several).float(), False
    projection = Projection(weight, bias, tanh, torch.zeros(len(weight)), scatter=0.0)
    if tanh:
        projection = replace(projection, centre=projection.mean(x) * several)
    return replace(projection, scatter=scatter(projection.vectors(x), labels))


def inverse_root(matrix: Tensor) -> Tensor:
    """Return the inverse square root (n, n) of a positive definite matrix, in float64.

    Newton's iteration in exact products rather than eigenvectors, whose last bits are the library's: relative errors
    are some 1e-7 times the ratio of the largest eigenvalue to the smallest.
    """
    one = torch.eye(len(matrix), dtype=torch.float64)
    top = exact.norm(matrix.flatten())  # no eigenvalue is larger
    root, inverse = matrix / top, one
    for _ in range(MOST_STEPS):
        off = one - exact.product(inverse, root)
        if float(off.abs().max()) < CLOSE:
            break
        step = one + off / 2
        root, inverse = exact.product(root, step), exact.product(step, inverse)
    return (inverse + inverse.T) / 2 / top.sqrt()


def scatter(vectors: Tensor, labels: Tensor) -> float:
    """Return the mean squared distance of vectors (n, dim) to their class mean, unbiased; 0 where classes have one."""
    classes, index = labels.unique(return_inverse=True)
    count = torch.bincount(index)
    wide = vectors.double()
    sums = torch.zeros(len(classes), vectors.shape[1], dtype=torch.float64).index_add_(0, index, wide)
    free = int((count - 1).sum())
    if not free:
        return 0.0
    return float(exact.total((wide - (sums / count[:, None])[index]).square().flatten(), 0) / free)


@lru_cache(maxsize=8)
def _turn(features: int, dim: int) -> Tensor:
    """Return a fixed random (dim, features) matrix with orthonormal columns (dim >= features) or rows, in float64."""
    draw = generator(0, "projection", features, dim).standard_normal((max(dim, features), min(dim, features)))
    q = torch.from_numpy(orthonormal(draw))
    return q if dim >= features else q.T


def orthonormal(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the factor Q of independent columns (n, k), with the signs that LAPACK gives it.

    Gram and Schmidt's method in its modified form: operations on single numbers and sums in a fixed order, so that the
    last bits are not the library's.
    """
    q = columns.copy()
    for j in range(q.shape[1]):
        q[:, j] /= np.sqrt(np.square(q[:, j]).sum())
        q[:, j + 1 :] -= q[:, j, None] * (q[:, j, None] * q[:, j + 1 :]).sum(0)
    signed: NDArray[np.float64] = q * np.sign(np.diagonal(np.asarray(np.linalg.qr(columns, "r"))))
    return signed
