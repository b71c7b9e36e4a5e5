"""The state before recent events, for undo: old parts of its arrays in table ``undo``, but none of the devices.

The row of an event and a part has that part as it was before the event, where the event changed or removed it; the row
with an empty path has the tree of the state and the list of the event's other rows. So a part before event n is in the
row with the smallest number from n on, and where there is none, it has not changed since.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections import defaultdict
from typing import Any

import numpy as np

from insitu.core import InsituError
from insitu.memory.model import Model
from insitu.memory.storage import serialization
from insitu.memory.storage.records import Records
from insitu.memory.storage.schema import check_types, compressed, digest_of
from insitu.memory.storage.state_tables import Arrays

EVENTS = 64  # most recent events whose former state is in the file; an earlier one is replayed from the journal
DEVICES = "/held/"  # in the names of arrays that are not stored here: devices are never put back
TREE = ""


def tree_of(connection: sqlite3.Connection) -> str:
    """Return the tree of the state in the file, '' before the first event."""
    row = connection.execute("SELECT tree FROM head").fetchone()
    return row[0] if row else ""


def record(connection: sqlite3.Connection, number: int, tree: str, old: Arrays, new: Arrays) -> None:
    """Record what event ``number`` changed in the state ``old`` with ``tree``, in the caller's transaction."""
    if tree:
        changed = {
            path: serialization.changed_parts(path, new.get(path), array)
            for path, array in old.items()
            if DEVICES not in path
        }
        # lists the other rows, so that a missing one is noticed
        rows = [_row(number, TREE, 0, f"[{tree},{json.dumps(changed, separators=(',', ':'))}]".encode())]
        for path, parts in changed.items():
            split = serialization.split(path, old[path])
            rows += [_row(number, path, part, np.ascontiguousarray(split[part]).tobytes()) for part in parts]
        connection.executemany("INSERT INTO undo VALUES (?, ?, ?, ?, ?)", rows)
    connection.execute("DELETE FROM undo WHERE event <= ?", (number - EVENTS,))


def read(connection: sqlite3.Connection, number: int, now: Arrays, records: Records) -> Model | None:
    """Return the model before event ``number`` without devices, or None where the file does not have it.

    ``now`` are the arrays of the current state.
    """
    events = _events(connection)
    if number not in events:
        return None
    former: dict[str, dict[int, bytes]] = defaultdict(dict)
    for event in range(max(events), number - 1, -1):
        for (path, part), content in events[event].items():
            former[path][part] = content
    tree = json.loads(former[TREE][0])[0]
    state = tree["fields"]["state"]
    if state is not None:
        state["fields"]["held"] = None

    def array(path: str, kind: np.dtype[Any], shape: list[int]) -> serialization.Array:
        parts = former[path]
        if path in now:
            same = serialization.split(path, now[path])
            parts = {part: np.ascontiguousarray(same[part]).tobytes() for part in range(len(same))} | parts
        count = len(serialization.split(path, np.broadcast_to(np.zeros((), kind), shape)))
        return serialization.join(path, kind, shape, {part: parts[part] for part in range(count) if part in parts})

    model = serialization.rebuild(tree, array, records)
    if not isinstance(model, Model):
        raise ValueError(f"the former state is a {type(model).__name__}")
    return model


def verify(connection: sqlite3.Connection) -> None:
    """Raise ``InsituError`` where a row is damaged or missing; files of versions 1 and 2 have none."""
    if connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'undo'").fetchone()[0]:
        _events(connection)


def _row(number: int, path: str, part: int, content: bytes) -> tuple[int, str, int, bytes, bytes]:
    data = compressed(content)
    return number, path, part, data, digest_of(str(number), path, str(part), data)


def _events(connection: sqlite3.Connection) -> dict[int, dict[tuple[str, int], bytes]]:
    """Return the content of all rows by event, path and part."""
    found: dict[int, dict[tuple[str, int], bytes]] = defaultdict(dict)
    for row in connection.execute("SELECT event, path, part, data, digest FROM undo").fetchall():
        event, path, part, data, digest = check_types(row, (int, str, int, bytes, bytes))
        if digest_of(str(event), path, str(part), data) != digest:
            raise InsituError(f"it is damaged: part {part} of {path or 'the tree'} in table undo; restore a backup")
        found[event][path, part] = zlib.decompress(data)
    last = connection.execute("SELECT max(number) FROM journal").fetchone()[0] or 0
    if found and sorted(found) != list(range(min(found), last + 1)):
        raise InsituError("it is damaged: table undo lacks an event; restore a backup")
    for event, parts in found.items():
        _, changed = json.loads(parts.get((TREE, 0), b"[0, {}]"))
        if {(TREE, 0), *((path, part) for path, those in changed.items() for part in those)} != set(parts):
            raise InsituError(f"it is damaged: table undo lacks a part of event {event}; restore a backup")
    return found
