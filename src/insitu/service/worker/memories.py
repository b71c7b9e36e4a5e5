"""The memories of a server: one that is given, or those of a folder, opened when they are used.

Of a folder, ``MOST_OPEN`` memories are open at once; the one that was used least recently is put away first.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException

from insitu.memory import Memory
from insitu.memory.storage.identity import SUFFIXES
from insitu.memory.storage.maintenance import verify
from insitu.service.names import SUFFIX
from insitu.service.worker.backend import Backend, MemoryBackend
from insitu.service.worker.turn import Turn

MOST_OPEN = 16

# receives the name and the memory after a change; None once it is put away
Report = Callable[[str, Backend | None], None]


@dataclass
class Opened:
    """A memory, and how many threads use it now."""

    memory: Backend
    users: int = 0


class Memories:
    """Open memories by name; a single one has the name ''."""

    def __init__(self, single: Backend | None = None, folder: Path | None = None, unknown: str | None = None) -> None:
        self.turn = Turn()
        self.report: Report = lambda name, memory: None
        self._folder, self._unknown = folder, unknown
        self._lock = threading.Lock()
        self._open: OrderedDict[str, Opened] = OrderedDict()
        if single is not None:
            self._add("", single)

    def watch(self, report: Report) -> None:
        """Call ``report`` for every open memory now, and whenever one is opened, changed or put away."""
        self.report = report
        for name, opened in self._open.items():
            report(name, opened.memory)

    @contextmanager
    def use(self, name: str) -> Iterator[Backend]:
        """Yield a memory, which stays open within the block; raise 404 where there is none of this name."""
        with self._lock:
            opened = self._open.get(name) or self._add(name, self._load(name))
            self._open.move_to_end(name)
            opened.users += 1
            surplus = self._surplus()
        for other, memory in surplus:
            memory.close()
            self.report(other, None)
        try:
            yield opened.memory
        finally:
            with self._lock:
                opened.users -= 1

    def create(self, name: str, parameters: dict[str, Any]) -> None:
        """Create the file of a new memory."""
        path = self._path(name)
        with self._lock:
            if path.exists():
                raise _taken()
            memory = self._add(name, MemoryBackend(Memory.open(path, **parameters, unknown=self._unknown))).memory
        self.report(name, memory)

    def restore(self, name: str, copy: bytes) -> None:
        """Create a memory from a copy of the file of one, which is verified first."""
        path = self._path(name)
        part = path.with_name(f".{path.name}.part")
        with self._lock:
            if path.exists():
                raise _taken()
            try:
                part.write_bytes(copy)
                verify(part)
                part.rename(path)
            finally:
                _unlink(part)
            try:
                memory = self._add(name, self._load(name)).memory
            except BaseException:
                _unlink(path)
                raise
        self.report(name, memory)

    def delete(self, name: str) -> None:
        """Delete the files of a memory."""
        path = self._path(name)
        with self._lock:
            opened = self._open.get(name)
            if opened is not None and opened.users:
                raise HTTPException(409, "the memory is in use; retry in a second", {"retry-after": "1"})
            if not path.exists():
                raise _missing()
            (self._open.pop(name).memory if opened else Memory.open(path)).close()  # no other process writes to it
            _unlink(path)
        self.report(name, None)

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            for opened in self._open.values():
                opened.memory.close()
            self._open.clear()

    def _load(self, name: str) -> Backend:
        path = self._path(name)
        if not path.exists():
            raise _missing()
        return MemoryBackend(Memory.open(path, unknown=self._unknown))

    def _path(self, name: str) -> Path:
        if self._folder is None:
            raise _missing()
        return self._folder / f"{name}{SUFFIX}"

    def _add(self, name: str, memory: Backend) -> Opened:
        memory.lend(self.turn.lent)
        self._open[name] = Opened(memory)
        self.report(name, memory)
        return self._open[name]

    def _surplus(self) -> list[tuple[str, Backend]]:
        idle = [name for name, opened in self._open.items() if not opened.users]
        return [(name, self._open.pop(name).memory) for name in idle[: max(0, len(self._open) - MOST_OPEN)]]


def _unlink(path: Path) -> None:
    for suffix in SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _taken() -> HTTPException:
    return HTTPException(409, "there is a memory of this name already; give another name")


def _missing() -> HTTPException:
    return HTTPException(404, "there is no memory of this name; GET /api/memories lists all")
