"""Products of numbers that are +1 or -1, 64 to a word: xor finds where two words differ, a popcount counts it.

Bit 1 is +1, bit 0 is -1, and 0 counts as +1. Channel c is bit c % 64 of word c // 64, little-endian; bits beyond the
last channel are 0. Maps are channels-last: activations (n, h, w, words), weights (out, kh, kw, words). A sum of n
products is n - 2 * (bits that differ), exact in int32. A tap outside the image adds nothing, as where a training form
pads +-1 maps with zeros. The ``_reference`` functions say in plain NumPy what the compiled loops compute, bit for bit,
for any number of threads (``numba.set_num_threads``); where Numba does not work they run instead, after one warning.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insitu.core import InsituError
from insitu.kernels import binary_loops
from insitu.kernels.packed_weights import WORD, Prepared, Words, checked, fitting, layer
from insitu.kernels.threading import run_parallel

Bits = NDArray[np.int8]
Sums = NDArray[np.int32]


def pack(x: ArrayLike, thresholds: ArrayLike | None = None) -> Words:
    """Pack signs of real x (..., channels) into words (..., ceil(channels / 64)): bit 1 where x >= 0, NaN counts as -1.

    With ``thresholds`` (channels,), taken as float32, the bit is x >= threshold.
    """
    x = np.asarray(x)
    if not x.ndim or not x.shape[-1]:
        raise InsituError(f"cannot pack an array of shape {x.shape}; give (..., channels), at least one")
    if x.dtype.kind not in "biuf":
        raise InsituError(f"cannot pack entries of type {x.dtype}; give real numbers")
    if thresholds is not None:
        thresholds = np.asarray(thresholds, np.float32)
        if thresholds.shape != x.shape[-1:]:
            raise InsituError(f"thresholds have shape {thresholds.shape}; give one per channel, {x.shape[-1:]}")
    fast = binary_loops()
    if fast is None or x.dtype != np.float32:
        return pack_reference(x, thresholds)
    channels = x.shape[-1]
    flat = np.ascontiguousarray(x).reshape(-1, channels)
    words = np.zeros((len(flat), -(-channels // WORD)), np.uint64)
    limits = np.zeros(channels, np.float32) if thresholds is None else np.ascontiguousarray(thresholds)
    fast.pack_rows(flat, limits, words.view(np.uint32))
    return words.reshape(*x.shape[:-1], -1)


def pack_reference(x: ArrayLike, thresholds: ArrayLike | None = None) -> Words:
    """Do the same in plain NumPy."""
    x = np.asarray(x)
    return _packed(x >= (0 if thresholds is None else np.asarray(thresholds, np.float32)))


def unpack(words: Words, channels: int) -> Bits:
    """Return the +1 and -1 (..., channels) int8 that words (..., ceil(channels / 64)) hold."""
    words = checked("words", words, None)
    fitting("words", words, channels)
    bits = np.unpackbits(words.astype("<u8", copy=False).view(np.uint8), axis=-1, count=channels, bitorder="little")
    return (2 * bits.view(np.int8) - 1).astype(np.int8, copy=False)


def binary_conv2d(x: Words, weight: Words | Prepared, channels: int, stride: int = 1, padding: int = 0) -> Sums:
    """Return the convolution (n, h', w', out) int32 of x (n, h, w, words) and weights (out, kh, kw, words).

    h' = (h + 2 padding - kh) // stride + 1, w' likewise. Weights that are used again are best prepared once by
    ``prepare``. Raises InsituError for words that do not fit the channels, windows larger than the padded image, and
    sums that int32 cannot hold.
    """
    x, prepared, shape = layer(x, weight, channels, stride, padding)
    fast = binary_loops()
    if fast is None:
        return binary_conv2d_reference(x, prepared, channels, stride, padding)
    sums = np.empty(shape, np.int32)
    given = x, prepared.tiles, (stride, padding, channels), sums
    run_parallel(fast.sum_rows, fast.sum_all, given, prepared.rows(shape), prepared.work(shape))
    return sums


def binary_conv2d_reference(
    x: Words, weight: Words | Prepared, channels: int, stride: int = 1, padding: int = 0
) -> Sums:
    """Do the same in plain NumPy."""
    x, prepared, (n, rows, columns, out) = layer(x, weight, channels, stride, padding)
    words, (height, width) = prepared.words, x.shape[1:3]
    sums = np.zeros((n, rows, columns, out), np.int32)
    for ky in range(words.shape[1]):
        for kx in range(words.shape[2]):
            seen_y = [y for y in range(rows) if 0 <= y * stride + ky - padding < height]
            seen_x = [c for c in range(columns) if 0 <= c * stride + kx - padding < width]
            if seen_y and seen_x:
                y, c = np.asarray(seen_y), np.asarray(seen_x)
                seen = x[:, y[:, None] * stride + ky - padding, c * stride + kx - padding]
                for word in range(x.shape[3]):
                    differing = np.bitwise_count(seen[..., word, None] ^ words[:, ky, kx, word])
                    sums[:, y[:, None], c] -= 2 * differing.astype(np.int32)
                sums[:, y[:, None], c] += channels
    return sums


def _packed(bits: NDArray[np.bool_]) -> Words:
    given = np.packbits(bits, axis=-1, bitorder="little")
    held = np.zeros((*bits.shape[:-1], -(-bits.shape[-1] // WORD) * 8), np.uint8)
    held[..., : given.shape[-1]] = given
    return held.view("<u8").astype(np.uint64, copy=False)
