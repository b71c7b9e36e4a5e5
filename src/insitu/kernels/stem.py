"""The float layer that a binary network begins with: 3x3 convolution, 2x2 max pool, batch norm, and the first signs.

Done in one pass, so that the convolution's map, four times as large as what comes out, is never held. Sums run over
taps in their order and products are fused with sums, the same on any processor, for any batch and number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insitu.core import InsituError
from insitu.kernels import binary_loops
from insitu.kernels.binary import pack_reference
from insitu.kernels.packed_weights import LANES, WORD, Words
from insitu.kernels.threading import run_parallel

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Stem:
    """What a stem computes with, in the order in which the loop reads it, made once by ``prepare_stem``.

    tiles: (ceil(out / 32), 9 * channels, 32) float32, taps in the order (row, column, channel)
    factors: (3, out rounded up to 32) float32: scale, shift, threshold
    """

    tiles: Floats
    factors: Floats
    channels: int
    out: int


def prepare_stem(weight: ArrayLike, scale: ArrayLike, shift: ArrayLike, threshold: ArrayLike) -> Stem:
    """Return what ``stem`` takes, from weights (out, 3, 3, channels) and three arrays (out,) of what follows."""
    kernel = np.asarray(weight, np.float32)
    if kernel.ndim != 4 or kernel.shape[1:3] != (3, 3) or not kernel.size:
        raise InsituError(f"weights of a stem have shape {kernel.shape}; give (out, 3, 3, channels)")
    out, channels = kernel.shape[0], kernel.shape[3]
    after = [np.asarray(values, np.float32) for values in (scale, shift, threshold)]
    if any(values.shape != (out,) for values in after):
        raise InsituError(f"scale, shift, threshold are {[v.shape for v in after]}; give one number per channel, {out}")
    wide = -(-out // LANES) * LANES
    padded, factors = np.zeros((wide, 9 * channels), np.float32), np.zeros((3, wide), np.float32)
    padded[:out], factors[:, :out] = kernel.reshape(out, -1), after
    tiles = padded.reshape(-1, LANES, 9 * channels).transpose(0, 2, 1)
    return Stem(np.ascontiguousarray(tiles), factors, channels, out)


def stem(x: Floats, held: Stem) -> tuple[Floats, Words]:
    """Map images (n, h, w, channels), even sides, to floats (n, h / 2, w / 2, out) and their bits, packed.

    y = scale * (largest sum of a 2x2 window) + shift, bit = y >= threshold; the border of the image is zero.
    """
    n, height, width, _ = _checked(x, held)
    if binary_loops() is None:
        return stem_reference(x, held)
    from insitu.kernels import _stem

    out = np.empty((n, height // 2, width // 2, held.out), np.float32)
    bits = np.zeros((*out.shape[:3], -(-held.out // WORD)), np.uint64)
    given = np.ascontiguousarray(x), held.tiles, held.factors, out, bits.view(np.uint32)
    run_parallel(_stem.stem_rows, _stem.stem_all, given, n * out.shape[1], x.size * 9 * held.out)
    return out, bits


def stem_reference(x: Floats, held: Stem) -> tuple[Floats, Words]:
    """Do the same in plain NumPy."""
    n, height, width, channels = _checked(x, held)
    seen = np.zeros((n, height + 2, width + 2, channels), np.float32)
    seen[:, 1:-1, 1:-1] = x
    weights = held.tiles.transpose(1, 0, 2).reshape(3, 3, channels, -1)[..., : held.out]
    sums = np.zeros((n, height, width, held.out), np.float32)
    for row, column, channel in np.ndindex(3, 3, channels):
        tap = seen[:, row : row + height, column : column + width, channel, None]
        sums = fused(tap, weights[row, column, channel], sums)
    scale, shift, threshold = held.factors[:, : held.out]
    top = sums[:, ::2, ::2]
    for other in (sums[:, ::2, 1::2], sums[:, 1::2, ::2], sums[:, 1::2, 1::2]):
        top = np.where(other > top, other, top)
    out = fused(top, scale, shift)
    return out, pack_reference(out, threshold)


def fused(a: Floats, b: Floats, c: Floats) -> Floats:
    """Return a * b + c of float32, rounded once, as a fused multiply-add gives it.

    The product is exact in float64; its sum with c is rounded to odd there, which keeps the second rounding right
    (Boldo and Melquiond, IEEE Transactions on Computers 2008).
    """
    product, addend = a.astype(np.float64) * b, c.astype(np.float64)
    total = product + addend
    part = total - product
    error = (product - (total - part)) + (addend - part)
    even = (total.view(np.int64) & 1) == 0
    odd = np.where((error != 0) & even, np.nextafter(total, np.copysign(np.inf, error)), total)
    return odd.astype(np.float32)


def _checked(x: Floats, held: Stem) -> tuple[int, int, int, int]:
    if x.ndim != 4 or x.dtype != np.float32 or x.shape[3] != held.channels or x.shape[1] % 2 or x.shape[2] % 2:
        raise InsituError(
            f"images are {x.dtype} {x.shape}; give float32 (n, h, w, {held.channels}) with even sides of pixels"
        )
    n, height, width, channels = x.shape
    return n, height, width, channels
