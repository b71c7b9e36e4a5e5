"""The portable integers of ``integer_readout.py`` as torch operations, for a device other than the processor.

Sums of products of whole numbers are exact in float64 in any order, noise is a function of position, and everything
else is one float32 rounding per operation, each an operation of its own here, so that no compiler can fuse two: the
bits are those of the plain NumPy reference.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from insitu.kernels.elementary import LOG
from insitu.kernels.normals import LANES, MULTIPLIERS, ROUNDS, WEYL
from insitu.kernels.readout import Key

LOW = 0xFFFFFFFF
ROOT_HALF = 0x3F3504F3  # sqrt(1/2) as float32, bit by bit


class Sums(NamedTuple):
    """Numbers that are multiplied: by block (blocks, in, columns) float64, and what a step stands for (columns,)."""

    steps: list[Tensor]
    unit: Tensor


def sums(x: Tensor, weights: Sums, tile: int) -> Tensor:
    """Return sums of products (blocks, rows, columns) of x (rows, in) float64, times their unit."""
    parts = zip(x.split(tile, 1), weights.steps, strict=True)
    return torch.stack([(part @ steps).float() * weights.unit for part, steps in parts])


def readout(
    current: Tensor,
    variance: Tensor | None,
    noise: Tensor | None,
    full: Tensor,
    levels: int,
    gains: tuple[Tensor, Tensor],
) -> Tensor:
    """Return what ``readout_reference`` gives, (rows, columns); ``gains`` are those of rows and of columns."""
    if variance is not None and noise is not None:
        current = current + _root(variance) * noise
    if levels:
        step, inverse = (full / levels)[:, None, None], (levels / full)[:, None, None]
        current = (current * inverse).clamp(-levels, levels).round() * step
    total = current[0]
    for block in current[1:]:
        total = total + block
    of_rows, of_columns = gains
    return (total.double() * of_columns * of_rows.double()[:, None]).float()


def block_normals(key: Key, origin: tuple[int, int], shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Return the normals (blocks, rows, columns) of a piece that begins at ``origin``; see ``normals.normals``."""
    blocks, rows, columns = shape
    block = torch.arange(blocks, device=device)[:, None, None]
    row = torch.arange(origin[0], origin[0] + rows, device=device)[None, :, None]
    column = torch.arange(origin[1], origin[1] + columns, device=device)[None, None, :]
    block, row, column = (each.expand(shape) for each in (block, row, column))
    words = _philox([row // LANES, column, block, torch.zeros_like(row)], key)
    four = torch.stack([*_box_muller(words[0], words[1]), *_box_muller(words[2], words[3])])
    return four.gather(0, (row % LANES)[None])[0]


def _philox(counter: list[Tensor], key: Key) -> list[Tensor]:
    """Return four words for four counter words; int64 products wrap as unsigned ones do."""
    c0, c1, c2, c3 = counter
    for turn in range(ROUNDS):
        k0, k1 = ((word + turn * step) & LOW for word, step in zip(key, WEYL, strict=True))
        p0, p1 = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0, c1, c2, c3 = ((p1 >> 32) & LOW) ^ c1 ^ k0, p1 & LOW, ((p0 >> 32) & LOW) ^ c3 ^ k1, p0 & LOW
    return [c0, c1, c2, c3]


def _box_muller(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    radius = _root(_log((first.float() + 0.5) * 2.0**-32) * -2)
    signed = (second ^ 0x80000000) - 0x80000000
    t = signed.float() * _single(2.0**-32 * np.pi)
    z = t * t
    s = -(z * _single(1 / 39916800)) + _single(1 / 362880)
    c = -(z * _single(1 / 3628800)) + _single(1 / 40320)
    for below in (1 / 5040, 1 / 120, 1 / 6, 1.0):
        s = -(z * s) + _single(below)
    for below in (1 / 720, 1 / 24, 1 / 2, 1.0):
        c = -(z * c) + _single(below)
    s = t * s
    return radius * (1 - 2 * s * s), radius * (2 * s * c)


def _log(x: Tensor) -> Tensor:
    """Return the logarithm as ``elementary.log_reference`` does."""
    bits = x.view(torch.int32) - ROOT_HALF
    exponent = (bits >> 23).float()
    m = ((bits & 0x7FFFFF) + ROOT_HALF).view(torch.float32) - 1
    p = torch.full_like(m, LOG[0])
    for term in LOG[1:]:
        p = p * m + _single(term)
    z = m * m
    return m + (m * z * p - 0.5 * z) + exponent * _single(0.69314718)


def _root(x: Tensor) -> Tensor:
    """Return the square root with one rounding, which torch's own of float32 does not promise."""
    return x.double().sqrt().float()


def _single(value: float) -> float:
    """Return a constant as float32 has it, so that torch's own conversion cannot matter."""
    return float(np.float32(value))
