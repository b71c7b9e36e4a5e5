"""Errors of SQLite and the operating system as ``InsituError``: what is wrong with which file, and what to do."""

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

# by a part of SQLite's message: cause and remedy, and the errno of the OSError to chain where the system is the cause
MESSAGES = {
    "full": ("the disk is full; earlier events are intact: free some space and try again", errno.ENOSPC),
    "disk i/o error": ("the disk reports an I/O error; earlier events are intact: check the disk", errno.EIO),
    "readonly": ("the file is not writable; change its permissions, or open it with readonly=True", errno.EACCES),
    "unable to open": ("the file or its folder is not readable or not writable; choose another path", errno.EACCES),
    "not a database": ("it is not a memory, or damaged; give the path of a memory, or restore a backup", None),
    "malformed": ("the file is damaged; restore a backup", None),
    "decode": ("the file is damaged; restore a backup", None),
    "unsupported": ("the file is damaged; restore a backup", None),
    "locked": ("it is locked by another process; close that one, or open it with readonly=True", None),
}
RESTORE = "restore a backup"
LONGEST = 200  # characters quoted of a library's message

# what decoding data raises where it is not as it was written
DECODING_ERRORS = (
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
def read_errors(path: Path) -> Iterator[None]:
    """As ``file_errors``, for blocks that only decode data from the file: any decoding error means damage."""
    with file_errors(path):
        try:
            yield
        except (*DECODING_ERRORS, MemoryError) as error:
            raise InsituError(f"{path} is damaged ({type(error).__name__}: {_line(error)}); {RESTORE}") from error


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Turn errors of SQLite into ``InsituError`` that names the file and says what to do."""
    try:
        with _named(path):
            yield
    except InsituError as error:
        logs = [f"{path}{suffix}" for suffix in ("-wal", "-shm") if Path(f"{path}{suffix}").exists()]
        if not logs or RESTORE not in str(error):
            raise
        # the log of a damaged file would damage the restored one too
        raise InsituError(f"{error}; delete {' and '.join(logs)} with the damaged file") from error.__cause__


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        for part, (message, number) in MESSAGES.items():
            if part in str(error).lower():
                if part == "readonly" and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
                    raise InsituError(f"{path} is damaged: its header forbids writing; {RESTORE}") from error
                cause: Exception = OSError(number, str(error)) if number else error
                raise InsituError(f"{path}: {message} ({_line(error)})") from cause
        raise InsituError(f"{path}: {_line(error)}; run 'insitu memory verify' for details") from error
    except zlib.error as error:
        raise InsituError(f"{path} is damaged: {_line(error)}; {RESTORE}") from error
    except InsituError as error:
        if str(path) in str(error):
            raise
        raise InsituError(f"{path}: {error}") from error.__cause__


def _line(error: Exception) -> str:
    """Return a library's message as one printable line: it may quote bytes of the file."""
    text = " ".join(str(error).split())
    return "".join(c if c.isprintable() else "?" for c in text[:LONGEST]) + ("..." if len(text) > LONGEST else "")
