"""One writer: a lock that the operating system takes back when the process that holds it is gone, however it went."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from insitu.core import InsituError
from insitu.memory.storage import fork


class Lock:
    """Held until ``release``; it is SQLite's own lock on an empty file beside the one that is guarded."""

    def __init__(self, path: Path) -> None:
        """Take the lock of ``path``, or raise ``InsituError`` where another writer has it."""
        file = path.with_name(f"{path.name}-lock")
        fork.check_not_inherited(file, path)
        self._connection = fork.connect(file, "rwc", timeout_s=0)
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
