"""Scheduling of concurrent requests to one memory: one thread writes, one answers queries, two read.

Queries that arrive while one is being answered are batched: a product of 64 rows takes hardly longer than that of one.
Read noise is drawn per product, so the result for a row under load differs by that noise from the result alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from starlette.exceptions import HTTPException

from insitu.memory import Memory
from insitu.memory.query import QueryResult

T = TypeVar("T")
BATCH_ROWS = 64
BATCH_WAIT_S = 0.008  # between batches, so that queries under load are collected
MOST_WAITING = 512  # queries, and as many writes; further ones get 429
MOST_READS = 64  # a projection of all stored examples takes as long as many queries
PendingQuery = tuple[NDArray[Any], "asyncio.Future[QueryResult]"]


class Scheduler:
    """Runs every access to the memory in a thread of its kind; its own state is used by the event loop alone."""

    def __init__(self, memory: Memory, stored: bool) -> None:
        self.memory, self.stored = memory, stored  # stored in a file
        self._writer, self._querier = (ThreadPoolExecutor(1, name) for name in ("write", "query"))
        self._readers = ThreadPoolExecutor(2, "read")
        self._writes = self._reads = 0  # waiting or running
        self._pending: list[PendingQuery] = []
        self._batching: asyncio.Task[None] | None = None

    async def write(self, act: Callable[[Memory], T]) -> T:
        """Return ``act(memory)``; changes of the memory run one after the other."""
        if self._writes >= MOST_WAITING:
            raise _too_busy()
        self._writes += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._writer, act, self.memory)
        finally:
            self._writes -= 1

    async def read(self, act: Callable[[], T]) -> T:
        """Return ``act()``, which changes nothing, from a reader thread."""
        if self._reads >= MOST_READS:
            raise _too_busy()
        self._reads += 1
        work = asyncio.get_running_loop().run_in_executor(self._readers, act)
        # counted until it is done or cancelled, even if its client is gone
        work.add_done_callback(self._read_done)
        return await work

    def _read_done(self, _: asyncio.Future[Any]) -> None:
        self._reads -= 1

    async def query(self, x: NDArray[Any]) -> QueryResult:
        """Return the result for rows x, of vectors or images."""
        if len(self._pending) >= MOST_WAITING:
            raise _too_busy()
        result: asyncio.Future[QueryResult] = asyncio.get_running_loop().create_future()
        self._pending.append((x, result))
        if self._batching is None:
            self._batching = asyncio.create_task(self._run_batches())
        return await result

    def close(self) -> None:
        """Wait for everything that was started, and close the memory."""
        for pool in (self._writer, self._querier, self._readers):
            pool.shutdown()
        self.memory.close()

    async def _run_batches(self) -> None:
        while self._pending:
            batch = self._next_batch()
            try:
                await self._run(batch)
            except Exception as error:
                if len(batch) == 1:
                    _fail(batch[0], error)
                else:  # one by one, so that only the query at fault gets the error
                    for one in batch:
                        try:
                            await self._run([one])
                        except Exception as own_error:
                            _fail(one, own_error)
            await asyncio.sleep(BATCH_WAIT_S)
        self._batching = None

    def _next_batch(self) -> list[PendingQuery]:
        """Take the oldest query, and others whose rows have the same shape and type."""
        shape, kind = self._pending[0][0].shape[1:], self._pending[0][0].dtype
        batch: list[PendingQuery] = []
        rest: list[PendingQuery] = []
        rows = 0
        for query in self._pending:
            x = query[0]
            if x.shape[1:] == shape and x.dtype == kind and (not batch or rows + len(x) <= BATCH_ROWS):
                batch.append(query)
                rows += len(x)
            else:
                rest.append(query)
        self._pending = rest
        return batch

    async def _run(self, batch: list[PendingQuery]) -> None:
        x = np.concatenate([x for x, _ in batch]) if len(batch) > 1 else batch[0][0]
        joint = await asyncio.get_running_loop().run_in_executor(self._querier, self.memory.query, x)
        start = 0
        for rows, result in batch:
            part = replace(joint, similarities=joint.similarities[start : start + len(rows)])
            start += len(rows)
            if not result.done():
                result.set_result(part)


def _fail(query: PendingQuery, error: Exception) -> None:
    if not query[1].done():
        query[1].set_exception(error)


def _too_busy() -> HTTPException:
    return HTTPException(429, "the memory is busy; retry in a second", {"retry-after": "1"})
