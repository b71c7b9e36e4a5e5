"""Whether the open file is still the one that was opened: by this process, under its name, and not overwritten."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from insitu.core import InsituError
from insitu.memory.storage import journal
from insitu.memory.storage.connections import connect

SUFFIXES = ("", "-wal", "-shm", "-lock")  # the main file, and those that SQLite and the lock create next to it
HEADER = 100  # bytes of the header of every SQLite file, with its size and change counter

Snapshot = tuple[int, int, bytes]  # size, time of the last change in ns, header


class FileIdentity:
    """The process that opened the file, device and inode of each file, and a snapshot of the main one."""

    def __init__(self, path: Path, writable: bool) -> None:
        self.path = path
        self._process = os.getpid()
        self._inodes = {suffix: _inode(path, suffix) for suffix in SUFFIXES if writable}
        self._snapshot = _snapshot(path) if writable else None

    @property
    def is_forked(self) -> bool:
        """Whether this process is a fork of the one that opened the memory."""
        return os.getpid() != self._process

    def check_process(self) -> None:
        """Raise ``InsituError`` in a forked child: two processes writing through one connection destroy the file."""
        if self.is_forked:
            raise InsituError(
                f"{self.path} was opened by process {self._process}, of which this one is a fork: here the memory can "
                "only predict; open it in a new process (multiprocessing's 'spawn')"
            )

    @property
    def is_orphaned(self) -> bool:
        """Whether the main file is gone from its path, while the lock file is still there."""
        return bool(self._inodes) and not self._same("") and self._same("-lock")

    def remove_logs(self) -> None:
        """Delete the log of a file that is gone: a new file of that name would take it for its own."""
        for suffix in ("-wal", "-shm"):
            if self._same(suffix):
                Path(f"{self.path}{suffix}").unlink(missing_ok=True)

    def check_files(self) -> None:
        """Raise ``InsituError`` where a file was deleted, moved or replaced: new events would be lost."""
        for suffix, inode in self._inodes.items():
            now = _inode(self.path, suffix)
            if now != inode:
                change = "deleted or moved" if now is None else "replaced by another file"
                raise InsituError(
                    f"{self.path}{suffix} was {change} while the memory was open, so no event can be stored in it; "
                    "save the memory to a new file with replay(path=...) and open that"
                )

    def record_snapshot(self) -> None:
        """Record the main file as this writer has just left it."""
        self._snapshot = _snapshot(self.path)

    def check_content(self, connection: sqlite3.Connection) -> None:
        """Raise ``InsituError`` where the main file was overwritten in place, which keeps its path and inode.

        If only the time of the last change differs, the content is compared with that of ``connection``.
        """
        now, last = _snapshot(self.path), self._snapshot
        if now == last or now is None or last is None:
            return
        if now[0] != last[0] or now[2] != last[2] or not self._same_content(connection):
            raise InsituError(
                f"{self.path} was emptied or overwritten by another program while the memory was open, so no event can "
                "be stored in it; save the memory with pickle, close it and restore a backup, without -wal and -shm"
            )

    def _same(self, suffix: str) -> bool:
        return _inode(self.path, suffix) == self._inodes[suffix]

    def _same_content(self, connection: sqlite3.Connection) -> bool:
        try:
            with closing(connect(self.path, "ro&immutable=1")) as other:
                intact = other.execute("PRAGMA integrity_check(1)").fetchall() == [("ok",)]
                return intact and _content(other) == _content(connection)
        except (sqlite3.Error, InsituError, ValueError):
            return False


def _inode(path: Path, suffix: str) -> tuple[int, int] | None:
    try:
        found = os.stat(f"{path}{suffix}")  # noqa: PTH116  # a name with a suffix, not another path
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _snapshot(path: Path) -> Snapshot | None:
    try:
        with path.open("rb") as file:
            found = path.stat()
            return found.st_size, found.st_mtime_ns, file.read(HEADER)
    except FileNotFoundError:  # reported by ``check_files``
        return None


def _content(connection: sqlite3.Connection) -> list[object]:
    numbers = [row[0] for row in journal.rows(connection)]
    queries = (
        "SELECT digest FROM journal",
        "SELECT digest FROM head",
        "SELECT path, part, data FROM parts ORDER BY 1, 2",
        "SELECT event, path, part, digest FROM undo ORDER BY 1, 2, 3",
    )
    return [numbers, *(connection.execute(query).fetchall() for query in queries)]
