"""Similarities of stored examples as if they had not been taught, in closed form and in software.

Its own vector is taken out of the exact sum of its class. A space that was fitted to the example also holds a share of
it, which no longer helps once it is left out. With e for its deviation from the mean of its class, of n examples, in
the metric of the space, and k classes:

- whitening contracts e: its share of the covariance is taken out by the formula of Sherman and Morrison, as a metric
  I + b e e^T;
- the squared scale of each feature holds a share of its squared deviation, which changes the metric by a diagonal of
  the scaled features, to first order;
- the shift holds 1 / (n k) of it, so that all vectors move by e / ((n - 1) k);
- rows of an array with fewer of them than there are features span it, but of a fresh example they hold a part only of
  what lies outside the span of all others.

Against spaces fitted again without each example, similarities to the own class correlate by .998 on spoken digits and
.976 on photos of five shots, and their means differ by .01 at most. All of this is our own choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from insitu.kernels import exact
from insitu.learners.column_calibration import corrected
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.projections import Projection
from insitu.memory.model import Model
from insitu.memory.space import PRIOR, Numbers, Space, Vectors, class_means, shrinkage

Floats = NDArray[np.float32]
LEAST_REST = 0.01  # of the metric without an example, where that example was all it had in one direction
RIDGE = 1e-6  # of the mean squared length, so that equal examples have distance 0 from each other's span

_activations: WeakKeyDictionary[Projection, tuple[Vectors, Tensor]] = WeakKeyDictionary()
_distances: WeakKeyDictionary[Space, tuple[Vectors, Vectors]] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Stored examples as queries, and what their similarities are as if they had not been taught."""

    vectors: Tensor  # (n, dim) unit vectors as the array receives them
    taught: Vectors  # (n,) exact similarity to the own class
    without: Vectors  # (n,) the same without the example
    prototype: Vectors  # (n,) length of the prototype of the own class without the example
    length: Vectors  # (n,) length of the vector in the space without the example
    moved: Vectors  # (n,) what the moved shift adds to the product with the prototype of another class


@dataclass(frozen=True, eq=False)
class _Share:
    """What a space holds of the examples (n,) that it was fitted to; of others nothing."""

    deviation: Floats  # (n, dim) e, of activations from the mean of their class
    weight: Vectors  # (n,) b of the metric I + b e e^T of the space without the example
    shift: Vectors  # (n,) by how many of its deviations all vectors move without it
    scale: Floats  # (n, features) relative change of the squared scale without it
    outside: Vectors  # (n,) squared length outside the span of the others that only a space fitted to it holds


def leave_out(learner: ExplicitMemory, model: Model, rows: Numbers, columns: Numbers) -> LeftOut:
    """Leave out the stored examples ``rows`` (n,), of classes with others, which are held by ``columns`` (n,)."""
    state, space = model.state, model.space
    assert state is not None
    assert space is not None
    z = space.scaled(model.kept)
    activations = _stored_activations(state.projection, model.kept, z)
    vectors = exact.unit(activations[rows] - state.projection.centre.double()).float()
    sums, shots = torch.from_numpy(state.sums[columns]), state.shots[columns].double()
    scatter, correction = state.projection.scatter, learner.correction
    v, others = vectors.double().numpy(), sums - vectors
    taught = (v * corrected(sums, shots, scatter, correction).double().numpy()).sum(1)
    o = corrected(others, shots - 1, scatter, correction).double().numpy()
    prototype = np.sqrt(np.square(o).sum(1))
    if not space.seen:  # its base was never taught
        return LeftOut(vectors, taught, (v * o).sum(1), prototype, np.ones(len(rows)), np.zeros(len(rows)))

    share, inverse = _share(model, z.numpy(), activations.numpy(), rows), 1 / activations[rows].norm(dim=1).numpy()
    e, square = share.deviation, _products(share.deviation, share.deviation)
    root = (np.sqrt(1 + share.weight * square) - 1) / np.maximum(square, 1e-30)

    def whitened(x: Floats) -> Floats:
        return np.asarray(x + (root * _products(e, x))[:, None].astype(np.float32) * e)

    # the prototype is a mean of unit vectors, made longer
    longer = prototype * (shots.numpy() - 1) / np.maximum(others.double().norm(dim=1).numpy(), 1e-9)
    one, all_others = share.shift * inverse, share.shift * longer * inverse.mean()
    moving = whitened(e)
    v32 = whitened(v.astype(np.float32)) + one[:, None].astype(np.float32) * moving
    o32 = whitened(o.astype(np.float32)) + all_others[:, None].astype(np.float32) * moving
    weight, scale = state.projection.weight, share.scale
    of_v, of_o = ((torch.from_numpy(whitened(x)) @ weight).numpy() for x in (v32, o32))
    product = _products(v32, o32) - _products(scale * of_v, of_o)
    own = _products(v32, v32) - _products(scale * of_v, of_v) - share.outside * inverse**2
    rest = _products(o32, o32) - _products(scale * of_o, of_o)
    length, rest = (np.sqrt(np.maximum(each, LEAST_REST)) for each in (own, rest))
    without = product * prototype / (length * rest)
    return LeftOut(vectors, taught, without, prototype, length, all_others * _products(v32, moving))


