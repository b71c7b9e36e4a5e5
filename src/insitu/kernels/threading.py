"""Rows of a compiled loop in several threads; results do not depend on how rows are split.

Loops that call BLAS-like products share rows over Python threads, as many as torch uses (``split_rows``); loops that
Numba itself runs in parallel are entered one at a time (``run_parallel``).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped] # carries no types

WORTH = 2**22  # products of numbers, about 100 µs, that are worth another thread
SHARE = 2**20  # words to compare, some 60 µs, that are worth a thread of Numba's: on a busy machine it may come late
_counting = threading.Lock()  # held while a block of ``one_thread`` is entered or left
_inside = 0  # blocks of it that are running
_before: Any = None  # numbers of threads to be restored after the last one
_split = threading.local()  # whether this thread computes a range of rows
one_at_a_time = threading.Lock()  # not every threading layer of Numba may be entered twice


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="insitu")


def _in_child() -> None:
    # a forked process has none of its parent's threads, and OpenMP would wait for its own forever
    global _counting, _inside
    _counting, _inside = threading.Lock(), 0
    _pool.cache_clear()
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_in_child)


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep the libraries' matrix products to the calling thread, while any thread is in such a block.

    On matrices of some hundred rows their other threads spend far more processor time on waiting than on products.
    """
    global _inside, _before
    with _counting:
        _inside += 1
        if _inside == 1:
            _before = torch.get_num_threads(), _blas().limit(limits=1)
            torch.set_num_threads(1)
    try:
        yield
    finally:
        with _counting:
            _inside -= 1
            if not _inside:
                threads, limit = _before
                limit.restore_original_limits()
                torch.set_num_threads(threads)


@cache
def _blas() -> Any:
    return ThreadpoolController().select(user_api="blas")


def split_rows(run: Callable[[int, int], None], rows: int, work: int, multiple: int) -> None:
    """Call ``run(start, stop)`` for ranges that make up ``rows``, each of a ``multiple`` of rows but the last.

    ``run`` releases Python's lock. ``work`` is the number of multiplications, which decides how many threads pay.
    Called within ``run``, it keeps to the calling thread.
    """
    threads = min(torch.get_num_threads(), 1 + work // WORTH, -(-rows // multiple))
    if threads == 1 or getattr(_split, "inside", False):
        run(0, rows)
        return

    def part(start: int, stop: int) -> None:
        _split.inside = True
        try:
            run(start, stop)
        finally:
            _split.inside = False

    share = -(-rows // (threads * multiple)) * multiple
    bounds = [(start, min(start + share, rows)) for start in range(0, rows, share)]
    others = [_pool(threads - 1).submit(part, *each) for each in bounds[1:]]
    try:
        part(*bounds[0])
    finally:
        wait(others)
    for other in others:
        other.result()


def run_parallel(rows: Any, everything: Any, given: tuple[Any, ...], count: int, work: int) -> None:
    """Run a loop over ``count`` rows: ``rows`` in this thread, or ``everything`` in as many as ``work`` is worth."""
    import numba  # here, because importing it takes half a second

    torch_threads = torch.get_num_threads()
    threads = min(numba.get_num_threads(), 1 + work // SHARE)
    if torch.get_num_threads() != torch_threads:  # Numba has just started its threads, in an OpenMP that torch shares
        torch.set_num_threads(torch_threads)
    if threads == 1:
        rows(*given, 0, count)
        return
    with one_at_a_time:
        everything(*given, threads)
