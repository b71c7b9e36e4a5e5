"""The same two sides of an analog product in small numbers, which processors multiply several times as fast.

Pulse widths are whole numbers within -127..127 and lose nothing. A conductance is split into two digits of base 256.
What only the size of the noise depends on, squares of widths and square deviations of cells, is cut to one digit each,
so that sums over many cells stay true; ``substrates/_whole.py`` says what that costs in accuracy.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np
import torch
from numpy.typing import NDArray

from insitu.kernels.readout import Array, Key, pulse_widths_reference, readout_reference

Digits = NDArray[np.int8]
Sums = NDArray[np.int32]
BASE = 256
DIGIT = 127  # the largest one


def whole_widths(loops: ModuleType, x: Array, levels: int, carry: Array, widths: Digits, squares: Digits) -> Array:
    """Round each row of x (rows, in), scaled by its largest entry, to whole numbers within -levels..levels.

    Fills ``widths``, and ``squares`` with the squares of those over ``square_step``; ``carry`` is ``carries(in)``.
    Returns the factors taken out (rows,), NaN for a row not finite.
    """
    top = np.empty(len(x), np.float32)
    loops.whole_widths(x, np.float32(levels), square_step(levels), carry, widths, squares, top)
    return top


def whole_widths_reference(x: Array, levels: int, carry: Array, widths: Digits, squares: Digits) -> Array:
    """Do the same in plain NumPy; rows are finite."""
    shares, unused = np.empty_like(x), np.empty_like(x)
    top = pulse_widths_reference(x, levels, shares, unused)
    widths[:] = np.rint(shares * levels)
    squares[:] = np.square(widths.astype(np.float32)) * (np.float32(1) / square_step(levels)) + carry
    return top


def square_step(levels: int) -> np.float32:
    """Return what one step of ``squares`` counts: the square of the largest width fills a digit, or is one."""
    return np.float32(max(levels**2 / DIGIT, 1))


def carries(inputs: int) -> Array:
    """Return fractions (in,) within 0..1, evenly spread over any neighbours, to add before rounding down.

    Rounding so keeps sums of many small numbers that rounding each to the nearest would lose.
    """
    golden = np.arange(1, inputs + 1) * 40503 % 2**16  # multiples of 2^16 over the golden ratio
    return ((golden >> 4) + 0.5).astype(np.float32) / np.float32(2**12)  # coarse enough that 127 never becomes 128


def whole_readout(
    loops: ModuleType,
    sums: Sums,
    unit: Array,
    variance: Sums,
    spread: Array | None,
    key: Key,
    origin: tuple[int, int],
    full: Array,
    levels: int,
    row_gain: Array,
    column_gain: Array,
    out: Array,
) -> None:
    """Do what ``readout`` does, from sums over high and low digits (blocks, rows, 2 x columns).

    The sums count times ``unit`` (columns,) µS. ``variance`` (blocks, rows, columns) counts times ``spread``
    (columns,) µS²; spread None: no noise.
    """
    noisy = spread is not None
    words = np.uint32(key[0]), np.uint32(key[1])
    scale = spread if spread is not None else unit
    loops.whole_readout(sums, unit, variance, scale, noisy, *words, *origin, full, levels, row_gain, column_gain, out)


def whole_readout_reference(
    sums: Sums,
    unit: Array,
    variance: Sums,
    spread: Array | None,
    noise: Array | None,
    full: Array,
    levels: int,
    row_gain: Array,
    column_gain: Array,
    out: Array,
) -> None:
    """Do the same in plain NumPy, given the normals (blocks, rows, columns)."""
    high, low = np.split(sums.astype(np.float32), 2, axis=2)
    current = (high * np.float32(BASE) + low) * unit
    squares = None if spread is None else variance.astype(np.float32) * spread
    readout_reference(current, squares, noise, full, levels, row_gain, column_gain, out)


def digits(values: Array, unit: Array) -> tuple[Digits, Digits]:
    """Split values (in, columns) / unit (columns,), within ±32639, into high and low digits of base 256."""
    counts = np.rint(values / unit).astype(np.int32)
    high = (counts + BASE // 2) >> 8
    return high.astype(np.int8), (counts - BASE * high).astype(np.int8)


LARGEST = DIGIT * BASE + DIGIT  # that two digits hold


def one_digit(values: Array, unit: Array) -> Digits:
    """Round values (in, columns) / unit (columns,), within 0..126, to digits whose sums down a column stay true.

    What rounding leaves is carried into the next row, so that the sum over any rows in a row is off by less than 1.
    """
    sums = torch.cumsum(torch.from_numpy(values / unit), 0)  # NumPy's takes several times as long along columns
    out: Digits = np.diff(np.rint(sums.numpy()), axis=0, prepend=np.float32(0)).astype(np.int8)
    return out
