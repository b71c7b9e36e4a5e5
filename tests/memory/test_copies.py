"""Copies of a file: the main file alone is complete, a backup is verified, other files are rejected."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from points import answers, some

from insitu import Memory
from insitu.cli.main import main
from insitu.core import InsituError
from insitu.memory.storage import maintenance


def test_the_main_file_alone_holds_all_that_was_taught(path: Path) -> None:
    with Memory.open(path, substrate="digital", dim=16) as memory:
        with Memory.open(shutil.copy(path, path.with_name("new.insitu"))) as copy:
            assert not hasattr(copy, "classes_")
            assert copy.dim == 16
        for number in range(12):
            memory.partial_fit(*some([number], 2))
            alone = Path(shutil.copy(path, path.with_name(f"{number}.insitu")))
            assert maintenance.verify(alone) == number + 1
        with Memory.open(alone, readonly=True) as copy:
            assert np.array_equal(answers(copy), answers(memory))


def test_a_reader_does_not_keep_events_out_of_the_main_file(taught: Path) -> None:
    with Memory.open(taught, readonly=True), Memory.open(taught) as memory:
        memory.partial_fit(*some([7]))
        alone = Path(shutil.copy(taught, taught.with_name("alone.insitu")))
    assert maintenance.verify(alone) == 5


def test_a_file_without_tables_is_damaged_and_left_alone(tmp_path: Path) -> None:
    for name, fill in (("empty", b""), ("shell", None)):
        path = tmp_path / name
        path.write_bytes(b"")
        if fill is None:  # what version 0.1.0 left in its main file until its log was first copied into it
            with sqlite3.connect(path) as other:
                other.execute("PRAGMA journal_mode = WAL")
            other.close()
        before = path.read_bytes()
        for readonly in (True, False):
            with pytest.raises(InsituError, match=r"is damaged: it has no tables|is empty.*damaged") as caught:
                Memory.open(path, readonly=readonly)
            assert "older insitu" not in str(caught.value)
        assert path.read_bytes() == before


def test_a_backup_is_whole_while_it_is_taught(taught: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Memory.open(taught) as memory:
        memory.partial_fit(*some([7]))
        out = taught.with_name("backup.insitu")
        assert main(["memory", "backup", str(taught), str(out)]) == 0
        assert not list(taught.parent.glob("backup.insitu-*")), "one file"
        assert not list(taught.parent.glob(".*")), "nothing is left behind"
        assert maintenance.verify(out) == 5
        with Memory.open(out, readonly=True) as copy:
            assert np.array_equal(answers(copy), answers(memory))
        assert main(["memory", "backup", str(taught), str(out)]) == 2
        assert "already exists" in capsys.readouterr().err
        memory.partial_fit(*some([8]))
    with Memory.open(out) as copy:
        copy.partial_fit(*some([9]))
    assert (maintenance.verify(out), maintenance.verify(taught)) == (6, 6)


def test_what_is_damaged_is_not_copied(taught: Path) -> None:
    with sqlite3.connect(taught) as other:
        other.execute("UPDATE parts SET data = x'00' WHERE part = 0")
    other.close()
    out = taught.with_name("backup.insitu")
    with pytest.raises(InsituError, match="damaged"):
        maintenance.back_up(taught, out)
    assert not out.exists()
    with pytest.raises(InsituError, match="there is no memory"):
        maintenance.back_up(taught.with_name("nowhere"), out)


@pytest.mark.parametrize("wrong", [{"substrate": "pcn"}, {"encoder": "omniglott"}, {"dim": 0}, {"random_state": "x"}])
def test_a_first_start_that_fails_leaves_nothing(path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(InsituError):
        Memory.open(path, **wrong)
    assert not list(path.parent.iterdir())


def test_a_memory_that_was_never_taught_keeps_its_parameters(path: Path) -> None:
    Memory.open(path, substrate="digital", dim=16).close()
    for wrong in ({"dim": 17}, {"substrate": "pcm-hermes2022"}, {"random_state": None}):
        with pytest.raises(InsituError, match=r"created with another .* delete a file that was never taught"):
            Memory.open(path, **wrong)
    with Memory.open(path) as memory:
        assert memory.dim == 16


@pytest.mark.parametrize("name", ["a\ud800b.insitu", "a\0b.insitu", ""])
def test_what_is_no_name_of_a_file_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for readonly in (False, True):
        with pytest.raises(InsituError, match=r"is not a valid file name|is a folder"):
            Memory.open(name, readonly=readonly)


def test_a_name_that_is_no_utf_8_is_taken_as_the_system_takes_it(tmp_path: Path) -> None:
    path = tmp_path / "caf\udce9 #1?.insitu"
    with Memory.open(path, dim=16) as memory:
        memory.fit(*some([0, 1]))
    assert maintenance.verify(path) == 1
    assert path.exists()


@pytest.mark.parametrize("label", ["a\ud800", "a\0", "line\nbreak", "bell\a", "\x85"])
def test_a_teacher_has_a_name_that_can_be_shown_and_a_class_one_that_can_be_kept(taught: Path, label: str) -> None:
    with pytest.raises(InsituError, match="who contains"):
        Memory.open(taught, who=label)
    with Memory.open(taught) as memory:
        before = answers(memory)
        if label == "a\ud800":
            with pytest.raises(InsituError, match="UTF-8"):
                memory.partial_fit(some([0], 1)[0], [label])
            label = "other"
        assert np.array_equal(answers(memory), before)
        memory.partial_fit(some([0], 1)[0], [label])
        assert label in memory.classes_.tolist()
    assert maintenance.verify(taught) == 5


def test_control_characters_in_a_file_do_not_reach_the_terminal(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Memory.open(path, substrate="digital", dim=16) as memory:
        memory.fit(some([0, 1], 1)[0], ["\x1b[2Jclear", "two\nlines é"])
    assert main(["memory", "info", str(path)]) == 0
    said = capsys.readouterr().out
    assert "\\x1b[2Jclear (1), two\\nlines é (1)" in said
    assert "\x1b" not in said


@pytest.mark.parametrize("command", ["info", "verify", "export", "backup", "forget"])
def test_the_command_says_of_every_wrong_file_in_one_line_what_it_is(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty, nul = tmp_path / "empty", "a\0b"
    empty.write_bytes(b"")
    more = [] if command in ("info", "verify") else [str(tmp_path / "out")]
    for path in (str(empty), str(tmp_path), "no\ud800where", nul):
        assert main(["memory", command, path, *more]) in (1, 2)
        said = capsys.readouterr().err
        assert len(said.splitlines()) == 1
        assert "bug" not in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["x" * 300, b"bytes", 3, None, 1.5, ["a"]])
def test_what_is_no_path_is_refused_in_one_line(taught: Path, name: Any) -> None:
    for readonly in (False, True):
        with pytest.raises(InsituError, match=r"is not a valid file name|is text or a Path") as caught:
            Memory.open(name, readonly=readonly)
        assert "\n" not in str(caught.value)
    with Memory.open(taught) as memory:
        if name is not None:
            with pytest.raises(InsituError, match=r"is not a valid file name|is text or a Path"):
                memory.replay("digital", path=name)


def test_a_closed_memory_says_that_it_is_closed(taught: Path) -> None:
    for readonly in (False, True):
        with Memory.open(taught, readonly=readonly) as memory:
            before = answers(memory)
        for act in (lambda: memory.replay("digital"), lambda: memory.age(1), lambda: memory._store.verify()):
            with pytest.raises(InsituError, match="was closed; open it again"):
                act()
        assert np.array_equal(answers(memory), before)


def test_the_seed_of_a_file_is_not_changed(taught: Path) -> None:
    with Memory.open(taught) as memory:
        memory.set_params(random_state=5)
        for act in (lambda: memory.fit(*some([0, 1])), lambda: memory.partial_fit(*some([0])), lambda: memory.age(1)):
            with pytest.raises(InsituError, match="random_state of a stored memory was changed"):
                act()
        memory.set_params(random_state=0).age(1)
    assert maintenance.verify(taught) == 5


@pytest.mark.parametrize("name", [".", "..", "/", "nowhere/..", "", "a\0b", "x" * 300])
def test_an_export_has_a_name(
    taught: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    for command in (["export", str(taught), name], ["import", "new.insitu", name]):
        assert main(["memory", *command]) == 2
        said = capsys.readouterr().err
        assert len(said.splitlines()) == 1
        assert "bug" not in said
    assert sorted(tmp_path.iterdir()) == before
