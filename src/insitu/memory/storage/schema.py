"""Tables of a memory's file, the migrations from older versions, and the types and digests of rows."""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import closing
from functools import cache
from hashlib import blake2b
from typing import Any

from insitu.core import InsituError

APPLICATION_ID = 0x496E7369  # "Insi", in the header of the file
SAMPLE_BYTES, NOISE = 256, 96  # so many different bytes in a sample: random ones have 162 on average, text up to 90
DIGEST_BYTES = 16

STATISTICS = [  # tables of ANALYZE, which are permitted
    ("table", name, name, f"CREATE TABLE {name}({columns})")
    for name, columns in (("sqlite_stat1", "tbl,idx,stat"), ("sqlite_stat4", "tbl,idx,neq,nlt,ndlt,sample"))
]

# step n migrates from version n to version n + 1; a released step is never changed, only followed by another one
STEPS: list[str] = [
    """
    CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE journal (
        number INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        at TEXT NOT NULL,
        who TEXT NOT NULL,
        labels TEXT NOT NULL,
        seconds REAL NOT NULL,
        data BLOB NOT NULL,
        digest BLOB NOT NULL
    );
    CREATE TRIGGER no_update BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is only appended to'); END;
    CREATE TRIGGER no_delete BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is only appended to'); END;
    CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), event INTEGER NOT NULL, tree TEXT NOT NULL,
        digest BLOB NOT NULL);
    CREATE TABLE parts (path TEXT NOT NULL, part INTEGER NOT NULL, data BLOB NOT NULL, digest BLOB NOT NULL,
        UNIQUE (path, part));
    """,
    # version 1 had no digest of the metadata
    "CREATE TABLE seal (one INTEGER PRIMARY KEY CHECK (one = 1), digest BLOB NOT NULL);",
    # version 2 could not be undone without a replay
    """
    CREATE TABLE undo (event INTEGER NOT NULL, path TEXT NOT NULL, part INTEGER NOT NULL, data BLOB NOT NULL,
        digest BLOB NOT NULL, UNIQUE (event, path, part));
    """,
]


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of the tables; raise ``InsituError`` for a file of another program, or with other tables.

    Tables, triggers and views must be exactly those of the version: SQLite would run triggers of a foreign file.
    """
    pragmas = ("user_version", "application_id")
    version, application = (int(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in pragmas)
    found = _tables(connection)
    if not found:
        raise InsituError(
            "it is damaged: it has no tables; if it is a copy, the '-wal' file next to the original is missing: "
            "copy a memory with 'insitu memory backup', or copy both files"
        )
    current = found == _tables_after(tuple(STEPS))
    if application != APPLICATION_ID and not current:
        raise InsituError("it is an SQLite file of another program; give another path")
    if version > len(STEPS) and not current:
        raise InsituError(
            f"its tables are version {version}, of a newer insitu; this one reads up to {len(STEPS)}; update insitu"
        )
    expected = _tables_after(tuple(STEPS[:version])) if 0 < version <= len(STEPS) else frozenset()
    if application != APPLICATION_ID or found != expected:
        odd = ", ".join(sorted(f"{row[0]} {row[1]!r}" for row in found ^ expected)[:5])
        raise InsituError(
            f"it is damaged: its tables are not those of its version ({odd or 'application_id'}); restore a backup"
        )
    return version


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Migrate the tables from ``version``, 0 for an empty file, to the current one, in the caller's transaction."""
    for step in STEPS[version:]:
        for statement in _statements(step):
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(STEPS)}")


def check_types(row: tuple[Any, ...], types: tuple[type, ...]) -> tuple[Any, ...]:
    """Return a row; raise ``ValueError`` where a column has another type, which its digest would not show."""
    found = tuple(type(each) for each in row)
    if found != types:
        raise ValueError(f"a row of {', '.join(each.__name__ for each in found)}")
    return row


def compressed(content: bytes) -> bytes:
    """Return content in the format of zlib, stored as it is where its first bytes look like noise.

    Of vectors and conductances zlib saves a twentieth, at 25 ms a megabyte.
    """
    return zlib.compress(content, 1 if len(set(content[:SAMPLE_BYTES])) < NOISE else 0)


def digest_of(*values: str | bytes) -> bytes:
    """Return one digest over several values, each with its length, so that no two rows give the same bytes."""
    digest = blake2b(digest_size=DIGEST_BYTES)
    for value in values:
        data = value.encode() if isinstance(value, str) else value
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.digest()


def _tables(connection: sqlite3.Connection) -> frozenset[tuple[str, ...]]:
    # automatic indices have no text
    query = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    return frozenset(row for row in connection.execute(query).fetchall() if row not in STATISTICS)


@cache
def _tables_after(steps: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        for step in steps:
            connection.executescript(step)
        return _tables(connection)


def _statements(script: str) -> list[str]:
    """Split a script into statements: ``executescript`` would commit the caller's transaction."""
    out, part = [], ""
    for piece in script.split(";")[:-1]:
        part += piece + ";"
        if sqlite3.complete_statement(part):
            out.append(part)
            part = ""
    return out
