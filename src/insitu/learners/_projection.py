"""From a backbone's activations to the unit vector that the memory holds, and how far off a few-shot mean is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from insitu.core import generator
from insitu.learners import Base

Kind = Literal["trained", "whitened", "identity"]


@dataclass(frozen=True, eq=False)
class Projection:
    """x -> normalise(act((x - shift) W^T + b) - centre); ``scatter`` is the mean squared distance to the class mean."""

    weight: Tensor  # (dim, features)
    bias: Tensor  # (dim,)
    tanh: bool
    centre: Tensor  # (dim,)
    scatter: float

    def vectors(self, x: Tensor) -> Tensor:
        """Map activations (n, features) to unit vectors (n, dim)."""
        out = F.linear(x, self.weight, self.bias)
        if self.tanh:
            out = torch.tanh(out)
        return F.normalize(out - self.centre)


def fit(base: Base, kind: Kind, dim: int, shrink: float) -> Projection:
    """Fit the projection on base examples only.

    ``trained`` is C-FSCIL's: the backbone's last layer, then tanh; ours subtracts the mean base vector besides, which
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
        within = x - base.means[labels]
        covariance = within.T @ within / len(x)
        features = x.shape[1]
        # one example per class says nothing of the spread: all directions count alike
        variance = covariance.trace() / features if covariance.any() else torch.ones(())
        covariance += shrink * variance * torch.eye(features)
        values, axes = torch.linalg.eigh(covariance)
        whiten = axes * values.rsqrt() @ axes.T
        weight = _turn(features, dim) @ whiten
        bias, tanh = -weight @ base.means.mean(0) * several, False
    centre = torch.tanh(F.linear(x, weight, bias)).mean(0) * several if tanh else torch.zeros(len(weight))
    projection = Projection(weight, bias, tanh, centre, scatter=0.0)
    return replace(projection, scatter=scatter(projection.vectors(x), labels))


def scatter(vectors: Tensor, labels: Tensor) -> float:
    """Return the mean squared distance of vectors (n, dim) to their class mean, unbiased; 0 where classes have one."""
    classes, index = labels.unique(return_inverse=True)
    count = torch.bincount(index)
    sums = torch.zeros(len(classes), vectors.shape[1]).index_add_(0, index, vectors)
    free = int((count - 1).sum())
    if not free:
        return 0.0
    return float((vectors - (sums / count[:, None])[index]).square().sum() / free)


def _turn(features: int, dim: int) -> Tensor:
    """Return a fixed random (dim, features) matrix with orthonormal columns (dim >= features) or rows."""
    draw = generator(0, "projection", features, dim).standard_normal((max(dim, features), min(dim, features)))
    q: Tensor = torch.linalg.qr(torch.from_numpy(draw).float())[0]
    return q if dim >= features else q.T
