"""Rows of a compiled loop in as many threads as torch uses; results do not depend on how rows are split."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch

WORTH = 2**22  # products of numbers, about 100 µs, that are worth another thread


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="insitu")


def _in_child() -> None:
    # a forked process has none of its parent's threads, and OpenMP would wait for its own forever
    _pool.cache_clear()
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_in_child)


def split_rows(run: Callable[[int, int], None], rows: int, work: int, multiple: int) -> None:
    """Call ``run(start, stop)`` for stretches that make up ``rows``; all but the last begin at a ``multiple``.

    ``run`` lets go of Python's lock. ``work`` is a count of products of numbers, by which threads are as many as pay.
    """
    threads = min(torch.get_num_threads(), 1 + work // WORTH, -(-rows // multiple))
    if threads == 1:
        run(0, rows)
        return
    share = -(-rows // (threads * multiple)) * multiple
    bounds = [(start, min(start + share, rows)) for start in range(0, rows, share)]
    others = [_pool(threads - 1).submit(run, *each) for each in bounds[1:]]
    run(*bounds[0])
    for other in others:
        other.result()
