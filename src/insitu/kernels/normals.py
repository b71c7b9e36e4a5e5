"""Normal numbers by position: the draw at (row, column, block) under a key is the same in any order of calls.

Philox4x32 (Salmon et al., SC 2011) of seven rounds, the fewest with which no statistical test of theirs fails, turns
the counter (row // 4, column, block, 0) and the key, two 32-bit words, into four 32-bit words; Box and Muller's
transform turns those into the normals of four neighbouring rows. So noise depends neither on threads nor on how
a product is cut into pieces.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from insitu.kernels import compiled
from insitu.kernels.elementary import log_reference

LANES = 4  # rows that share one counter
FEW = 20_000  # numbers for which the compiled loops are not worth importing
ROUNDS = 7
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)  # what the key grows by from round to round
LOW = np.uint64(0xFFFFFFFF)

Words = NDArray[np.uint64]
Floats = NDArray[np.float32]
F = np.float32


def key_of(rng: np.random.Generator) -> tuple[int, int]:
    """Draw a key from ``rng``; equal keys give equal normals."""
    a, b = rng.integers(0, 2**32, 2, dtype=np.uint32).tolist()
    return a, b


def standard_normals(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    """Return ``count`` normals under a key drawn from ``rng``: several times as fast as the generator's own."""
    key, out = key_of(rng), np.empty((LANES, -(-count // LANES)), F)
    fast = compiled() if count > FEW or "numba" in sys.modules else None
    if fast is None:
        out = normals(key, range(LANES), range(out.shape[1]), 0)
    else:
        fast.normal_columns(out, np.uint32(key[0]), np.uint32(key[1]))
    return out.ravel()[:count]


def normals(key: tuple[int, int], rows: range, columns: range | NDArray[np.int64], block: int) -> NDArray[np.float32]:
    """Return the normals (len(rows), len(columns)) of these rows and columns; plain reference of the compiled loop."""
    row = np.asarray(rows, np.uint64)[:, None]
    column = np.asarray(columns, np.uint64)[None, :]
    row, column = np.broadcast_arrays(row, column)
    words = philox([row // LANES, column, np.full_like(row, block), np.zeros_like(row)], key)
    a, b = box_muller(words[0], words[1])
    c, d = box_muller(words[2], words[3])
    return np.choose((row % LANES).astype(np.int64), [a, b, c, d])


def philox(counter: list[Words], key: tuple[int, int]) -> list[Words]:
    """Return four words for four counter words (arrays of one shape, each below 2**32)."""
    c0, c1, c2, c3 = counter
    for turn in range(ROUNDS):
        k0, k1 = (np.uint64((word + turn * step) & 0xFFFFFFFF) for word, step in zip(key, WEYL, strict=True))
        p0, p1 = np.uint64(MULTIPLIERS[0]) * c0, np.uint64(MULTIPLIERS[1]) * c2
        high = np.uint64(32)
        c0, c1, c2, c3 = (p1 >> high) ^ c1 ^ k0, p1 & LOW, (p0 >> high) ^ c3 ^ k1, p0 & LOW
    return [c0, c1, c2, c3]


def box_muller(first: Words, second: Words) -> tuple[Floats, Floats]:
    """Return two independent normals for two words; none is larger than 6.8 standard deviations.

    Logarithm, sine and cosine are polynomials of one rounding per operation, so that every processor gives the same
    bits. Half the angle is taken, in -pi/2..pi/2, where Taylor's series is short.
    """
    radius = np.sqrt(F(-2) * log_reference((first.astype(F) + F(0.5)) * F(2.0**-32)))
    t = second.astype(np.uint32).view(np.int32).astype(F) * F(2.0**-32 * np.pi)
    z = t * t
    s = F(1 / 362880) - z * F(1 / 39916800)
    s = t * (F(1) - z * (F(1 / 6) - z * (F(1 / 120) - z * (F(1 / 5040) - z * s))))
    c = F(1 / 40320) - z * F(1 / 3628800)
    c = F(1) - z * (F(1 / 2) - z * (F(1 / 24) - z * (F(1 / 720) - z * c)))
    return radius * (F(1) - F(2) * s * s), radius * (F(2) * s * c)
