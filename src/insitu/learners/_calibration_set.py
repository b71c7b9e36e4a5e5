"""The unit vectors of examples that a memory is measured with after every change, kept as long as neither changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np
from torch import Tensor

from insitu.learners.projections import Projection


@dataclass(frozen=True, eq=False)
class CalibrationSet:
    """Examples and their vectors under a projection."""

    x: Tensor  # (n, features)
    vectors: Tensor  # (n, dim)
    sizes: dict[float, float] = field(default_factory=dict)

    def size(self, quantile: float) -> float:
        """Return the quantile of all |components|."""
        if quantile not in self.sizes:
            self.sizes[quantile] = size(self.vectors, quantile)
        return self.sizes[quantile]


_known: WeakKeyDictionary[Projection, CalibrationSet] = WeakKeyDictionary()


def calibration_set(projection: Projection, x: Tensor) -> CalibrationSet:
    """Return the set of examples x (n, features), never changed in place; the last of a projection is cached."""
    known = _known.get(projection)
    if known is None or known.x is not x:
        known = _known[projection] = CalibrationSet(x, projection.vectors(x))
    return known


def size(vectors: Tensor, quantile: float) -> float:
    """Return the quantile of all |components| of vectors, which is the size that gets most pulses."""
    return max(float(np.quantile(vectors.abs().numpy(), quantile)), 1e-12)
