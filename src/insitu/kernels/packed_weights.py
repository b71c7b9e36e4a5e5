"""Weights of 1-bit layers, 64 channels to a word, in the order in which the loops read them; checks of their inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError

Words = NDArray[np.uint64]

WORD = 64  # channels in a word
LANES = 32  # output channels in a tile of prepared weights
LARGEST = 2**31 - 1


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

    def rows(self, shape: tuple[int, int, int, int]) -> int:
        """Return the rows of a loop over an output (n, h', w', out): lines of images, tile by tile."""
        return len(self.tiles) * shape[0] * shape[1]

    def work(self, shape: tuple[int, int, int, int]) -> int:
        """Return how many words a loop over such an output compares."""
        return math.prod(shape) * math.prod(self.tiles.shape[1:4])


def prepare(weight: Words) -> Prepared:
    """Put weights (out, kh, kw, words) uint64 into the order in which the loops read them."""
    weight = checked("weights", weight, (4,))
    out, kh, kw, words = weight.shape
    tiles = aligned((-(-out // LANES), kh, kw, words, LANES))
    tiles[:] = 0
    for tile, some in enumerate(tiles):
        part = weight[tile * LANES : (tile + 1) * LANES]
        some[..., : len(part)] = part.transpose(1, 2, 3, 0)
    return Prepared(tiles, out)


def checked(what: str, given: Words, dimensions: tuple[int, ...] | None) -> Words:
    """Return ``given`` contiguous; raise ``InsituError`` unless it is an array of words in so many dimensions."""
    if not isinstance(given, np.ndarray) or given.dtype != np.uint64:
        raise InsituError(f"{what} are {getattr(given, 'dtype', type(given).__name__)}; give uint64 words, see pack")
    if not given.size or (dimensions and given.ndim not in dimensions):
        raise InsituError(f"{what} have shape {given.shape}; none may be empty, dimensions {dimensions or 'any'}")
    return np.ascontiguousarray(given)


def fitting(what: str, words: Words, channels: int) -> None:
    """Raise ``InsituError`` unless the number of words is that of ``channels``."""
    if channels < 1 or words.shape[-1] != -(-channels // WORD):
        raise InsituError(
            f"{what} of shape {words.shape} for {channels} channels; the last size is ceil(channels / 64), at least 1"
        )


def layer(
    x: Words, weight: Words | Prepared, channels: int, stride: int, padding: int
) -> tuple[Words, Prepared, tuple[int, int, int, int]]:
    """Check the inputs of a layer; return them with prepared weights, and the shape (n, h', w', out) of the output."""
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
    """Return an empty array that begins at a cache line, so that no vector load crosses two."""
    size = int(np.prod(shape))
    held = np.empty(size + 7, np.uint64)
    start = -held.ctypes.data % 64 // 8
    return held[start : start + size].reshape(shape)
