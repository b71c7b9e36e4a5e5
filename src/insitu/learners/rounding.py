"""Weights of b bits: in -1..1 - 2^(1 - b), in steps of 2^(1 - b), rounded at random or to the nearest.

The grid of Ortner, Petschenig et al. (2025). Random rounding goes up with the probability of the distance travelled, so
that it is exact on average and updates smaller than a step are not lost; gradients pass straight through.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from insitu.core import InsituError
from insitu.kernels.quantiser import on_steps


def check_bits(bits: int) -> None:
    """Raise ``InsituError`` for a width that weights cannot have."""
    if bits and not 2 <= bits <= 16:
        raise InsituError(f"bits of a weight are 0 (float) or 2..16; got {bits}")


def rounded(weights: Tensor, bits: int, rng: np.random.Generator | None = None, scale: float = 1.0) -> Tensor:
    """Return ``weights`` on ``scale`` times the grid of ``bits`` bits; 0 bits leave them.

    They are rounded at random where ``rng`` is given, otherwise to the nearest.
    """
    if not bits:
        return weights
    top = 2 ** (bits - 1)
    # the difference is zero: it carries the gradient and leaves the grid's values exact
    held: Tensor = on_steps(weights, scale / top, -top, top - 1, rng) + (weights - weights.detach())
    return held
