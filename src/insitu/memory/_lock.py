"""One writer: a lock that the operating system takes back when the process that holds it is gone, however it went."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from insitu.core import InsituError


class Lock:
    """Held until ``release``; it is SQLite's own lock on an empty file beside the one that is guarded."""

    def __init__(self, path: Path) -> None:
        """Take the lock of ``path``, or raise ``InsituError`` where another writer has it."""
        self._connection = sqlite3.connect(f"{path}-lock", timeout=0, isolation_level=None, check_same_thread=False)
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
        """Let another writer in."""
        self._connection.close()
