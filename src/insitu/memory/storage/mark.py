"""Whether the main file still is as its writer left it: what overwrites it in place keeps its name and its inode."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from insitu.core import InsituError
from insitu.memory.storage import fork, tables

HEADER = 100  # bytes that every SQLite file begins with: its size, and how often it was changed

Mark = tuple[int, int, bytes]


def mark_of(path: Path) -> Mark | None:
    """Return size, time of the last change and header; None where there is no such file, which is noticed elsewhere."""
    try:
        with path.open("rb") as file:
            found = path.stat()
            return found.st_size, found.st_mtime_ns, file.read(HEADER)
    except FileNotFoundError:
        return None


def check_mark(path: Path, left: Mark | None, connection: sqlite3.Connection) -> None:
    """Raise ``InsituError`` where the file is not as it was ``left``; where only its time is, it is read again."""
    now = mark_of(path)
    if now == left or now is None or left is None:
        return
    if now[0] != left[0] or now[2] != left[2] or not _same(path, connection):
        raise InsituError(
            f"{path} was emptied or overwritten by another program while the memory was open, so that nothing more can "
            "be kept in it; keep what it knows with pickle, close it and restore a copy, without -wal and -shm"
        )


def _same(path: Path, connection: sqlite3.Connection) -> bool:
    """Return whether all pages fit together, and every row is as the connection that writes knows it."""
    try:
        with closing(fork.connect(path, "ro&immutable=1")) as other:
            found = other.execute("PRAGMA integrity_check(1)").fetchall()
            return found == [("ok",)] and _digests(other) == _digests(connection)
    except (sqlite3.Error, InsituError, ValueError):
        return False


def _digests(connection: sqlite3.Connection) -> list[object]:
    journal = [row[0] for row in tables.rows_of(connection)]
    queries = (
        "SELECT digest FROM journal",
        "SELECT digest FROM head",
        "SELECT path, part, data FROM parts ORDER BY 1, 2",
    )
    return [journal, *(connection.execute(query).fetchall() for query in queries)]
