"""A damaged file, or one that is not a memory, is detected, reported in one line and not changed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from damaging import every
from points import answers

from insitu import Memory
from insitu.core import InsituError, generator
from insitu.memory.storage import maintenance


@pytest.mark.parametrize("table", ["parts", "head", "journal"])
def test_a_changed_row_is_noticed(taught: Path, table: str) -> None:
    with sqlite3.connect(taught) as other:
        other.execute("DROP TRIGGER no_update")
        column = {"parts": "data", "head": "tree", "journal": "at"}[table]
        other.execute(
            f"UPDATE {table} SET {column} = substr({column}, 1, 3) WHERE rowid = (SELECT max(rowid) FROM {table})"
        )
    other.close()
    with pytest.raises(InsituError, match=r"damaged|wrong digest"):
        maintenance.verify(taught)


def test_bytes_that_changed_are_noticed_wherever_they_are(taught: Path) -> None:
    whole, rng = taught.read_bytes(), generator(0, "damage")
    with Memory.open(taught, readonly=True) as memory:
        intact = answers(memory)
    noticed = 0
    for _ in range(30):
        damaged = bytearray(whole)
        place = int(rng.integers(len(whole)))
        damaged[place : place + 64] = rng.bytes(len(damaged[place : place + 64]))
        for name in ("-wal", "-shm"):
            Path(f"{taught}{name}").unlink(missing_ok=True)
        taught.write_bytes(damaged)
        try:
            maintenance.verify(taught)
        except InsituError:
            noticed += 1
        else:  # only what holds nothing: free pages and gaps
            with Memory.open(taught, readonly=True) as memory:
                assert np.array_equal(answers(memory), intact)
    assert noticed > 10


def test_a_changed_byte_is_noticed_or_changes_nothing(tmp_path: Path) -> None:
    """The header and every 17th byte after it; all of them: make soak."""
    outcomes = every(tmp_path, range(100)) + every(tmp_path, range(100, 10**6, 17))
    assert set(outcomes) == {"damaged", "same"}
    assert outcomes["damaged"] > 200


def test_a_changed_byte_does_no_harm_where_it_is_taught(tmp_path: Path) -> None:
    outcomes = every(tmp_path, range(16, 100, 3), write=True) + every(tmp_path, range(100, 10**6, 131), write=True)
    assert set(outcomes) == {"damaged", "same"}


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be one" * 100, b"short"])
def test_what_is_no_memory_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for readonly in (False, True):
        with pytest.raises(InsituError, match="not a memory"):
            Memory.open(path, readonly=readonly)
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE accounts (name)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(InsituError, match="another program"):
        Memory.open(path)
    assert path.read_bytes() == before
    with pytest.raises(InsituError, match="there is no memory"):
        Memory.open(path.with_name("none"), readonly=True)
    assert not path.with_name("none").exists()
