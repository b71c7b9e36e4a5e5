"""The journal: one row per event, appended and never changed, each under a digest of the row and all before it."""

from __future__ import annotations

import datetime
import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.memory.event import Event
from insitu.memory.storage.schema import check_types, compressed, digest_of

TYPES = (int, str, str, str, str, float, bytes, bytes)  # of the columns; the last one is the digest


def append(connection: sqlite3.Connection, events: list[Event], who: str) -> int:
    """Append events, in the caller's transaction, and return the number of the last one."""
    newest = "SELECT number, digest FROM journal ORDER BY number DESC LIMIT 1"
    number, digest = connection.execute(newest).fetchone() or (0, b"")
    for event in events:
        number += 1
        row = _row_of(number, event, who)
        digest = chained_digest(digest, row)
        connection.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, digest))
    return int(number)


def events(connection: sqlite3.Connection) -> Iterator[Event]:
    """Yield all events, the oldest first; raise ``InsituError`` at the first damaged one."""
    for _, kind, at, who, labels, seconds, data in rows(connection):
        yield Event(kind, json.loads(labels), _arrays(data), seconds, at, who)


def headers(connection: sqlite3.Connection) -> Iterator[Event]:
    """Yield all events without the inputs of ``fit`` and ``learn``, and without checking their digests."""
    query = (
        "SELECT kind, at, who, labels, seconds, CASE WHEN kind IN ('fit', 'learn') THEN x'' ELSE data END "
        "FROM journal ORDER BY number"
    )
    with closing(connection.execute(query)) as found:
        for kind, at, who, labels, seconds, data in found:
            yield Event(kind, json.loads(labels), _arrays(data), seconds, at, who)


def event(connection: sqlite3.Connection, number: int) -> Event:
    """Return one event, without checking its digest."""
    query = "SELECT kind, at, who, labels, seconds, data FROM journal WHERE number = ?"
    kind, at, who, labels, seconds, data = connection.execute(query, (number,)).fetchone()
    return Event(kind, json.loads(labels), _arrays(data), seconds, at, who)


def kinds(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield the kinds of all events, the newest first."""
    with closing(connection.execute("SELECT kind FROM journal ORDER BY number DESC")) as found:
        yield from (kind for (kind,) in found)


def rows(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Yield all rows without their digests, which are checked; raise ``InsituError`` at the first damaged one."""
    before = b""
    query = "SELECT number, kind, at, who, labels, seconds, data, digest FROM journal ORDER BY number"
    # an unfinished statement would keep the file locked after its connection was closed
    with closing(connection.execute(query)) as found:
        for number, (*row, digest) in enumerate((check_types(each, TYPES) for each in found), 1):
            before = chained_digest(before, tuple(row))
            if digest != before or row[0] != number:
                raise InsituError(f"it is damaged: event {number} of the journal has a wrong digest; restore a backup")
            yield tuple(row)


def verify(connection: sqlite3.Connection) -> None:
    """Raise ``InsituError`` where a row is damaged."""
    for _ in rows(connection):
        pass


def _arrays(data: bytes) -> dict[str, NDArray[Any]]:
    return safetensors.numpy.load(zlib.decompress(data)) if data else {}


def _row_of(number: int, event: Event, who: str) -> tuple[Any, ...]:
    arrays = {name: np.ascontiguousarray(array) for name, array in event.arrays.items()}
    data = compressed(safetensors.numpy.save(arrays)) if arrays else b""
    labels = json.dumps(event.labels, ensure_ascii=False)
    return (number, event.kind, event.at or timestamp(), event.who or who, labels, event.seconds, data)


def chained_digest(before: bytes, row: tuple[Any, ...]) -> bytes:
    """Return the digest of a row and all before it."""
    return digest_of(before, *(str(each) if not isinstance(each, bytes) else each for each in row))


def timestamp() -> str:
    """Return the current time in UTC, to milliseconds, as ISO 8601."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
