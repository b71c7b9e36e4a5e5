"""Our side of the binary convolution benchmark. Started by binary_convolution.py."""

from __future__ import annotations

import platform
from functools import partial
from typing import Any

from _binary_shapes import CASES, free_threads, name, repeats

free_threads()

import numba  # noqa: E402 # reads its limit of threads when it is imported
import numpy as np  # noqa: E402
from numba.core import types  # noqa: E402
from numba.extending import intrinsic  # noqa: E402

from insitu.kernels import compiled  # noqa: E402
from insitu.kernels.binary import binary_conv2d, pack  # noqa: E402
from insitu.kernels.binary_block import binary_block, epilogue  # noqa: E402
from insitu.kernels.packed_weights import prepare  # noqa: E402
from rounds import serve  # noqa: E402

BLOCK, TURNS = 1024, 10_000  # words of the limit's array, which the first cache holds; how often they are met
rng = np.random.default_rng(0)


@intrinsic
def popcount(_context: Any, word: Any) -> Any:
    def code(_target: Any, builder: Any, _signature: Any, given: Any) -> Any:
        return builder.ctpop(given[0])

    return types.uint64(word), code


@numba.njit(error_model="numpy", nogil=True)
def compare_words(held: Any, turns: int) -> Any:
    """Compare each word with four others that stay in registers: what a processor can do at most."""
    a = b = c = d = np.uint64(0)
    for turn in range(turns):
        x = np.uint64(turn)
        for i in range(held.shape[0]):
            word = held[i]
            a += popcount(word ^ x)
            b += popcount(word ^ (x + np.uint64(1)))
            c += popcount(word ^ (x + np.uint64(2)))
            d += popcount(word ^ (x + np.uint64(3)))
    return a + b + c + d


@numba.njit(error_model="numpy", parallel=True)
def compare_words_everywhere(held: Any, turns: int, threads: int, found: Any) -> None:
    for part in numba.prange(threads):
        found[part] = compare_words(held, turns)


def limit(threads: int) -> int:
    """Compare words in so many threads; return how many."""
    numba.set_num_threads(threads)
    found = np.zeros(threads, np.uint64)
    if threads == 1:
        found[0] = compare_words(held, TURNS)
    else:
        compare_words_everywhere(held, TURNS, threads, found)
    return 4 * BLOCK * TURNS * threads


def tasks_of(layer: tuple[int, int], batch: int, threads: int) -> dict[str, Any]:
    side, channels = layer
    maps = rng.standard_normal((batch, side, side, channels)).astype(np.float32)
    words = pack(maps)
    weight = prepare(pack(rng.standard_normal((channels, 3, 3, channels)).astype(np.float32)))
    after = epilogue(*rng.standard_normal((6, channels)))

    def packed() -> None:
        binary_conv2d(words, weight, channels, 1, 1)

    def packing() -> None:
        binary_conv2d(pack(maps), weight, channels, 1, 1)

    def block() -> None:
        binary_block(words, weight, channels, after, maps, 1, 1)

    def repeated(task: Any) -> None:
        numba.set_num_threads(threads)
        for _ in range(repeats(batch)):
            task()

    kinds = {"packed": packed, "packing": packing, "block": block}
    return {name(kind, layer, batch, threads): partial(repeated, task) for kind, task in kinds.items()}


if __name__ == "__main__":
    if compiled() is None:
        raise SystemExit("Numba does not work here, so there is nothing to measure")
    held = rng.integers(0, 2**63, BLOCK, dtype=np.uint64)
    tasks: dict[str, Any] = {f"limit threads {threads}": partial(limit, threads) for threads in (1, 2)}
    for case in CASES:
        tasks |= tasks_of(*case)
    facts = {"numba": numba.__version__, "numpy": np.__version__}
    serve(tasks, facts | {"python": platform.python_version()})
