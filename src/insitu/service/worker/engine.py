"""Answers calls: one thread changes the memories, one answers queries, one reads.

Queries that wait while one is being answered are batched: a product of 64 rows takes hardly longer than that of one.
Read noise is drawn per product, so the result for a row under load differs by that noise from the result alone.
"""

from __future__ import annotations

import ctypes
import errno
import json
import logging
import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.exceptions import HTTPException

from insitu.core import InsituError
from insitu.service.actions import items
from insitu.service.limits import Limits
from insitu.service.worker.backend import Backend, function_of
from insitu.service.worker.memories import Memories

BATCH_ROWS = 64
IDLE_S = 2.0  # without a change, after which memory that was freed goes back to the system
PATIENCE_S = {"query": 0.015, "write": 2.0, "read": 2.0}  # before a thread computes although others do

log = logging.getLogger("insitu.server")


@dataclass(frozen=True)
class Call:
    """A call of the function ``action`` with a memory and ``arguments``, and where the answer goes."""

    kind: str  # query, write or read
    memory: str | None  # name of the memory; None where the action takes all of them
    action: str
    arguments: tuple[Any, ...]
    answer: Callable[[int, Any, Any], None]  # receives status, body, and for an error its headers, else what happened


@dataclass(frozen=True, eq=False)
class Query:
    """Decoded rows of a query."""

    call: Call
    x: NDArray[Any]
    top_k: int
    familiarity: bool  # whether it is to be computed in any case


class Engine:
    """The threads and the memories that they work on."""

    def __init__(self, memories: Memories, limits: Limits) -> None:
        self.memories, self.limits = memories, limits
        self._queries: queue.SimpleQueue[Query | None] = queue.SimpleQueue()
        self._writes: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(1, "read")
        self._threads = [threading.Thread(target=run) for run in (self._run_queries, self._run_writes)]
        for thread in self._threads:
            thread.start()

    def submit(self, call: Call) -> None:
        """Have a call answered by the thread of its kind."""
        if call.kind == "write":
            self._writes.put(call)
        elif call.kind == "query" and items.are_vectors(call.arguments[0]):
            self._decode(call)
        else:  # images take long to decode
            self._readers.submit(self._decode if call.kind == "query" else self._run, call)

    def close(self) -> None:
        """Answer every call that was submitted, and close the memories."""
        self._readers.shutdown()
        self._queries.put(None)
        self._writes.put(None)
        for thread in self._threads:
            thread.join()
        self.memories.close()

    # -- changes and reads -------------------------------------------------------------------------------------------

    def _run_writes(self) -> None:
        idle_s: float | None = IDLE_S
        while True:
            try:
                call = self._writes.get(timeout=idle_s)
            except queue.Empty:
                _return_free_pages()
                idle_s = None
                continue
            if call is None:
                return
            self._run(call)
            idle_s = IDLE_S

    def _run(self, call: Call) -> None:
        def act() -> tuple[Any, Any]:
            with self.memories.turn.taken(PATIENCE_S[call.kind]):
                if call.memory is None:
                    return function_of(call.action)(self.memories, *call.arguments), None
                with self.memories.use(call.memory) as memory:
                    reply = memory.run(call.action, call.arguments, self.limits)
                    if call.kind == "write":
                        self.memories.report(call.memory, memory)
            return reply if isinstance(reply, tuple) else (reply, None)

        _answer(call, act)

    # -- queries -----------------------------------------------------------------------------------------------------

    def _decode(self, call: Call) -> None:
        try:
            given, top_k, familiarity = call.arguments
            assert call.memory is not None
            with self.memories.use(call.memory) as memory:
                x = memory.decode(given, self.limits)
            self._queries.put(Query(call, x, top_k, familiarity))
        except Exception as error:
            call.answer(*_error(error))

    def _run_queries(self) -> None:
        ended = False
        while not ended:
            waiting = [self._queries.get()]
            while waiting[-1] is not None and not self._queries.empty():
                waiting.append(self._queries.get())
            ended = waiting[-1] is None
            for batch in _batches([query for query in waiting if query is not None]):
                self._answer_batch(batch)

    def _answer_batch(self, batch: list[Query]) -> None:
        name = batch[0].call.memory
        assert name is not None
        try:
            with self.memories.use(name) as memory, self.memories.turn.taken(PATIENCE_S["query"]):
                bodies = _predictions(memory, batch)
        except Exception as error:
            lost = isinstance(error, HTTPException) and error.status_code == 503  # which no query is at fault for
            for query in batch:
                if lost or len(batch) == 1:
                    query.call.answer(*_error(error))
                else:  # one by one, so that only the query at fault gets the error
                    self._answer_batch([query])
            return
        for query, body in zip(batch, bodies, strict=True):
            query.call.answer(200, body, None)


def _batches(waiting: list[Query]) -> list[list[Query]]:
    """Return queries of one kind to the same memory, ``BATCH_ROWS`` rows of one shape and type at most together."""
    out: list[list[Query]] = []
    latest: dict[Any, tuple[list[Query], int]] = {}
    for query in waiting:
        key = (query.call.memory, query.familiarity, query.x.shape[1:], query.x.dtype)
        batch, rows = latest.get(key, ([], BATCH_ROWS))
        if rows + len(query.x) > BATCH_ROWS:
            batch, rows = [], 0
            out.append(batch)
        batch.append(query)
        latest[key] = batch, rows + len(query.x)
    return out


def _predictions(memory: Backend, batch: list[Query]) -> list[bytes]:
    x = np.concatenate([query.x for query in batch]) if len(batch) > 1 else batch[0].x
    answers = memory.answer(x, batch[0].familiarity)
    bodies, start = [], 0
    for query in batch:
        bodies.append(_json(answers(slice(start, start + len(query.x)), query.top_k)))
        start += len(query.x)
    return bodies


def _answer(call: Call, act: Callable[[], tuple[Any, Any]]) -> None:
    try:
        reply, note = act()
        body = _json(reply)
    except Exception as error:
        call.answer(*_error(error))
    else:
        call.answer(200, body, note)


def _json(content: Any) -> bytes:
    # ASCII can represent any string, even a lone surrogate; NaN and infinity are not JSON
    return json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()


def _error(error: Exception) -> tuple[int, str, dict[str, str] | None]:
    """Return status, detail and headers of an exception."""
    if isinstance(error, HTTPException):
        return error.status_code, error.detail, dict(error.headers) if error.headers else None
    cause, text = error.__cause__, str(error)
    if isinstance(error, InsituError) and not isinstance(cause, OSError):
        # errors of a stored memory begin with its path, which clients must not see
        return 422, (text.partition(": ")[2] or "the memory rejected it") if text.startswith("/") else text, None
    if isinstance(cause, OSError):
        log.error("%s", error)
        full = cause.errno == errno.ENOSPC
        what = "disk is full" if full else "disk reports an error"
        return 507 if full else 500, f"the server's {what}; earlier events are intact", None
    report = log.exception if os.environ.get("INSITU_DEBUG") == "1" else log.error
    report("%s: %s", type(error).__name__, error)
    return 500, "this is a bug in insitu; see the server's log for details", None


def _return_free_pages() -> None:
    """Return to the system what the C library keeps of freed memory, where it is glibc: 50 MiB after the imports."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
