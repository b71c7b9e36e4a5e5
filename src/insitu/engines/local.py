"""Processes of this machine, started afresh, so that each has its own libraries and threads."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from insitu.core import InsituError
from insitu.engines import Engine, WorkerLostError


@dataclass(frozen=True)
class Local(Engine):
    """Worker processes; each has a pool of its own, since a worker that is killed breaks its whole pool."""

    workers: int  # number of processes

    shares_files = True

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise InsituError(f"--workers is at least 1; got {self.workers}")

    @contextmanager
    def connect(self) -> Iterator[_Processes]:
        """Start workers as they are needed; when the block is left, or this process is gone, they end at once."""
        # Workers hold the reading end of this pipe, and see its end however this process ends.
        reader, writer = multiprocessing.get_context("spawn").Pipe(duplex=False)
        with reader:
            processes = _Processes(self.workers, reader)
            try:
                yield processes
            finally:
                writer.close()
                processes.shutdown()


@dataclass
class _Processes:
    slots: int
    alive: Connection
    idle: list[ProcessPoolExecutor] = field(default_factory=list)
    busy: dict[Future[Any], ProcessPoolExecutor] = field(default_factory=dict)

    def submit(self, function: Callable[[Any], Any], task: Any) -> Future[Any]:
        while True:
            pool = self.idle.pop() if self.idle else self._pool()
            try:
                handle = pool.submit(function, task)
            except BrokenProcessPool:  # killed while it was idle
                pool.shutdown(wait=False)
                continue
            self.busy[handle] = pool
            return handle

    def wait(self, handles: list[Future[Any]]) -> list[Future[Any]]:
        return list(wait(handles, return_when=FIRST_COMPLETED).done)

    def result(self, handle: Future[Any]) -> Any:
        pool = self.busy.pop(handle)
        try:
            result = handle.result()
        except BrokenProcessPool as error:
            pool.shutdown(wait=False)
            raise WorkerLostError("a process was killed") from error
        except Exception:
            self.idle.append(pool)
            raise
        self.idle.append(pool)
        return result

    def shutdown(self) -> None:
        for pool in (*self.idle, *self.busy.values()):
            pool.shutdown(cancel_futures=True)

    def _pool(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(1, context, initializer=_end_with_parent, initargs=(self.alive,))


def _end_with_parent(alive: Connection) -> None:
    """End this process as soon as the other end of ``alive`` is closed; Ctrl-C is left to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        try:
            alive.recv_bytes()
        except (EOFError, OSError):
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
