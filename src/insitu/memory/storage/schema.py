"""Tables of a memory's file, and the steps from every older version of them to the present one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache

from insitu.core import InsituError

APPLICATION = 0x496E7369  # "Insi": SQLite's own mark of whose file it is

STATISTICS = [
    ("table", name, name, f"CREATE TABLE {name}({columns})")
    for name, columns in (("sqlite_stat1", "tbl,idx,stat"), ("sqlite_stat4", "tbl,idx,neq,nlt,ndlt,sample"))
]

# step n leads from version n to version n + 1; what has been released is never changed, only followed by another step
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
    # the digest over all rows of about, which version 1 did not have
    "CREATE TABLE seal (one INTEGER PRIMARY KEY CHECK (one = 1), digest BLOB NOT NULL);",
]


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of the tables; raise ``InsituError`` for a file of another kind, or with other tables.

    Tables, triggers and views are exactly those of the version: a file that brings its own would run them.
    """
    version, mark = (int(connection.execute(f"PRAGMA {p}").fetchone()[0]) for p in ("user_version", "application_id"))
    found = _tables(connection)
    if not found:
        raise InsituError(
            "it is damaged: it holds no tables; where it is a copy, the '-wal' file next to the original was left out: "
            "copy a memory with 'insitu memory backup', or both files"
        )
    ours = found == _made(tuple(STEPS))
    if mark != APPLICATION and not ours:
        raise InsituError("it is an SQLite file of another program; give another path")
    if version > len(STEPS) and not ours:
        raise InsituError(
            f"its tables are version {version}, written by a newer insitu; this one knows {len(STEPS)}: update insitu"
        )
    wanted = _made(tuple(STEPS[:version])) if 0 < version <= len(STEPS) else frozenset()
    if mark != APPLICATION or found != wanted:
        odd = ", ".join(sorted(f"{row[0]} {row[1]!r}" for row in found ^ wanted)[:5])
        raise InsituError(
            f"it is damaged: its tables are not those of its version ({odd or 'another mark'}); restore a copy"
        )
    return version


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring the tables from ``version``, 0 where there are none, to the present one, in the caller's transaction."""
    for step in STEPS[version:]:
        for statement in _statements(step):
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {len(STEPS)}")


def _tables(connection: sqlite3.Connection) -> frozenset[tuple[str, ...]]:
    # indices that SQLite makes by itself have no text; the tables of ANALYZE only say how it looks for rows
    query = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    return frozenset(row for row in connection.execute(query).fetchall() if row not in STATISTICS)


@cache
def _made(steps: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    """Return the tables that these steps make."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for step in steps:
            connection.executescript(step)
        return _tables(connection)


def _statements(script: str) -> list[str]:
    """Return the statements of a script: ``executescript`` would commit the transaction first."""
    out, part = [], ""
    for piece in script.split(";")[:-1]:
        part += piece + ";"
        if sqlite3.complete_statement(part):
            out.append(part)
            part = ""
    return out
