"""The same two sides of an analog product in small numbers, which processors multiply several times as fast.

Pulse widths are whole numbers within -127..127 and lose nothing. A conductance is split into two digits of base 256,
its square deviation is rounded to bfloat16; ``substrates/_whole.py`` says what that costs in accuracy.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from insitu.kernels.readout import Array, Key, pulse_widths_reference, readout_reference

Digits = NDArray[np.int8]
Halves = NDArray[np.uint16]  # bfloat16: the upper half of a float32
BASE = 256


def whole_widths(loops: ModuleType, x: Array, levels: int, widths: Digits, squares: Halves) -> Array:
    """Round each row of x (rows, in), scaled by its largest entry, to whole numbers within -levels..levels.

    Fills ``widths`` and ``squares``; returns the factors taken out (rows,), NaN for a row not finite.
    """
    top = np.empty(len(x), np.float32)
    loops.whole_widths(x, np.float32(levels), widths, squares, top)
    return top


def whole_widths_reference(x: Array, levels: int, widths: Digits, squares: Halves) -> Array:
    """Do the same in plain NumPy; rows are finite."""
    shares, unused = np.empty_like(x), np.empty_like(x)
    top = pulse_widths_reference(x, levels, shares, unused)
    widths[:] = np.rint(shares * levels)
    squares[:] = halves(np.square(widths.astype(np.float32)))
    return top


def whole_readout(
    loops: ModuleType,
    sums: NDArray[np.int32],
    unit: Array,
    variance: Halves,
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
    (blocks, columns); spread None: no noise.
    """
    noisy = spread is not None
    words = np.uint32(key[0]), np.uint32(key[1])
    scale = spread if spread is not None else unit[None]
    loops.whole_readout(sums, unit, variance, scale, noisy, *words, *origin, full, levels, row_gain, column_gain, out)


def whole_readout_reference(
    sums: NDArray[np.int32],
    unit: Array,
    variance: Halves,
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
    squares = None if spread is None else whole(variance) * spread[:, None]
    readout_reference(current, squares, noise, full, levels, row_gain, column_gain, out)


def digits(values: Array, unit: Array) -> tuple[Digits, Digits]:
    """Split values (in, columns) / unit (columns,), within ±32639, into high and low digits of base 256."""
    counts = np.rint(values / unit).astype(np.int32)
    high = (counts + BASE // 2) >> 8
    return high.astype(np.int8), (counts - BASE * high).astype(np.int8)


LARGEST = 127 * BASE + 127  # that two digits hold


def halves(values: Array) -> Halves:
    """Round to bfloat16, halves up."""
    return ((values.view(np.uint32) + np.uint32(0x8000)) >> np.uint32(16)).astype(np.uint16)


def whole(values: Halves) -> Array:
    """Return bfloat16 as float32."""
    return (values.astype(np.uint32) << np.uint32(16)).view(np.float32)
