"""SQLite connections and the lock of the one writer, both safe across a fork.

If a forked child closed an inherited connection, it could take the parent's log for its own, checkpoint it from stale
counters and delete it. So inherited connections are leaked on purpose. A child cannot write to a file that its parent
has open: SQLite's lock table, of which the child has a copy, lists the file as locked by this very process.
"""

from __future__ import annotations

import ctypes
import os
import sqlite3
from pathlib import Path
from weakref import WeakSet

from insitu.core import InsituError


class Connection(sqlite3.Connection):
    """A connection that only the process which opened it can close."""

    file: Path
    process: int

    def close(self) -> None:
        """Close the connection; do nothing in a forked child."""
        if self.process == os.getpid():
            _open.discard(self)
            super().close()


_open: WeakSet[Connection] = WeakSet()
_inherited: set[Path] = set()


def connect(file: Path, mode: str, timeout_s: float = 10) -> Connection:
    """Return a connection to ``file`` with SQLite's URI ``mode``: ro, rw or rwc."""
    connection = sqlite3.connect(
        f"{file.as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=timeout_s,
        check_same_thread=False,
        factory=Connection,
    )
    connection.file, connection.process = file, os.getpid()
    _open.add(connection)
    return connection


class WriterLock:
    """SQLite's own exclusive lock on an empty file next to the memory; the system releases it if the process dies."""

    def __init__(self, path: Path) -> None:
        """Acquire the lock of ``path``, or raise ``InsituError`` where another writer holds it."""
        file = path.with_name(f"{path.name}-lock")
        if file in _inherited:
            raise InsituError(
                f"{path} was open for writing in the process that this one was forked from; open it in a new process "
                "(multiprocessing's 'spawn'), or fork before opening it"
            )
        self._connection = connect(file, "rwc", timeout_s=0)
        try:
            self._connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            self._connection.close()
            if "locked" not in str(error):
                raise
            raise InsituError(
                f"{path} is being written by another process or memory; close that one, or open it with readonly=True"
            ) from error

    def release(self) -> None:
        """Release the lock."""
        self._connection.close()


def _leak_in_child() -> None:
    for connection in list(_open):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))  # never freed, so never closed
        _inherited.add(connection.file)
    _open.clear()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_leak_in_child)
