"""The log of an earlier file is never applied to another one of the same name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from points import answers, some

from insitu import Memory
from insitu.core import InsituError
from insitu.memory.storage import interchange, maintenance

KILLED = """
import os, sys
sys.path.insert(0, {tests!r})
from points import some
from insitu import Memory
memory = Memory.open({path!r}, substrate="digital", dim=16)
memory.fit(*some({classes}))
os._exit(0)  # as one that was killed: the log stays
"""


def killed(path: Path, classes: list[int]) -> None:
    script = KILLED.format(tests=str(Path(__file__).parent), path=str(path), classes=classes)
    subprocess.run([sys.executable, "-c", script], check=True)
    assert Path(f"{path}-wal").stat().st_size


def beside(path: Path) -> set[str]:
    return {file.name.removeprefix(path.name) for file in path.parent.glob(f"{path.name}-*")} - {"-lock"}


def _created(taught: Path, path: Path) -> object:
    return Memory.open(path, substrate="digital", dim=16)


def _imported(taught: Path, path: Path) -> object:
    interchange.export_memory(taught, taught.with_name("out"))
    return interchange.import_memory(taught.with_name("out"), path)


def _replayed(taught: Path, path: Path) -> object:
    with Memory.open(taught, readonly=True) as memory:
        return memory.replay("digital", path=path)


def _backed_up(taught: Path, path: Path) -> object:
    return maintenance.back_up(taught, path)


@pytest.mark.parametrize("ending", ["-wal", "-shm", "-journal"])
@pytest.mark.parametrize("make", [_created, _imported, _replayed, _backed_up])
def test_no_new_file_is_made_next_to_the_log_of_an_earlier_one(
    taught: Path, make: Callable[[Path, Path], object], ending: str
) -> None:
    path = taught.with_name("new.insitu")
    log = Path(f"{path}{ending}")
    log.write_bytes(b"of an earlier file")
    with pytest.raises(InsituError, match=f"{ending} of an earlier file would be applied") as caught:
        make(taught, path)
    assert "\n" not in str(caught.value)
    assert not path.exists()
    assert log.read_bytes() == b"of an earlier file"


@pytest.mark.parametrize("how", ["deleted", "moved", "replaced"])
def test_a_memory_whose_file_is_gone_leaves_no_log(path: Path, how: str) -> None:
    away, other = path.with_name("away"), path.with_name("other")
    with Memory.open(other, substrate="digital", dim=16) as memory:
        memory.fit(*some([7, 8]))
    memory = Memory.open(path, substrate="digital", dim=16).fit(*some([0, 1]))
    if how == "deleted":
        path.unlink()
    else:
        path.rename(away)
    if how == "replaced":
        shutil.copy(other, path)
    memory.close()
    assert not beside(path)
    with Memory.open(path, substrate="digital", dim=16) as fresh:
        assert getattr(fresh, "classes_", np.array([])).tolist() == (
            ["class 7", "class 8"] if how == "replaced" else []
        )
    if how != "deleted":
        assert maintenance.verify(away) == 1


def test_a_file_that_was_restored_without_its_log_is_refused(tmp_path: Path) -> None:
    path, other = tmp_path / "c.insitu", tmp_path / "c.bak"
    with Memory.open(path, substrate="digital", dim=16) as memory:
        memory.fit(*some([4, 5]))
    shutil.copy(path, other)
    killed(path, [0, 1])
    for step in ("older copy", "another memory"):
        path.unlink()
        if step == "another memory":
            other.unlink()
            with Memory.open(other, substrate="digital", dim=16) as memory:
                memory.fit(*some([4, 5]))
            Path(f"{path}-shm").unlink()
        shutil.copy(other, path)
        for readonly in (True, False):
            with pytest.raises(InsituError, match=r"-wal is the log of another file .* delete .*-wal and .*-shm"):
                Memory.open(path, readonly=readonly)
        assert path.read_bytes() == other.read_bytes()
    for ending in beside(path):
        Path(f"{path}{ending}").unlink()
    with Memory.open(path) as memory:
        assert memory.classes_.tolist() == ["class 4", "class 5"]


@pytest.mark.parametrize("index", [True, False])
def test_the_log_of_a_killed_process_is_taken_up(path: Path, index: bool) -> None:
    killed(path, [0, 1])
    if not index:
        Path(f"{path}-shm").unlink()
    with Memory.open(path) as memory:
        assert memory.classes_.tolist() == ["class 0", "class 1"]
        memory.partial_fit(*some([2]))
    assert maintenance.verify(path) == 2
    assert not beside(path)


def test_reading_leaves_nothing_next_to_the_file(taught: Path) -> None:
    before, changed = taught.read_bytes(), taught.stat().st_mtime_ns
    maintenance.info(taught)
    maintenance.verify(taught)
    with Memory.open(taught, readonly=True) as memory:
        assert np.isfinite(answers(memory)).all()
    assert not beside(taught)
    assert (taught.read_bytes(), taught.stat().st_mtime_ns) == (before, changed)
    with Memory.open(taught) as writer, Memory.open(taught, readonly=True):
        writer.partial_fit(*some([9]))
        assert os.path.exists(f"{taught}-wal")  # noqa: PTH110  # a name with an ending, not another path
    assert not beside(taught)
    assert maintenance.verify(taught) == 5


def test_damage_next_to_a_log_says_that_the_log_goes_too(path: Path) -> None:
    killed(path, [0, 1])
    Path(f"{path}-shm").unlink()
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(
        InsituError, match=r"restore a backup.*; delete .*-wal and .*-shm with the damaged file"
    ) as caught:
        Memory.open(path, readonly=True)
    assert "\n" not in str(caught.value)
