"""Real numbers as whole numbers of b bits: value = (code - zero) x step.

The paper's quantiser (Vorabbi, Maltoni and Santi, arXiv 2308.15308) clips x to a calibrated range [lo, hi] and rounds
it to one of 2^b equidistant values, lo and hi among them; gradients pass straight through. Own choices: codes are
two's complement, -2^(b-1) to 2^(b-1) - 1, in the smallest integer type that holds them; a range takes in 0 and the
values are shifted by at most half a step so that 0 is one of them, which makes ``zero`` whole, and products of codes
exact integers. A range without width leaves zeros zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError

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


def check_bits(forward: int, update: int) -> None:
    """Raise ``InsituError`` unless both are 1 to 16, or both 0 for float."""
    whole = all(isinstance(bits, int) and 1 <= bits <= 16 for bits in (forward, update))
    if not whole and (forward, update) != (0, 0):
        raise InsituError(f"forward and update bits are 1 to 16 each, or both 0 for float; got {forward} and {update}")