def _products(a: Floats, b: Floats) -> Vectors:
    """Return the inner products (n,) of the rows of a and b (n, k)."""
    return np.asarray(np.einsum("ij,ij->i", a, b), np.float64)


def _share(model: Model, z: Vectors, activations: Vectors, rows: Numbers) -> _Share:
    """Return what the space holds of the stored examples ``rows`` (n,), from all z (k, features) and activations."""
    space = model.space
    assert space is not None
    seen, dim = space.seen, activations.shape[1]
    _, index, count = np.unique(model.kept_numbers[:seen], return_inverse=True, return_counts=True)
    free = seen - len(count)
    within = z[:seen] - class_means(z[:seen], index)[index]
    variance = float(np.square(within).sum()) / max(free, 1)
    fitted = np.minimum(rows, seen - 1)
    n = count[index[fitted]]
    holds = (rows < seen) & (n > 1) & (variance > 0)
    ratio = np.where(holds, n / np.maximum(n - 1, 1), 0.0)
    means = class_means(activations[:seen], index)
    deviation = ((activations[fitted] - means[index[fitted]]) * holds[:, None]).astype(np.float32)
    part = ratio / max(free * shrinkage(variance, model.features, free), 1e-300)
    part /= space.retained  # fewer rows than features shorten the deviations
    weight = part / np.maximum(1 - part * _products(deviation, deviation), LEAST_REST)
    scale = np.square(within[fitted]) * -(ratio / (free + PRIOR - 1))[:, None].astype(np.float32)
    scale += (holds / (free + PRIOR - 1)).astype(np.float32)[:, None]
    outside = np.zeros(len(rows))
    if model.features > dim:
        of_fresh = min(max(dim + 1 - seen, 0) / max(model.features + 2 - seen, 1), 1.0)
        held = space.retained * (1 - of_fresh) if seen < model.features else 0.0  # else nothing is outside
        outside = held * holds * _squared_distances(space, model.kept[:seen], z[:seen])[fitted]
    return _Share(deviation, weight, ratio / (n * len(count)), scale, outside)


def _squared_distances(space: Space, kept: Vectors, z: Vectors) -> Vectors:
    """Return the squared distance (n,) of each z (n, features) to the plane through all others; kept per space."""
    before, known = _distances.get(space, (kept[:0], np.zeros(0)))
    if not np.array_equal(before, kept):
        centred = torch.from_numpy((z - z.mean(0)).astype(np.float32))
        gram = (centred @ centred.T).double().numpy()
        size, n = max(float(np.trace(gram)) / len(z), 1e-300), len(z)
        gram[np.diag_indices(n)] += RIDGE * size
        # its null space is the mean, which is added for the inverse and taken from it again
        inverse = np.linalg.inv(gram + size / n).diagonal() - 1 / ((1 + RIDGE) * size * n)
        known = 1 / np.maximum(inverse, 1e-300)
        _distances[space] = kept, known
    return known


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
