"""What both sides of the binary convolution benchmark share: layers, batches, threads, and how often a task repeats."""

from __future__ import annotations

import os
from itertools import product

LAYERS = ((32, 64), (16, 128), (8, 256), (4, 512))  # side of the image, channels in and out
BATCHES, THREAD_COUNTS = (1, 32), (1, 2)
CASES = tuple(product(LAYERS, BATCHES, THREAD_COUNTS))


def name(kind: str, layer: tuple[int, int], batch: int, threads: int) -> str:
    """Return the name of a task."""
    return f"{kind} {layer[0]}x{layer[0]}x{layer[1]} batch {batch} threads {threads}"


def repeats(batch: int) -> int:
    """Return how often one measurement runs the layer, so that it lasts long enough to be timed."""
    return 64 // batch


def words(layer: tuple[int, int], batch: int) -> int:
    """Return the words that a 3x3 convolution with padding 1 must compare: taps outside the image do not count."""
    side, channels = layer
    return (3 * side - 2) ** 2 * batch * channels * (channels // 64)


def free_threads() -> None:
    """Let each task choose its number of threads, whatever limit this process was started with."""
    for limit in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[limit] = str(max(THREAD_COUNTS))
