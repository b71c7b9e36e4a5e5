"""What SQLite leaves next to a file: a log that belongs to another file of the same name would take this one over.

The log is found by the name alone. So no new file is made where there is one, and one whose pages were all copied into
the main file, as the index beside it says, must agree with the main file; without the index, the journals must agree.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from insitu.core import InsituError
from insitu.memory.storage import fork, tables

LOGS = ("-wal", "-shm", "-journal")
LOG_HEADER, FRAME_HEADER = 32, 24  # bytes, of SQLite's log
INDEX_HEADER = 100  # bytes of the index that are read here, in the byte order of the machine


def check_none_left(path: Path) -> None:
    """Raise ``InsituError`` where the log of an earlier file waits for a new one at ``path``."""
    if found := [f"{path}{ending}" for ending in LOGS if Path(f"{path}{ending}").exists()]:
        raise InsituError(
            f"there is no {path}, but {' and '.join(found)} of an earlier file, which would overwrite a new one; put "
            "the earlier file back to open it, or delete these, or choose another path"
        )


def check_log(path: Path) -> None:
    """Raise ``InsituError`` where the log next to the file is known to be that of another, such as after a restore."""
    log = Path(f"{path}-wal")
    if log.exists() and log.stat().st_size > LOG_HEADER and not (_follows(path, log) and _same_journal(path)):
        raise InsituError(
            f"{log} is the log of another file than {path}, which was replaced without it; delete {log} and {path}-shm "
            f"to open {path} as it is, or put the file back that they belong to"
        )


def _follows(path: Path, log: Path) -> bool:
    """Return whether the main file has the pages of the log, where all had been copied into it."""
    index = Path(f"{path}-shm")
    head = index.read_bytes()[:INDEX_HEADER] if index.exists() else b""
    if len(head) < INDEX_HEADER:
        return True  # a copy without it; nothing is known
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
                return index.read_bytes()[:INDEX_HEADER] != head  # a writer at work has moved on meanwhile
    return True


def _same_journal(path: Path) -> bool:
    """Return whether the journal of the main file alone is the beginning of that with the log."""
    try:
        alone, logged = (_journal(path, mode) for mode in ("ro&immutable=1", "ro"))
    except (sqlite3.Error, InsituError, ValueError):
        return True  # a main file that was half written is whole with its log; what is damaged is said later
    return alone == logged[: len(alone)]


def _journal(path: Path, mode: str) -> list[bytes]:
    with closing(fork.connect(path, mode)) as connection:
        for _ in tables.rows_of(connection):
            pass  # only of rows that are whole can be said that they differ
        return [digest for (digest,) in connection.execute("SELECT digest FROM journal ORDER BY number")]
