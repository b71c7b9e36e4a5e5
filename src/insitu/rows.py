"""A matrix as an immutable value whose changed copies share what stays the same: blocks of rows, copied when written.

Teaching one class of ten thousand copies the block that its row is in, not the matrix. Read it by row numbers, or whole
by ``numpy.asarray``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

BLOCK = 32  # rows


class Rows:
    """A matrix (n, width) that is changed by making another one."""

    __slots__ = ("blocks", "dtype", "shape")

    def __init__(self, blocks: tuple[NDArray[Any], ...], shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        self.blocks, self.shape, self.dtype = blocks, shape, dtype

    @staticmethod
    def of(array: NDArray[Any]) -> Rows:
        """Return the matrix ``array`` (n, width), which is copied."""
        blocks = tuple(array[start : start + BLOCK].copy() for start in range(0, len(array), BLOCK))
        return Rows(blocks, (array.shape[0], array.shape[1]), array.dtype)

    @staticmethod
    def empty(width: int, dtype: DTypeLike) -> Rows:
        """Return a matrix without rows."""
        return Rows((), (0, width), np.dtype(dtype))

    @property
    def nbytes(self) -> int:
        """Bytes of all rows."""
        return self.shape[0] * self.shape[1] * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        """Return these rows: numbers, a slice or a mask."""
        wanted = np.arange(len(self))[rows]
        if wanted.size * 2 > len(self) > BLOCK:
            every: NDArray[Any] = np.asarray(self)[wanted]
            return every
        flat = wanted.reshape(-1)
        out = np.empty((len(flat), self.shape[1]), self.dtype)
        for block in np.unique(flat // BLOCK).tolist():
            here = flat // BLOCK == block
            out[here] = self.blocks[block][flat[here] % BLOCK]
        return out.reshape(*wanted.shape, self.shape[1])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        whole = np.concatenate(self.blocks) if self.blocks else np.empty(self.shape, self.dtype)
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def put(self, rows: list[int] | NDArray[np.int64], values: NDArray[Any] | float) -> Rows:
        """Return the matrix with these rows replaced by ``values`` (len(rows), width), or by one number."""
        numbers, blocks = np.asarray(rows, np.int64), list(self.blocks)
        given = np.broadcast_to(np.asarray(values, self.dtype), (len(numbers), self.shape[1]))
        for block in np.unique(numbers // BLOCK).tolist():
            here = numbers // BLOCK == block
            blocks[block] = blocks[block].copy()
            blocks[block][numbers[here] % BLOCK] = given[here]
        return Rows(tuple(blocks), self.shape, self.dtype)

    def grown(self, more: int) -> Rows:
        """Return the matrix with ``more`` rows of zeros appended."""
        if not more:
            return self
        count, width = self.shape
        full = count // BLOCK
        tail = [*self.blocks[full:], np.zeros((more, width), self.dtype)]
        rest = Rows.of(np.concatenate(tail))
        return Rows((*self.blocks[:full], *rest.blocks), (count + more, width), self.dtype)

    def changed_since(self, before: Rows) -> list[int]:
        """Return the numbers of the rows that differ from those of ``before``, or are not among them."""
        numbers = []
        for block, rows in enumerate(self.blocks):
            old = before.blocks[block] if block < len(before.blocks) else rows[:0]
            if old is not rows:
                both = min(len(old), len(rows))
                differ = [*(old[:both] != rows[:both]).any(1), *[True] * (len(rows) - both)]
                numbers += (block * BLOCK + np.flatnonzero(differ)).tolist()
        return numbers
