"""Numbers of few bits: integer codes on a grid, value = (code - zero) x step, or floats that stand on one.

The quantiser of codes (Vorabbi, Maltoni and Santi, arXiv 2308.15308) clips x to a calibrated range [lo, hi] and rounds
it to one of 2^b equidistant values, lo and hi among them; gradients pass straight through. Own choices: codes are two's
complement, -2^(b-1) to 2^(b-1) - 1, in the smallest integer type that holds them; a range is extended to include 0 and
the values are shifted by at most half a step so that 0 is one of them, which makes ``zero`` an integer, and products of
codes exact integers. With an empty range, zeros stay zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float32]
Codes = NDArray[Any]  # int8, or int16 above 8 bits


@dataclass(frozen=True)
class Grid:
    """The values that codes of ``bits`` bits stand for."""

    bits: int
    step: float
    zero: int = 0

    @property
    def lowest(self) -> int:
        """The smallest code."""
        return -(1 << (self.bits - 1))

    @property
    def highest(self) -> int:
        """The largest code."""
        return (1 << (self.bits - 1)) - 1

    @property
    def dtype(self) -> type[np.signedinteger[Any]]:
        """The integer type of the codes."""
        return np.int8 if self.bits <= 8 else np.int16

    def codes(self, x: Array) -> Codes:
        """Return the codes of the values nearest to x, halves to even."""
        exact = x * np.float32(1 / self.step)
        np.rint(exact, out=exact)
        exact += np.float32(self.zero)
        np.clip(exact, self.lowest, self.highest, out=exact)
        return np.asarray(exact, self.dtype)

    def values(self, codes: Codes) -> Array:
        """Return what codes stand for."""
        return (codes.astype(np.float32) - np.float32(self.zero)) * np.float32(self.step)


def covering(lo: float, hi: float, bits: int) -> Grid:
    """Return the grid over [lo, hi] and 0."""
    lo, hi = min(lo, 0.0), max(hi, 0.0)
    if not hi - lo > np.finfo(np.float32).tiny:
        return Grid(bits, 1.0)
    step = (hi - lo) / ((1 << bits) - 1)
    return Grid(bits, step, round(-lo / step) - (1 << (bits - 1)))


def symmetric(top: float, bits: int) -> Grid:
    """Return the grid over [-top, top] whose code 0 is the value 0."""
    return Grid(bits, 2 * top / ((1 << bits) - 1) if top > np.finfo(np.float32).tiny else 1.0)


def on_steps(
    x: Tensor,
    step: Tensor | float,
    lowest: float = -np.inf,
    highest: float = np.inf,
    rng: np.random.Generator | None = None,
) -> Tensor:
    """Return x rounded to whole multiples of ``step``, at least ``lowest`` and at most ``highest`` of them; detached.

    Rounding is to the nearest, halves to even; with ``rng`` it is at random, up with the probability of the distance
    from the multiple below, which is exact on average.
    """
    steps = x.detach() / step
    if rng is not None:
        steps = (steps + torch.from_numpy(rng.random(tuple(x.shape), dtype=np.float32))).floor()
    rounded: Tensor = steps.round().clamp(lowest, highest) * step
    return rounded
