"""An analog product in whole numbers: the same bits on every processor, whatever instructions it multiplies with.

Pulse widths are whole numbers within -levels..levels. Conductances are whole steps of their column's
largest, as fine as sums over a row block in 32 bits allow (15 bits for blocks of 256 rows at 8-bit widths). The
variance of read noise, a sum over many rows, needs less: squared widths have 7 bits and variances 6, rounded in ways
that leave sums over rows true, squares with thresholds that differ from row to row (ordered dither), variances with
what rounding leaves carried down the column. The deviation of the noise of 256 rows is off by .25 % (rms, normal
inputs), .4 % (rectified ones) and 5 % (where one input stands 20 deviations above the others); tests measure it.
Sums of products are exact, so that neither the order of terms nor the width of vectors matters; all that follows
(scaling, noise by position, conversion) is one rounding per operation, in float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from insitu.kernels import compiled
from insitu.kernels.readout import Array, Key, block_normals, pulse_widths_reference, readout_reference
from insitu.kernels.strips import SQUARES_AT_ONCE, WIDTHS_AT_ONCE, Strips
from insitu.kernels.threading import split_rows

Whole = NDArray[np.int16]
Small = NDArray[np.uint8]
GROUP = 4  # rows that are multiplied together
SQUARE_BITS = 7  # squares are at most 128: four products with variances are added in 16 bits
GOLDEN = 0.6180339887498949  # multiples of it, taken modulo 1, spread evenly however many there are


def square_shift(levels: int) -> int:
    """Return how many bits of a squared width up to ``levels`` are dropped."""
    return max((levels**2).bit_length() - SQUARE_BITS, 0)


@dataclass(frozen=True, eq=False)
class Widths:
    """Pulse widths (rows, in + 1) int16 and their squares (rows, in + 7) uint8, rows a multiple of GROUP."""

    widths: Whole
    squares: Small

    @classmethod
    def room(cls, rows: int, inputs: int) -> Widths:
        """Return room for so many rows; beyond what is filled in, they stay zero."""
        rows = -(-rows // GROUP) * GROUP  # what is read past the end of a row block meets weights of zero
        return cls(
            np.zeros((rows, inputs + WIDTHS_AT_ONCE - 1), np.int16),
            np.zeros((rows, inputs + SQUARES_AT_ONCE - 1), np.uint8),
        )

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return int(self.widths.shape[1]) - WIDTHS_AT_ONCE + 1


def whole_widths(x: Array, levels: int, out: Widths) -> Array:
    """Round each row of x (rows, in), scaled by its largest entry, to whole numbers within -levels..levels.

    Their squares lack the last ``square_shift`` bits. Returns the factors taken out (rows,), NaN for a row not finite.
    """
    fast = compiled()
    count, inputs = x.shape
    if fast is None:
        return whole_widths_reference(x, levels, out.widths[:count, :inputs], out.squares[:count, :inputs])
    top = np.empty(count, np.float32)
    given = x, np.float32(levels), _dither(inputs, levels), square_shift(levels), out.widths, out.squares, top
    split_rows(lambda start, stop: fast.whole_widths(*given, start, stop), count, x.size, GROUP)
    return top


def whole_widths_reference(x: Array, levels: int, widths: Whole, squares: Small) -> Array:
    """Do the same in plain NumPy."""
    shares, unused = np.empty_like(x), np.empty_like(x)
    top = pulse_widths_reference(x, levels, shares, unused)
    with np.errstate(invalid="ignore"):  # a row that is not finite; the caller sees that from the factor
        widths[:] = np.rint(shares * np.float32(levels))
    squares[:] = (np.square(widths, dtype=np.int32) + _dither(x.shape[1], levels)) >> square_shift(levels)
    return top


@lru_cache(maxsize=32)
def _dither(inputs: int, levels: int) -> NDArray[np.int32]:
    """Return what is added to the square of each input before its last bits are dropped."""
    shifts: NDArray[np.int32] = (np.arange(inputs) * GOLDEN % 1 * 2 ** square_shift(levels)).astype(np.int32)
    return shifts


@dataclass(frozen=True, eq=False)
class Output:
    """What follows the sums: converter ranges (row blocks,) in ``levels`` steps to either side, and digital factors."""

    full: Array
    levels: int
    row_gain: Array  # (rows,)
    column_gain: Array  # (columns,)


def whole_products(
    given: Widths,
    means: Strips,
    variances: Strips | None,
    tile: int,
    key: Key,
    origin: tuple[int, int],
    output: Output,
    out: Array,
) -> None:
    """Fill ``out`` (rows, columns) with the product of widths and means, read noise and conversion included.

    ``means`` count in µS per step of a width, ``variances`` in µS² per step of its square (None: no noise).
    ``origin`` is the number of the first row, a multiple of GROUP, and of the first column.
    """
    if compiled() is None:
        whole_products_reference(given, means, variances, tile, key, origin, output, out)
        return
    from insitu.kernels import _integer_products as fast

    noisy = variances is not None
    other = variances if variances is not None else means
    words = np.uint32(key[0]), np.uint32(key[1])
    inputs = given.inputs

    def rows(start: int, stop: int) -> None:
        fast.whole_products(
            *(given.widths, given.squares, means.words, means.unit, other.words, other.unit, noisy),
            *(*words, *origin, tile, inputs, output.full, output.levels, output.row_gain, output.column_gain),
            *(out, start, stop),
        )

    split_rows(rows, len(out), out.size * inputs, GROUP)


def whole_products_reference(
    given: Widths,
    means: Strips,
    variances: Strips | None,
    tile: int,
    key: Key,
    origin: tuple[int, int],
    output: Output,
    out: Array,
) -> None:
    """Do the same in plain NumPy; products of whole numbers in float64 are exact too."""
    current = _sums(given.widths[:, : given.inputs], means, tile, out.shape)
    squares = None if variances is None else _sums(given.squares[:, : given.inputs], variances, tile, out.shape)
    noise = None if variances is None else block_normals(key, origin, current.shape)
    readout_reference(current, squares, noise, output.full, output.levels, output.row_gain, output.column_gain, out)


def _sums(x: Whole | Small, strips: Strips, tile: int, shape: tuple[int, ...]) -> Array:
    """Return sums of products (blocks, rows, columns), times their unit."""
    count, columns = shape
    blocks = []
    for block in range(len(strips.words)):
        part = x[:count, block * tile : (block + 1) * tile].astype(np.float64)
        weights = strips.rows(block, columns)[: part.shape[1]].astype(np.float64)
        blocks.append((part @ weights).astype(np.float32) * strips.unit[:columns])
    return np.stack(blocks)
