"""SQLite across a fork: a child neither uses nor closes a connection that its parent opened.

A child that closed one could take the parent's log for its own, check-point it from stale numbers and delete it. So
inherited connections are leaked on purpose, and a child cannot write into a file that its parent has open: SQLite's
table of locks, which the child has a copy of, says that this process holds it already.
"""

from __future__ import annotations

import ctypes
import os
import sqlite3
from pathlib import Path
from weakref import WeakSet

from insitu.core import InsituError


class Connection(sqlite3.Connection):
    """A connection that is known until it is closed, which only the process does that opened it."""

    file: Path
    process: int

    def close(self) -> None:
        """Close it; do nothing in a forked child."""
        if self.process == os.getpid():
            _open.discard(self)
            super().close()


_open: WeakSet[Connection] = WeakSet()
_inherited: set[Path] = set()


def connect(file: Path, mode: str, timeout_s: float = 10) -> Connection:
    """Return a connection to ``file`` with SQLite's ``mode`` of a URI: ro, rw or rwc."""
    made = sqlite3.connect(
        f"{file.as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=timeout_s,
        check_same_thread=False,
        factory=Connection,
    )
    made.file, made.process = file, os.getpid()
    _open.add(made)
    return made


def check_not_inherited(file: Path, path: Path) -> None:
    """Raise ``InsituError`` where the process that this one is a fork of had ``file``, which guards ``path``, open."""
    if file in _inherited:
        raise InsituError(
            f"{path} was open for writing in the process that this one was forked from; open it in a process that is "
            "started afresh (multiprocessing's 'spawn'), or fork before it is opened"
        )


def _in_child() -> None:
    for connection in list(_open):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))  # never freed, so never closed
        _inherited.add(connection.file)
    _open.clear()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_in_child)
