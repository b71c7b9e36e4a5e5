"""What every layer of 1-bit weights needs: weights in the order the loops read them, checks, and threads to run in."""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.kernels import compiled

Words = NDArray[np.uint64]

WORD = 64  # channels in a word
LANES = 32  # output channels in a tile of prepared weights
LARGEST = 2**31 - 1
SHARE = 2**20  # words to compare, some 60 µs, that are worth another thread: on a busy machine it may come late
one_at_a_time = threading.Lock()  # not every threading layer of Numba may be entered twice


@dataclass(frozen=True, eq=False)
class Prepared:
    """Packed weights in the order in which the loops read them, made once by ``prepare``.

    tiles: (ceil(out / 32), kh, kw, words, 32) uint64, output channels innermost, those beyond ``out`` zero
    out: output channels
    """

    tiles: Words
    out: int

    @property
    def words(self) -> Words:
        """The weights (out, kh, kw, words) as they were given."""
        inner = self.tiles.shape[1:4]
        return np.ascontiguousarray(self.tiles.transpose(0, 4, 1, 2, 3)).reshape(-1, *inner)[: self.out]


def prepare(weight: Words) -> Prepared:
    """Put weights (out, kh, kw, words) uint64, or (out, words) of a linear layer, into the order the loops read."""
    weight = checked("weights", weight, (2, 4))
    if weight.ndim == 2:
        weight = weight[:, None, None]
    out, kh, kw, words = weight.shape
    tiles = aligned((-(-out // LANES), kh, kw, words, LANES))
    tiles[:] = 0
    for tile, some in enumerate(tiles):
        part = weight[tile * LANES : (tile + 1) * LANES]
        some[..., : len(part)] = part.transpose(1, 2, 3, 0)
    return Prepared(tiles, out)


def checked(what: str, given: Words, dimensions: tuple[int, ...] | None) -> Words:
    """Return ``given`` in one piece, or raise InsituError where it is no array of words in so many dimensions."""
    if not isinstance(given, np.ndarray) or given.dtype != np.uint64:
        raise InsituError(f"{what} are {getattr(given, 'dtype', type(given).__name__)}; give uint64 words, see pack")
    if not given.size or (dimensions and given.ndim not in dimensions):
        raise InsituError(f"{what} have shape {given.shape}; none may be empty, dimensions {dimensions or 'any'}")
    return np.ascontiguousarray(given)


def fitting(what: str, words: Words, channels: int) -> None:
    """Raise InsituError where the number of words is not that of ``channels``."""
    if channels < 1 or words.shape[-1] != -(-channels // WORD):
        raise InsituError(
            f"{what} of shape {words.shape} for {channels} channels; the last size is ceil(channels / 64), at least 1"
        )


def layer(
    x: Words, weight: Words | Prepared, channels: int, stride: int, padding: int
) -> tuple[Words, Prepared, tuple[int, int, int, int]]:
    """Check what a layer is given; return it in order, and the shape (n, h', w', out) of what comes out."""
    x = checked("x", x, (4,))
    prepared = weight if isinstance(weight, Prepared) else prepare(weight)
    _, kh, kw, words, _ = prepared.tiles.shape
    fitting("x", x, channels)
    if words != x.shape[3]:
        raise InsituError(f"weights of {words} words for x of {x.shape[3]}; pack both from {channels} channels")
    if stride < 1 or padding < 0:
        raise InsituError(f"stride {stride}, padding {padding}; stride is at least 1 and padding at least 0")
    n, height, width = x.shape[:3]
    if height + 2 * padding < kh or width + 2 * padding < kw:
        raise InsituError(f"windows of {kh}x{kw} in images of {height}x{width}, padding {padding}; give larger ones")
    if channels * kh * kw > LARGEST:
        raise InsituError(f"sums over {channels} channels x {kh}x{kw} taps do not fit int32; split the channels")
    shape = n, (height + 2 * padding - kh) // stride + 1, (width + 2 * padding - kw) // stride + 1, prepared.out
    return x, prepared, shape


def aligned(shape: tuple[int, ...]) -> Words:
    """Return an empty array that begins where a line of the cache does, as the loops' vectors want it."""
    size = int(np.prod(shape))
    held = np.empty(size + 7, np.uint64)
    start = -held.ctypes.data % 64 // 8
    return held[start : start + size].reshape(shape)


@cache
def loops() -> ModuleType | None:
    """Return the compiled loops, or None where Numba does not work, after one warning in the life of the process."""
    if compiled() is None:
        warnings.warn(
            "Numba does not work here or is switched off: products of 1-bit numbers run in plain NumPy, "
            "with the same results but many times slower",
            RuntimeWarning,
            stacklevel=3,
        )
        return None
    from insitu.kernels import _binary

    return _binary


def run(rows: Any, everything: Any, given: tuple[Any, ...], shape: tuple[int, int, int, int]) -> None:
    """Run a loop over all rows, in as many threads as the work is worth."""
    import numba  # here, because importing it takes half a second

    _, kh, kw, words, _ = given[1].shape
    n, high, wide, out = shape
    threads = min(numba.get_num_threads(), 1 + n * high * wide * out * kh * kw * words // SHARE)
    if threads == 1:
        rows(*given, 0, given[1].shape[0] * n * high)
        return
    with one_at_a_time:
        everything(*given, threads)
