"""Arithmetic of networks in integers: maps of 16 bits on a grid, and what follows sums of 32 bits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError

TOP = 2**15 - 1  # largest number of a map
SUM_BITS, WIDE_BITS = 30, 46  # of a scaled sum in 32 bits, and in 64
LARGEST_SUM = 2**31 - 1
MOST_SHIFT = 40

Wide = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Affine:
    """(sum multiplier + bias) >> shift per output channel, halves rounded up."""

    multiplier: Wide
    bias: Wide
    shift: int

    def __call__(self, sums: Wide) -> Wide:
        """Return the scaled sums (..., out)."""
        return (sums * self.multiplier + self.bias + ((1 << self.shift) >> 1)) >> self.shift


def affine(scale: Any, shift: Any, largest: float, step: float, sum_bits: int = WIDE_BITS) -> Affine:
    """Return integers of scale and shift (out,) for sums up to ``largest``, as fine as ``sum_bits`` allow."""
    reach = np.abs(scale / step) * largest + np.abs(shift / step) + 1
    bits = min(int(np.floor(sum_bits - np.log2(reach.max()))), MOST_SHIFT)
    if bits < 0:
        raise InsituError("the numbers of a layer do not fit 32 bits; train the network again with weight decay")
    factor = 2.0**bits
    return Affine(
        np.rint(scale / step * factor).astype(np.int64), np.rint(shift / step * factor).astype(np.int64), bits
    )


def quantised(weight: NDArray[Any], top: int, largest: int) -> tuple[Wide, NDArray[np.float64], int]:
    """Return codes of weights (out, ...), their units (out,) and a bound of sums over inputs up to ``largest``.

    Codes are as fine as a range up to ``top`` and sums of 32 bits allow.
    """
    rows = np.abs(weight).reshape(len(weight), -1).astype(np.float64)
    rounded_up = rows.shape[1] / 2  # by which the codes of a row may exceed it
    unit = np.maximum(rows.max(1) / top, rows.sum(1) / (LARGEST_SUM // largest - rounded_up))
    unit = np.where(unit > 0, unit, 1.0 / top)
    codes: Wide = np.rint(weight / unit.reshape(-1, *[1] * (weight.ndim - 1))).astype(np.int64)
    bound = largest * max(int(np.abs(codes).reshape(len(codes), -1).sum(1).max()), top)
    return codes, unit, bound


def limited(values: Any) -> Wide:
    """Return numbers as a map holds them."""
    out: Wide = np.clip(values, -TOP, TOP).astype(np.int64)
    return out


def taps(x: Wide) -> Iterator[tuple[int, int, Wide]]:
    """Yield the rows and columns of a 3x3 window, each with the map (n, h, w, channels) moved there, zeros outside."""
    height, width = x.shape[1:3]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    for row, column in np.ndindex(3, 3):
        yield row, column, padded[:, row : row + height, column : column + width]


def norm_factors(norm: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return scale and shift (channels,) of a batch norm in eval mode."""
    mean, var = norm.running_mean.double().numpy(), norm.running_var.double().numpy()
    gain = 1 / np.sqrt(var + norm.eps)
    if norm.affine:
        gain *= norm.weight.detach().double().numpy()
        return gain, norm.bias.detach().double().numpy() - mean * gain
    return gain, -mean * gain
