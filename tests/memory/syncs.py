"""Counts how often SQLite syncs a file to disk, by wrapping its virtual file system."""

from __future__ import annotations

import ctypes
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SYNC, METHODS = 5, 19  # place of xSync among the pointers of sqlite3_io_methods, and how many there are
OPEN = 5  # place of xOpen in sqlite3_vfs, in pointers of 8 bytes: three ints come first
OPENER = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p
)  # the name as a pointer: SQLite reads on behind its end
SYNCER = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)


def library() -> ctypes.CDLL | None:
    """Return the SQLite that Python's module uses, or None where it is built in."""
    loaded = Path("/proc/self/maps")  # names it once sqlite3 is imported
    lines = loaded.read_text(encoding="utf-8").splitlines() if loaded.exists() and sqlite3.sqlite_version else []
    return next((ctypes.CDLL(line.split()[-1]) for line in lines if "libsqlite3.so" in line), None)


@contextmanager
def counted(sqlite: ctypes.CDLL) -> Iterator[Counter[str]]:
    """Count syncs, of logs and of other files, that are opened and closed within."""
    counts: Counter[str] = Counter()
    kept: list[object] = []  # what C points to
    sqlite.sqlite3_vfs_find.restype = ctypes.POINTER(ctypes.c_void_p)
    fields = sqlite.sqlite3_vfs_find(None)
    original = fields[OPEN]
    assert original is not None
    opener = OPENER(original)

    def opened(vfs: int, name: int | None, file: int, flags: int, out: int) -> int:
        code = int(opener(vfs, name, file, flags, out))
        slot = ctypes.cast(file, ctypes.POINTER(ctypes.c_void_p))
        if code or not name or not slot[0]:
            return code
        ending = "-wal" if ctypes.string_at(name).endswith(b"-wal") else "other"
        methods = (ctypes.c_void_p * METHODS).from_buffer_copy((ctypes.c_void_p * METHODS).from_address(slot[0]))
        before = SYNCER(methods[SYNC])

        def sync(which: int, how: int) -> int:
            counts[ending] += 1
            return int(before(which, how))

        replacement = SYNCER(sync)
        methods[SYNC] = ctypes.cast(replacement, ctypes.c_void_p)
        kept.extend([methods, replacement])
        slot[0] = ctypes.addressof(methods)
        return code

    stand_in = OPENER(opened)
    fields[OPEN] = ctypes.cast(stand_in, ctypes.c_void_p)
    try:
        yield counts
    finally:
        fields[OPEN] = original
