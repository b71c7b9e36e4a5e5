"""A file that is changed in place while a memory has it open is detected at the next event."""

from __future__ import annotations

import copy
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from points import answers, some

from insitu import Memory
from insitu.core import InsituError
from insitu.memory.storage import maintenance


def _restored(path: Path) -> None:
    shutil.copyfile(path.with_name("older"), path)


def _zeroed(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(bytes(size - size // 2))


WAYS: dict[str, Callable[[Path], object]] = {
    "emptied": lambda path: os.truncate(path, 0),
    "cut": lambda path: os.truncate(path, path.stat().st_size // 2),
    "longer": lambda path: os.truncate(path, path.stat().st_size + 4096),
    "other bytes": lambda path: path.write_bytes(os.urandom(path.stat().st_size)),
    "zeros in it": _zeroed,
    "an older copy": _restored,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_file_overwritten_in_place_takes_no_event(path: Path, way: str) -> None:
    with Memory.open(path, substrate="digital", dim=16) as memory:
        memory.fit(*some([0, 1]))
        shutil.copyfile(path, path.with_name("older"))
        memory.partial_fit(*some([2]))
        before, number = answers(memory), path.stat().st_ino
        WAYS[way](path)
        assert path.stat().st_ino == number
        os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 1))  # clocks of files tick slowly
        for act in (lambda: memory.partial_fit(*some([3])), lambda: memory.age(1), lambda: memory.forget("class 0")):
            with pytest.raises(InsituError, match="emptied or overwritten by another program") as caught:
                act()
            assert "\n" not in str(caught.value)
        assert np.array_equal(answers(copy.deepcopy(memory)), before)


def test_a_file_that_only_got_another_time_goes_on(taught: Path) -> None:
    with Memory.open(taught) as memory:
        for number in (5, 6):
            os.utime(taught, (1, number))
            memory.partial_fit(*some([number]))
    assert maintenance.verify(taught) == 6


CHANGES = (
    "DELETE FROM journal WHERE number = 2",
    "DELETE FROM journal WHERE number = 4",
    "UPDATE journal SET who = 'bob' WHERE number = 1",
    "UPDATE journal SET seconds = 7 WHERE number = 4",
    "UPDATE journal SET labels = replace(labels, '0', '9') WHERE number = 1",
)


@pytest.mark.parametrize("change", CHANGES)
def test_a_journal_that_was_edited_is_not_taught(taught: Path, change: str) -> None:
    with closing(sqlite3.connect(taught, isolation_level=None)) as other:
        triggers = other.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            other.execute(f"DROP TRIGGER {name}")
        other.execute(change)
        for _, statement in triggers:
            other.execute(statement)
    before = taught.read_bytes()
    with pytest.raises(InsituError, match=r"damaged.*restore a backup"):
        Memory.open(taught)
    assert taught.read_bytes() == before


def test_the_statistics_of_sqlite_are_no_damage_and_other_tables_are_named(taught: Path) -> None:
    with closing(sqlite3.connect(taught, isolation_level=None)) as other:
        other.execute("ANALYZE")
    with Memory.open(taught) as memory:
        memory.partial_fit(*some([5]))
    assert maintenance.verify(taught) == 5
    with closing(sqlite3.connect(taught, isolation_level=None)) as other:
        other.execute("CREATE TABLE notes (a)")
    with pytest.raises(InsituError, match=r"table 'notes'"):
        Memory.open(taught)
