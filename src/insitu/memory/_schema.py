"""Tables of a memory's file, and the steps from every older version of them to the present one."""

from __future__ import annotations

import sqlite3

from insitu.core import InsituError

APPLICATION = 0x496E7369  # "Insi": SQLite's own mark of whose file it is

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
]


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of the tables, 0 where there are none; raise ``InsituError`` for a file of another kind."""
    version, mark = (int(connection.execute(f"PRAGMA {p}").fetchone()[0]) for p in ("user_version", "application_id"))
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if (version or tables or mark) and mark != APPLICATION:
        raise InsituError("it is an SQLite file of another program; give another path")
    if version > len(STEPS):
        raise InsituError(
            f"its tables are version {version}, written by a newer insitu; this one knows {len(STEPS)}: update insitu"
        )
    return version


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables to the present version, within the caller's transaction."""
    for step in STEPS[version_of(connection) :]:
        for statement in _statements(step):
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {len(STEPS)}")


def _statements(script: str) -> list[str]:
    """Return the statements of a script: ``executescript`` would commit the transaction first."""
    out, part = [], ""
    for piece in script.split(";")[:-1]:
        part += piece + ";"
        if sqlite3.complete_statement(part):
            out.append(part)
            part = ""
    return out
