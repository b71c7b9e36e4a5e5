"""What SQLite and the operating system say when a file cannot be read or written, in words of what to do."""

from __future__ import annotations

import errno
import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import safetensors

from insitu.core import InsituError

# by a piece of SQLite's message: what it means and what to do, and the system's number where it is one of its errors
MEANINGS = {
    "full": ("there is no room for it; what was kept before is intact: free some space and try again", errno.ENOSPC),
    "disk i/o error": ("the disk does not take it; what was kept before is intact: look after the disk", errno.EIO),
    "readonly": ("the file cannot be written; give it the right to be, or open it with readonly=True", errno.EACCES),
    "unable to open": ("the file or its folder cannot be read or written; choose another path", errno.EACCES),
    "not a database": ("it is not a memory, or damaged; give the path of a memory or restore a copy", None),
    "malformed": ("the file is damaged; restore a copy", None),
    "decode": ("the file is damaged; restore a copy", None),
    "unsupported": ("the file is damaged; restore a copy", None),
    "locked": ("another process keeps it busy; close that one, or open it with readonly=True", None),
}


RESTORE = "restore a copy"
LONGEST = 200  # letters of what a library says

# what reading data raises where it is not as it was written
NOT_UNDERSTOOD = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RecursionError,
    RuntimeError,  # of torch, for shapes
    safetensors.SafetensorError,
)


@contextmanager
def explained_reading(path: Path) -> Iterator[None]:
    """As ``explained``, where all that is touched comes from the file: what cannot be understood is damage."""
    with explained(path):
        try:
            yield
        except (*NOT_UNDERSTOOD, MemoryError) as error:
            raise InsituError(f"{path} is damaged ({type(error).__name__}: {_line(error)}); restore a copy") from error


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn failures of SQLite into ``InsituError`` that names the file and says what to do."""
    try:
        with _named(path):
            yield
    except InsituError as error:
        logs = [f"{path}{ending}" for ending in ("-wal", "-shm") if Path(f"{path}{ending}").exists()]
        if not logs or RESTORE not in str(error):
            raise
        # a log of what was damaged would spoil the copy too
        raise InsituError(f"{error}; delete {' and '.join(logs)} with the damaged file") from error.__cause__


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        for piece, (meaning, number) in MEANINGS.items():
            if piece in str(error).lower():
                if piece == "readonly" and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
                    raise InsituError(f"{path} is damaged: its header forbids writing; restore a copy") from error
                cause: Exception = OSError(number, str(error)) if number else error
                raise InsituError(f"{path}: {meaning} ({_line(error)})") from cause
        raise InsituError(f"{path}: {_line(error)}; 'insitu memory verify' looks closer") from error
    except zlib.error as error:
        raise InsituError(f"{path} is damaged: {_line(error)}; restore a copy") from error
    except InsituError as error:
        if str(path) in str(error):
            raise
        raise InsituError(f"{path}: {error}") from error.__cause__


def _line(error: Exception) -> str:
    """Return what a library says in one line that can be shown: it may quote the bytes it stumbled over."""
    text = " ".join(str(error).split())
    return "".join(c if c.isprintable() else "?" for c in text[:LONGEST]) + ("..." if len(text) > LONGEST else "")
