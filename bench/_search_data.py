"""Vectors of the search benchmark, the same on both sides: columns of a memory, and queries near some of them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

DIM, PART = 512, 10_000
CANDIDATES = 64  # of an approximate search
OUTPUTS = int(os.environ.get("INSITU_BENCH_OUTPUTS", "100000"))
QUERIES = int(os.environ.get("INSITU_BENCH_QUERIES", "256"))


def parts() -> Iterator[NDArray[np.float32]]:
    """Yield unit vectors (up to PART, DIM), OUTPUTS in all."""
    for start in range(0, OUTPUTS, PART):
        rng = np.random.default_rng(start)
        drawn = rng.standard_normal((min(PART, OUTPUTS - start), DIM), np.float32)
        yield drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def queries() -> NDArray[np.float32]:
    """Return unit vectors (QUERIES, DIM): classes of the first part with noise as long as they are."""
    rng = np.random.default_rng(1)
    first = next(parts())
    drawn = first[rng.integers(len(first), size=QUERIES)] + rng.standard_normal((QUERIES, DIM), np.float32) / DIM**0.5
    unit: NDArray[np.float32] = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return unit


def fold(columns: NDArray[np.int64]) -> list[int]:
    """Return the columns found, for comparing the answers of both sides."""
    return [int(column) for column in columns]
