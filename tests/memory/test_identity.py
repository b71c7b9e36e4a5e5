"""One process and one file: forked children, deleted or replaced files and hard links are rejected without harm."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import syncs
from points import answers, some

from insitu import Memory
from insitu.core import InsituError
from insitu.memory.storage import maintenance

FORK = """
import os, sys
sys.path.insert(0, {tests!r})
from points import some
from insitu import Memory
from insitu.core import InsituError

path = {path!r}
memory = Memory.open(path, substrate="digital", dim=16)
memory.fit(*some([0, 1]))
child = os.fork()
if not child:
    said = []
    for act in (
        lambda: memory.partial_fit(*some([2])),
        lambda: memory.forget("class 0"),
        lambda: memory.replay("digital"),
        lambda: Memory.open(path),
    ):
        try:
            act()
        except InsituError as error:
            said.append("fork" in str(error))
    memory.predict(some([0])[0])  # needs no file
    memory.close()
    del memory
    print(said, flush=True)
    sys.exit(0)  # with all that an interpreter does at its end
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
memory.partial_fit(*some([3]))
import subprocess
command = [sys.executable, "-m", "insitu", "memory", "forget", path, "class 0"]
said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
assert "being written by another process" in said, said
memory.close()
"""


HELD = """
import os, sys, threading
sys.path.insert(0, {tests!r})
from points import some
from insitu import Memory

memory = Memory("digital", dim=16).fit(*some([0, 1]))
held, done = threading.Event(), threading.Event()


def hold():
    with memory._lock:
        held.set()
        done.wait()


threading.Thread(target=hold).start()
held.wait()
child = os.fork()
if not child:
    memory.partial_fit(*some([2]))
    assert len(memory.classes_) == 3
    os._exit(0)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
done.set()
sys.exit(code)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_does_not_wait_for_a_thread_that_it_does_not_have() -> None:
    script = HELD.format(tests=str(Path(__file__).parent))
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", script], start_new_session=True) as process:
        try:
            assert process.wait(timeout=120) == 0
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def test_a_forked_child_is_refused_and_the_parent_goes_on(path: Path) -> None:
    script = FORK.format(tests=str(Path(__file__).parent), path=str(path))
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0] == "[True, True, True, True]"
    assert maintenance.verify(path) == 2
    with Memory.open(path) as memory:
        assert list(memory.classes_) == ["class 0", "class 1", "class 3"]


@pytest.mark.parametrize("beside", ["", "-wal", "-shm", "-lock"])
@pytest.mark.parametrize("how", ["deleted", "moved", "replaced"])
def test_a_file_that_is_gone_is_noticed_at_the_next_event(taught: Path, beside: str, how: str) -> None:
    with Memory.open(taught) as memory:
        gone = Path(f"{taught}{beside}")
        content = gone.read_bytes() if how == "replaced" and beside != "-lock" else b""
        if how == "deleted":
            gone.unlink()
        else:
            gone.rename(f"{gone}.away")
        if how == "replaced":
            gone.write_bytes(content)
        for act in (lambda: memory.partial_fit(*some([5])), lambda: memory.age(1), lambda: memory.forget("class 0")):
            with pytest.raises(InsituError, match=r"replaced by another" if how == "replaced" else "deleted or moved"):
                act()
        saved = taught.with_name("saved.insitu")
        with memory.replay(path=saved) as copy:
            assert np.array_equal(answers(copy), answers(memory))
    assert maintenance.verify(saved) == 4


def test_a_folder_that_is_gone_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with Memory.open(folder / "a.insitu", dim=16) as memory:
        memory.fit(*some([0, 1]))
        folder.rename(tmp_path / "elsewhere")
        with pytest.raises(InsituError, match="deleted or moved"):
            memory.partial_fit(*some([2]))
    assert maintenance.verify(tmp_path / "elsewhere" / "a.insitu") == 1


@pytest.mark.parametrize("readonly", [False, True])
@pytest.mark.parametrize("open_too", [False, True])
def test_a_second_name_of_a_file_is_refused_and_a_symbolic_link_is_not(
    taught: Path, readonly: bool, open_too: bool
) -> None:
    link = taught.with_name("link.insitu")
    held = Memory.open(taught) if open_too else None
    os.link(taught, link)
    with pytest.raises(InsituError, match="hard link"):
        Memory.open(link, readonly=readonly)
    assert {file.name for file in taught.parent.iterdir() if "link" in file.name} <= {"link.insitu", "link.insitu-lock"}
    link.unlink()
    if held is not None:
        held.partial_fit(*some([5]))
        held.close()
    link.symlink_to(taught)
    with Memory.open(link, readonly=readonly) as memory:
        assert "class 0" in memory.classes_


def test_every_event_is_on_the_disk_before_it_is_acknowledged(path: Path) -> None:
    sqlite = syncs.library()
    if sqlite is None:
        pytest.skip("SQLite is built into this Python, where its layer of files cannot be reached")
    with syncs.counted(sqlite) as counts:
        with Memory.open(path, substrate="digital", dim=16) as memory:
            assert counts["other"], "the new file"
            for number in range(4):
                before = counts["-wal"]
                memory.partial_fit(*some([number], 1))
                assert counts["-wal"] > before
        assert memory._store is not None
    with Memory.open(path) as memory:
        assert memory._store is not None
        run = memory._store._connection.execute
        assert run("PRAGMA synchronous").fetchone() == (2,), "full"
        assert run("PRAGMA journal_mode").fetchone() == ("wal",)
