"""Sums and matrix products in float64 that give the same bits in any order, so on every processor, in any threads.

The order in which a matrix product adds is up to the library, and with it the last bits. Here the vectors that are
summed over are first rounded to whole multiples of a power of two u, 2^-26 to 2^-25 of their Euclidean norm. By Cauchy
and Schwarz no part of a sum of products is larger than 2^52 multiples of the two u, so float64 holds each of them
exactly and no order rounds. An entry is off by at most 2^-26 of the norm, which is less than a float32 sum of hundreds
of terms loses. A product takes twice the time of one in float32, and a pass over either operand.
"""

from __future__ import annotations

import torch
from torch import Tensor

PRODUCT_BITS = 26  # two of them and a sign fit into the 53 bits of a float64
SUM_BITS = 40  # leaves room for 2^25 summands of the size of the norm
# unit vectors are common: what their norm is off by one must not decide on the power of two
BELOW_ONE = 1 - 2.0**-20


def on_grid(x: Tensor, dim: int, bits: int = PRODUCT_BITS) -> Tensor:
    """Return finite x in float64, its vectors along ``dim`` rounded to 2^-bits of their norm, halves to even."""
    norm = torch.linalg.vector_norm(x.detach(), dim=dim, keepdim=True, dtype=torch.float64)
    exponent = torch.frexp(norm * BELOW_ONE).exponent.long()
    # adding and taking away a number whose last bit is u rounds to multiples of u
    shift = ((exponent + (1023 + 52 - bits)) << 52).view(torch.float64) * 1.5
    return (x.detach().double() + shift).sub_(shift)


def product(x: Tensor, y: Tensor) -> Tensor:
    """Return x (..., n, k) times y (..., k, m) in float64; detached."""
    return on_grid(x, -1) @ on_grid(y, -2)


def total(x: Tensor, dim: int) -> Tensor:
    """Return the sum of x along ``dim`` in float64; detached."""
    return on_grid(x, dim, SUM_BITS).sum(dim)


def mean(x: Tensor, dim: int) -> Tensor:
    """Return the mean of x along ``dim`` in float64; detached."""
    return total(x, dim) / x.shape[dim]


def norm(x: Tensor) -> Tensor:
    """Return the Euclidean norms (...) of x (..., k) in float64; detached."""
    return total(x.detach().double().square(), -1).sqrt()


def unit(x: Tensor) -> Tensor:
    """Return x (..., k) in float64, each vector divided by its norm; zeros stay zeros; detached."""
    return x.detach().double() / norm(x)[..., None].clamp_min(1e-12)
