"""Conductances and variances in whole numbers, in the order in which the loop of products reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from insitu.kernels import compiled
from insitu.kernels.readout import Array

LANES = 16  # columns of a strip
WIDTHS_AT_ONCE, SQUARES_AT_ONCE = 2, 8  # inputs that the loop multiplies together, with means and with variances
LARGEST_SUM = 2**31 - 1
LARGEST = 2**15 - 1
LARGEST_VARIANCE = 63


@dataclass(frozen=True, eq=False)
class Strips:
    """Whole numbers (in, columns) in the order the loop reads them, and what a step of each column stands for.

    words: (blocks, strips, groups, 16, rows of a group): row blocks, 16 columns to a strip, neighbouring rows in
        groups of two int16 or four int8
    unit: (16 x strips,) float32
    """

    words: NDArray[np.int16 | np.int8]
    unit: Array

    def rows(self, block: int, columns: int) -> NDArray[np.int16 | np.int8]:
        """Return the numbers of a row block (rows, columns); rows beyond the block are zeros."""
        strips, groups, lanes, together = self.words[block].shape
        found: NDArray[np.int16 | np.int8] = self.words[block].transpose(1, 3, 0, 2)
        return found.reshape(groups * together, strips * lanes)[:, :columns]


def joined(parts: list[Strips]) -> Strips:
    """Return the strips of parts next to each other; each but the last has a multiple of ``LANES`` columns."""
    return Strips(np.concatenate([part.words for part in parts], 1), np.concatenate([part.unit for part in parts]))


def largest_step(most: int, rows: int) -> int:
    """Return how large steps may be so that ``rows`` products with numbers up to ``most`` add up in 32 bits."""
    return min(LARGEST, LARGEST_SUM // (most * rows))


def signed_strips(values: Array, levels: int, tile: int) -> Strips:
    """Round values (in, columns) to steps of the largest of each column, for products with numbers up to ``levels``."""
    fast = compiled()
    if fast is None:
        return signed_strips_reference(values, levels, tile)
    top = np.float32(largest_step(levels, min(tile, len(values))))
    out = _room(values, tile, np.int16, 2, WIDTHS_AT_ONCE)
    fast.signed_strips(np.ascontiguousarray(values), top, tile, out.words, out.unit)
    return out


def signed_strips_reference(values: Array, levels: int, tile: int) -> Strips:
    """Do the same in plain NumPy."""
    top = largest_step(levels, min(tile, len(values)))
    unit = np.maximum(np.abs(values).max(0), np.float32(1e-30)) / np.float32(top)
    return _arranged(
        np.rint(values / unit).astype(np.int16), unit, _room(values, tile, np.int16, 2, WIDTHS_AT_ONCE), tile
    )


def carried_strips(values: Array, tile: int) -> Strips:
    """Round values (in, columns) >= 0 to at most ``LARGEST_VARIANCE`` steps.

    What rounding leaves is carried into the next row of the block: the sum over any rows is off by less than a step.
    """
    fast = compiled()
    if fast is None:
        return carried_strips_reference(values, tile)
    out = _room(values, tile, np.int8, 4, SQUARES_AT_ONCE)
    fast.carried_strips(np.ascontiguousarray(values), np.float32(LARGEST_VARIANCE - 1), tile, out.words, out.unit)
    return out


def carried_strips_reference(values: Array, tile: int) -> Strips:
    """Do the same in plain NumPy."""
    unit = np.maximum(values.max(0), np.float32(1e-30)) / np.float32(LARGEST_VARIANCE - 1)
    steps = np.empty(values.shape, np.int8)
    for start in range(0, len(values), tile):
        rows = slice(start, start + tile)
        sums = np.rint(np.cumsum(values[rows] / unit, axis=0, dtype=np.float64))
        steps[rows] = np.diff(sums, axis=0, prepend=0.0)
    return _arranged(steps, unit, _room(values, tile, np.int8, 4, SQUARES_AT_ONCE), tile)


def _room(values: Array, tile: int, kind: type[np.int16 | np.int8], together: int, multiple: int) -> Strips:
    """Return zeros for values (in, columns) in groups of ``together`` rows; row blocks are padded to a ``multiple``."""
    rows, columns = values.shape
    blocks, strips, padded_rows = -(-rows // tile), -(-columns // LANES), -(-min(tile, rows) // multiple) * multiple
    words: NDArray[np.int16 | np.int8] = np.zeros((blocks, strips, padded_rows // together, LANES, together), kind)
    return Strips(words, np.zeros(strips * LANES, np.float32))


def _arranged(steps: NDArray[np.int16 | np.int8], unit: Array, out: Strips, tile: int) -> Strips:
    """Fill ``out`` with steps (in, columns)."""
    blocks, strips, groups, lanes, together = out.words.shape
    for block in range(blocks):
        part = steps[block * tile : (block + 1) * tile]
        padded = np.zeros((groups * together, strips * lanes), steps.dtype)
        padded[: len(part), : len(unit)] = part
        out.words[block] = padded.reshape(groups, together, strips, lanes).transpose(2, 0, 3, 1)
    out.unit[: len(unit)] = unit
    return out
