"""A new file of a memory: there with its tables and all that it begins with, or not there."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from insitu.core import whole_file
from insitu.memory.event import Event
from insitu.memory.model import Model
from insitu.memory.storage import header, schema, tables
from insitu.memory.storage.leftovers import check_none_left


def create(path: Path, about: dict[str, Any], events: list[Event], model: Model | None, who: str) -> None:
    """Write a file that was made as ``about`` says and holds these events, and the state after them."""
    check_none_left(path)
    with whole_file(path) as temporary, closing(sqlite3.connect(temporary, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        schema.migrate(connection, 0)
        header.write(connection, about)
        if model is not None:
            tables.write_model(connection, tables.append(connection, events, who), model, {})
        connection.execute("COMMIT")
    keep_name(path)


def keep_name(path: Path) -> None:
    """Have the system write the name of a new file to the disk too, so that a loss of power does not undo it."""
    with contextlib.suppress(PermissionError):  # Windows opens no folders
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
