"""What stands on either side of an analog product: rounding to pulse widths before, noise and conversion after."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from insitu.kernels import compiled
from insitu.kernels.normals import normals

Array = NDArray[np.float32]
Key = tuple[int, int]
LIFT, SMALL = np.float32(2.0**64), np.float32(2.0**-60)  # rows smaller than this are lifted, so that their inverse
TINY = np.float32(1e-30)  # ... is finite; zeros stay zeros


def pulse_widths(x: Array, levels: int, widths: Array, squares: Array) -> Array:
    """Scale each row of x (rows, in) to -1..1 by its largest entry and round it to ``levels`` steps (0: not at all).

    Fills ``widths`` and ``squares`` (rows, in); returns the factors taken out (rows,), NaN for a row not finite.
    """
    fast = compiled()
    if fast is None:
        return pulse_widths_reference(x, levels, widths, squares)
    top = np.empty(len(x), np.float32)
    fast.pulse_widths(x, np.float32(levels), widths, squares, top)
    return top


def pulse_widths_reference(x: Array, levels: int, widths: Array, squares: Array) -> Array:
    """Do the same in plain NumPy."""
    largest = np.abs(x).max(1, initial=0)
    top: Array = np.where(np.isfinite(largest), largest, np.float32(np.nan))
    lift = np.where(top < SMALL, LIFT, np.float32(1))
    with np.errstate(invalid="ignore"):  # infinity times NaN; the caller sees that from the factor
        scale = np.float32(levels or 1) / np.maximum(top * lift, TINY)
        scaled = x * lift[:, None] * scale[:, None]
        if levels:
            scaled = np.rint(scaled) * (np.float32(1) / np.float32(levels))
        widths[:] = scaled
        np.square(widths, out=squares)
    return top


def readout(
    current: Array,
    variance: Array | None,
    key: Key,
    origin: tuple[int, int],
    full: Array,
    levels: int,
    row_gain: Array,
    column_gain: Array,
    out: Array,
) -> None:
    """Give each block's current its read noise, convert it, sum the blocks and scale: out (rows, columns).

    ``current`` and ``variance`` are (blocks, rows, columns); ``current`` is used up. ``origin`` is the number of the
    first row, a multiple of four, and of the first column. ``full`` (blocks,) is the converter's range, cut into
    ``levels`` steps to either side (0: exact). Variance None: no noise.
    """
    fast = compiled()
    if fast is None:
        noise = None if variance is None else block_normals(key, origin, current.shape)
        readout_reference(current, variance, noise, full, levels, row_gain, column_gain, out)
        return
    spread = current if variance is None else variance
    words = np.uint32(key[0]), np.uint32(key[1])
    fast.readout(current, spread, variance is not None, *words, *origin, full, levels, row_gain, column_gain, out)


def readout_reference(
    current: Array,
    variance: Array | None,
    noise: Array | None,
    full: Array,
    levels: int,
    row_gain: Array,
    column_gain: Array,
    out: Array,
) -> None:
    """Do the same in plain NumPy, given the normals (blocks, rows, columns)."""
    if variance is not None and noise is not None:
        current = (current + np.sqrt(variance) * noise).astype(np.float32, copy=False)
    if levels:
        top = np.float32(levels)
        step, inverse = (full / top)[:, None, None], (top / full)[:, None, None]
        steps: Array = np.clip(current * inverse, -top, top)
        current = np.rint(steps) * step
    total = current[0].copy()
    for block in current[1:]:
        total += block
    # in float64, so that neither factor alone takes the product out of range
    out[:] = total.astype(np.float64) * column_gain * row_gain.astype(np.float64)[:, None]


def block_normals(key: Key, origin: tuple[int, int], shape: tuple[int, ...]) -> Array:
    """Return the normals (blocks, rows, columns) of a piece that begins at ``origin``."""
    blocks, rows, columns = shape
    lines, across = range(origin[0], origin[0] + rows), range(origin[1], origin[1] + columns)
    return np.stack([normals(key, lines, across, block) for block in range(blocks)])
