"""The journal and the state in their tables: appended, written where it changed, read with every digest checked."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np

from insitu.core import InsituError
from insitu.memory.event import Event
from insitu.memory.model import Model
from insitu.memory.storage import serialization
from insitu.memory.storage.records import Records
from insitu.memory.storage.rows import JOURNAL, LEVEL, chained, digest_of, event_of, row_of, typed

Arrays = dict[str, serialization.Array]


def append(connection: sqlite3.Connection, events: list[Event], who: str) -> int:
    """Append events to the journal, in the caller's transaction, and return the number of the last."""
    newest = "SELECT number, digest FROM journal ORDER BY number DESC LIMIT 1"
    number, digest = connection.execute(newest).fetchone() or (0, b"")
    for event in events:
        number += 1
        row = row_of(number, event, who)
        digest = chained(digest, row)
        connection.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, digest))
    return int(number)


def events_of(connection: sqlite3.Connection) -> Iterator[Event]:
    """Yield all events, the oldest first; raise ``InsituError`` at the first that is not as it was written."""
    for row in rows_of(connection):
        yield event_of(row)


def rows_of(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of the journal without their digests, which are checked; as ``events_of``, but not unpacked."""
    before = b""
    query = "SELECT number, kind, at, who, labels, seconds, data, digest FROM journal ORDER BY number"
    # a statement left half read would keep the file locked after its connection was closed
    with closing(connection.execute(query)) as rows:
        for number, found in enumerate(rows, 1):
            *row, digest = typed(found, JOURNAL)
            before = chained(before, tuple(row))
            if digest != before or row[0] != number:
                raise InsituError(
                    f"it is damaged: event {number} of the journal is not as it was written; restore a copy"
                )
            yield tuple(row)


def write_model(connection: sqlite3.Connection, number: int, model: Model, old: Arrays) -> Arrays:
    """Write the state after event ``number`` where it differs from ``old``, in the caller's transaction.

    Returns the arrays that are in the file now.
    """
    arrays: Arrays = {}
    tree = json.dumps(serialization.flat(model, "model", arrays), separators=(",", ":"))
    for path in old.keys() - arrays.keys():
        connection.execute("DELETE FROM parts WHERE path = ?", (path,))
    for path, array in arrays.items():
        _write_array(connection, path, array, old.get(path))
    row = (number, tree, digest_of(str(number), tree))
    connection.execute("REPLACE INTO head VALUES (1, ?, ?, ?)", row)
    return arrays


def read_model(connection: sqlite3.Connection, records: Records) -> tuple[int, Model | None, Arrays]:
    """Return the number of the last event, the state after it and its arrays, all of one moment."""
    run = connection.execute
    run("BEGIN")
    try:
        heads = run("SELECT event, tree, digest FROM head").fetchall()
        rows = run("SELECT path, part, data, digest FROM parts").fetchall()
        last = run("SELECT max(number) FROM journal").fetchone()[0] or 0
    finally:
        run("COMMIT")
    if len(heads) != (last > 0):
        raise InsituError(f"it is damaged: {last} events, but {len(heads)} states; restore a copy")
    if not heads:
        return 0, None, {}
    event, tree, digest = typed(heads[0], (int, str, bytes))
    if digest_of(str(event), tree) != digest or event != last:
        raise InsituError("it is damaged: the head of the state; restore a copy")
    parts: dict[str, dict[int, bytes]] = defaultdict(dict)
    for row in rows:
        path, part, data, digest = typed(row, (str, int, bytes, bytes))
        if digest_of(path, str(part), data) != digest or part in parts[path]:
            raise InsituError(f"it is damaged: part {part} of {path}; restore a copy")
        parts[path][part] = zlib.decompress(data)
    named: set[str] = set()

    def array(path: str, kind: np.dtype[Any], shape: list[int]) -> serialization.Array:
        named.add(path)
        return serialization.joined(path, kind, shape, parts.get(path, {}))

    grown = serialization.grown(json.loads(tree), array, records)
    if unused := parts.keys() - named:
        raise ValueError(f"{min(unused)} is no part of the state")
    if not isinstance(grown, Model):
        raise ValueError(f"the state is a {type(grown).__name__}")
    arrays: Arrays = {}
    serialization.flat(grown, "model", arrays)
    return event, grown, arrays


def _write_array(
    connection: sqlite3.Connection, path: str, array: serialization.Array, old: serialization.Array | None
) -> None:
    changed = serialization.changed(path, old, array)
    after = serialization.parted(path, array)
    if old is not None and len(serialization.parted(path, old)) > len(after):
        connection.execute("DELETE FROM parts WHERE path = ? AND part >= ?", (path, len(after)))
    for part in changed:
        data = zlib.compress(np.ascontiguousarray(after[part]).tobytes(), LEVEL)
        row = (path, part, data, digest_of(path, str(part), data))
        connection.execute("REPLACE INTO parts VALUES (?, ?, ?, ?)", row)
