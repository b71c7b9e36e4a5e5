"""Logs that an earlier file of the same name left behind: SQLite would apply them to the present file.

SQLite finds its log by name alone. So no file is created next to an existing log; and a log is refused where the index
next to it says that all of its pages were copied into the main file while the main file has others, or, without an
index, where the two journals differ.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from insitu.core import InsituError
from insitu.memory.storage import journal
from insitu.memory.storage.connections import connect

LOGS = ("-wal", "-shm", "-journal")
LOG_HEADER, FRAME_HEADER = 32, 24  # bytes, of SQLite's write-ahead log
INDEX_HEADER = 100  # bytes of the log's index that are read here, in the byte order of the machine


def check_no_log(path: Path) -> None:
    """Raise ``InsituError`` where the log of an earlier file would be applied to a new one at ``path``."""
    if found := [f"{path}{suffix}" for suffix in LOGS if Path(f"{path}{suffix}").exists()]:
        raise InsituError(
            f"{path} does not exist, but {' and '.join(found)} of an earlier file would be applied to a new one; "
            "restore the earlier file to open it, delete these, or choose another path"
        )


def check_log(path: Path) -> None:
    """Raise ``InsituError`` where the log next to the file is known to be that of another, such as after a restore."""
    log = Path(f"{path}-wal")
    if log.exists() and log.stat().st_size > LOG_HEADER and not (_has_logged_pages(path, log) and _same_journal(path)):
        raise InsituError(
            f"{log} is the log of another file than {path}, which was replaced without it; delete {log} and {path}-shm "
            f"to open {path} as it is, or restore the file that they belong to"
        )


def _has_logged_pages(path: Path, log: Path) -> bool:
    """Return whether the main file has the pages of the log, where all of them had been copied into it."""
    index = Path(f"{path}-shm")
    head = index.read_bytes()[:INDEX_HEADER] if index.exists() else b""
    if len(head) < INDEX_HEADER:
        return True  # no index, nothing is known
    frames, pages, copied = (int.from_bytes(head[at : at + 4], sys.byteorder) for at in (16, 20, 96))
    with log.open("rb") as file, path.open("rb") as main:
        begin = file.read(LOG_HEADER)
        if head[32:40] != begin[16:24] or copied < frames or not frames:  # salts of another log; not all was copied
            return True
        size = int.from_bytes(begin[8:12], "big")
        newest: dict[int, bytes] = {}
        for _ in range(frames):
            frame = file.read(FRAME_HEADER + size)
            newest[int.from_bytes(frame[:4], "big")] = frame[FRAME_HEADER:]
        for number, page in newest.items():
            main.seek((number - 1) * size)
            if number <= pages and main.read(size) != page:
                return index.read_bytes()[:INDEX_HEADER] != head  # an active writer has moved on meanwhile
    return True


def _same_journal(path: Path) -> bool:
    """Return whether the journal of the main file alone is a prefix of the journal with the log."""
    try:
        alone, logged = (_journal_digests(path, mode) for mode in ("ro&immutable=1", "ro"))
    except (sqlite3.Error, InsituError, ValueError):
        return True  # a partially written main file is complete with its log; damage is reported later
    return alone == logged[: len(alone)]


def _journal_digests(path: Path, mode: str) -> list[bytes]:
    with closing(connect(path, mode)) as connection:
        journal.verify(connection)  # a difference means something between intact rows only
        return [digest for (digest,) in connection.execute("SELECT digest FROM journal ORDER BY number")]
