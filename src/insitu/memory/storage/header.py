"""What is noted once, when a file is made: parameters, time, backbone's weights; under a digest of all of it."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from insitu.core import InsituError
from insitu.memory.settings import settings_from
from insitu.memory.storage.parameters import DEFAULTS, described
from insitu.memory.storage.rows import digest_of, now, typed

NAMES = {"parameters": dict, "made": str, "fingerprint": str}
SEALED = 2  # version of the tables from which on there is a digest


def about_of(given: dict[str, Any]) -> dict[str, Any]:
    """Return what is noted in a new file with these parameters; raise ``InsituError`` where they are wrong."""
    made_with = described(given)
    used = settings_from(DEFAULTS | given).fingerprint()
    return {"parameters": made_with, "made": now(), "fingerprint": used}


def write(connection: sqlite3.Connection, about: dict[str, Any]) -> None:
    """Note it in a file that has empty tables."""
    rows = [(name, json.dumps(value)) for name, value in about.items()]
    connection.executemany("INSERT INTO about VALUES (?, ?)", rows)
    seal(connection)


def seal(connection: sqlite3.Connection) -> None:
    """Write the digest over what was noted."""
    connection.execute("REPLACE INTO seal VALUES (1, ?)", (_digest(_rows(connection)),))


def read(connection: sqlite3.Connection, version: int) -> dict[str, Any]:
    """Return what was noted; raise ``InsituError`` where it is not as it was written."""
    rows = _rows(connection)
    if version >= SEALED:
        sealed = connection.execute("SELECT digest FROM seal").fetchone()
        if sealed is None or sealed[0] != _digest(rows):
            raise InsituError("it is damaged: what was noted when it was made; restore a copy")
    noted = {name: json.loads(value) for name, value in rows}
    if {name: type(value) for name, value in noted.items()} != NAMES:
        raise InsituError(f"it is damaged: it notes {', '.join(noted)}; restore a copy")
    return noted


def _rows(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    found = connection.execute("SELECT name, value FROM about ORDER BY name").fetchall()
    return [typed(row, (str, str)) for row in found]


def _digest(rows: list[tuple[str, str]]) -> bytes:
    return digest_of(*(piece for row in rows for piece in row))
