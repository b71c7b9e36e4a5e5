"""The current state in its tables: only changed parts are written, every digest is checked on reading.

Table ``head`` holds the model as JSON that names its arrays, table ``parts`` the arrays in compressed parts.
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
from insitu.rows import Rows

Arrays = serialization.Arrays


def write_model(connection: sqlite3.Connection, number: int, model: Model, old: Arrays) -> Arrays:
    """Write the model after event ``number`` where it differs from ``old``, in the caller's transaction.

    Returns the arrays that are in the file now.
    """
    arrays: Arrays = {}
    tree = json.dumps(serialization.flatten(model, "model", arrays), separators=(",", ":"))
    for path in old.keys() - arrays.keys():
        connection.execute("DELETE FROM parts WHERE path = ?", (path,))
    for path, array in arrays.items():
        if array is not old.get(path):
            _write_array(connection, path, array, old.get(path))
    row = (number, tree, digest_of(str(number), tree))
    connection.execute("REPLACE INTO head VALUES (1, ?, ?, ?)", row)
    return arrays


def read_model(connection: sqlite3.Connection, records: Records) -> tuple[Model | None, Arrays]:
    """Return the model after the last event and its arrays, read in one transaction."""
    run = connection.execute
    run("BEGIN")
    try:
        heads = run("SELECT event, tree, digest FROM head").fetchall()
        rows = run("SELECT path, part, data, digest FROM parts").fetchall()
        last = run("SELECT max(number) FROM journal").fetchone()[0] or 0
    finally:
        run("COMMIT")
    if len(heads) != (last > 0):
        raise InsituError(f"it is damaged: {last} events, but {len(heads)} states; restore a backup")
    if not heads:
        return None, {}
    event, tree, digest = check_types(heads[0], (int, str, bytes))
    if digest_of(str(event), tree) != digest or event != last:
        raise InsituError("it is damaged: the digest or the event number of the state is wrong; restore a backup")
    parts: dict[str, dict[int, bytes]] = defaultdict(dict)
    for row in rows:
        path, part, data, digest = check_types(row, (str, int, bytes, bytes))
        if digest_of(path, str(part), data) != digest or part in parts[path]:
            raise InsituError(f"it is damaged: part {part} of {path}; restore a backup")
        parts[path][part] = zlib.decompress(data)
    stored: Arrays = {}

    def array(path: str, kind: np.dtype[Any], shape: list[int]) -> serialization.Array:
        found = stored[path] = serialization.join(path, kind, shape, parts.get(path, {}))
        return found

    model = serialization.rebuild(json.loads(tree), array, records)
    if unused := parts.keys() - stored.keys():
        raise ValueError(f"{min(unused)} is not part of the state")
    if not isinstance(model, Model):
        raise ValueError(f"the state is a {type(model).__name__}")
    arrays: Arrays = {}
    serialization.flatten(model, "model", arrays)
    # arrays of older files may be cut in another way in memory
    return model, {path: arrays[path] if _is_same(arrays.get(path), each) else each for path, each in stored.items()}


def _is_same(new: serialization.Array | Rows | None, stored: serialization.Array | Rows) -> bool:
    return new is not None and new.shape == stored.shape and new.dtype == stored.dtype


def _write_array(
    connection: sqlite3.Connection, path: str, array: serialization.Array | Rows, old: serialization.Array | Rows | None
) -> None:
    parts = serialization.split(path, array)
    if old is not None and len(serialization.split(path, old)) > len(parts):
        connection.execute("DELETE FROM parts WHERE path = ? AND part >= ?", (path, len(parts)))
    rows = []
    for part in serialization.changed_parts(path, old, array):
        data = compressed(np.ascontiguousarray(parts[part]).tobytes())
        rows.append((path, part, data, digest_of(path, str(part), data)))
    connection.executemany("REPLACE INTO parts VALUES (?, ?, ?, ?)", rows)
