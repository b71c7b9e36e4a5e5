"""Metadata, written once when a file is created: parameters, time, digest of the encoder; under a digest."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from insitu.core import InsituError
from insitu.memory.settings import current_names, settings_from
from insitu.memory.storage.journal import timestamp
from insitu.memory.storage.parameters import DEFAULTS, describe
from insitu.memory.storage.schema import check_types, digest_of

FIELDS = {"parameters": dict, "made": str, "fingerprint": str}
FIRST_WITH_DIGEST = 2  # version of the tables


def new_metadata(given: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of a new file with parameters ``given``; raise ``InsituError`` where they are wrong."""
    parameters = describe(given)
    fingerprint = settings_from(DEFAULTS | given).fingerprint()
    return {"parameters": parameters, "made": timestamp(), "fingerprint": fingerprint}


def write(connection: sqlite3.Connection, metadata: dict[str, Any]) -> None:
    """Write the metadata into empty tables."""
    rows = [(name, json.dumps(value)) for name, value in metadata.items()]
    connection.executemany("INSERT INTO about VALUES (?, ?)", rows)
    write_digest(connection)


def write_digest(connection: sqlite3.Connection) -> None:
    """Write the digest of the metadata."""
    connection.execute("REPLACE INTO seal VALUES (1, ?)", (_digest(_rows(connection)),))


def read(connection: sqlite3.Connection, version: int) -> dict[str, Any]:
    """Return the metadata; raise ``InsituError`` where it is damaged."""
    rows = _rows(connection)
    if version >= FIRST_WITH_DIGEST:
        digest = connection.execute("SELECT digest FROM seal").fetchone()
        if digest is None or digest[0] != _digest(rows):
            raise InsituError("it is damaged: the digest of its metadata is wrong; restore a backup")
    metadata = {name: json.loads(value) for name, value in rows}
    if {name: type(value) for name, value in metadata.items()} != FIELDS:
        raise InsituError(f"it is damaged: its metadata has the fields {', '.join(metadata)}; restore a backup")
    return metadata | {"parameters": current_names(metadata["parameters"])}


def _rows(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    found = connection.execute("SELECT name, value FROM about ORDER BY name").fetchall()
    return [check_types(row, (str, str)) for row in found]


def _digest(rows: list[tuple[str, str]]) -> bytes:
    return digest_of(*(text for row in rows for text in row))
