"""Creating, checking and connecting to the SQLite file of a memory."""

from __future__ import annotations

import contextlib
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from insitu.core import InsituError, whole_file
from insitu.memory.event import Event
from insitu.memory.model import Model
from insitu.memory.storage import journal, metadata, schema, state_tables
from insitu.memory.storage.connections import Connection, connect
from insitu.memory.storage.paths import check_single_link, resolve_path, sync_folder
from insitu.memory.storage.stale_log import check_log, check_no_log


def check_available(path: str | Path) -> Path:
    """Return the resolved path of a file that can be created; raise ``InsituError`` where it or its log exists."""
    resolved = resolve_path(path)
    if resolved.exists():
        raise InsituError(f"{path} already exists; choose a new file")
    check_no_log(resolved)
    return resolved


def create(path: Path, about: dict[str, Any], events: list[Event], model: Model | None) -> None:
    """Create the file with metadata ``about``, these events and the model after them; all of it, or no file."""
    check_no_log(path)
    with whole_file(path) as temporary, closing(sqlite3.connect(temporary, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        schema.migrate(connection, 0)
        metadata.write(connection, about)
        if model is not None:
            state_tables.write_model(connection, journal.append(connection, events, ""), model, {})
        connection.execute("COMMIT")
    sync_folder(path)


def check_file(path: Path) -> None:
    """Raise ``InsituError`` where the file must not be opened: a hard link, empty, or with the log of another file."""
    check_single_link(path)
    if path.is_file() and not path.stat().st_size:
        raise InsituError("it is empty: not a memory, or damaged; delete it to create a new memory there")
    check_log(path)


def check_integrity(connection: sqlite3.Connection) -> None:
    """Raise ``InsituError`` where SQLite finds inconsistent pages or indices."""
    found = [row[0] for row in connection.execute("PRAGMA integrity_check(5)").fetchall()]
    if found != ["ok"]:
        first = found[0].removeprefix("*** in database main ***").split("\n")
        raise InsituError(f"it is damaged: {' '.join(first).strip()}; restore a backup")


def connect_reader(path: Path) -> Connection:
    """Return a connection that reads the file, even where its folder is not writable."""
    logged = Path(f"{path}-wal").exists()
    # the last writable connection removes the log; a reader leaves an existing one alone
    for mode in ("ro", "ro&immutable=1") if logged else ("rw", "ro", "ro&immutable=1"):
        connection = connect(path, mode)
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError:
            # readers share an index file, which the folder may not permit; a properly closed memory needs none
            connection.close()
            if "immutable" in mode or Path(f"{path}-wal").exists():
                raise
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise AssertionError("each mode returns or raises")


def prepare_writer(connection: sqlite3.Connection, version: int) -> None:
    """Verify the journal, set the durability pragmas, and migrate the tables from ``version`` to the current one."""
    journal.verify(connection)  # the digest of a new row covers all before it
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 1")  # so that a copy of the main file alone is complete
    if version < len(schema.STEPS):
        connection.execute("BEGIN IMMEDIATE")
        schema.migrate(connection, version)
        metadata.write_digest(connection)
        connection.execute("COMMIT")
    with contextlib.suppress(sqlite3.OperationalError):  # on a full disk, the log does as well
        connection.execute("PRAGMA wal_checkpoint")
