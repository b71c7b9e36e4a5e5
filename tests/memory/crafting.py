"""Rewrites rows of a memory's file with valid digests, as an attacker would."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from insitu.memory.storage import metadata
from insitu.memory.storage.schema import digest_of


def craft_state(path: Path, change: Callable[[Any], Any]) -> None:
    """Change the tree of the state."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        event, tree = connection.execute("SELECT event, tree FROM head").fetchone()
        changed = json.dumps(change(json.loads(tree)))
        row = (changed, digest_of(str(event), changed))
        connection.execute("UPDATE head SET tree = ?, digest = ?", row)


def craft_parameters(path: Path, change: Callable[[Any], Any]) -> None:
    """Change the parameters."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        (kept,) = connection.execute("SELECT value FROM about WHERE name = 'parameters'").fetchone()
        changed = json.dumps(change(json.loads(kept)))
        connection.execute("UPDATE about SET value = ? WHERE name = 'parameters'", (changed,))
        if connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'seal'").fetchone()[0]:
            metadata.write_digest(connection)


def replaced(tree: Any, old: object, new: object) -> Any:
    """Return a tree of JSON with one value replaced wherever it is."""
    if type(tree) is type(old) and tree == old:
        return new
    if isinstance(tree, dict):
        return {key: replaced(each, old, new) for key, each in tree.items()}
    return [replaced(each, old, new) for each in tree] if isinstance(tree, list) else tree
