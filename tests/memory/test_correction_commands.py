"""insitu memory undo, rename, relabel, remove-example, forget, examples and backup."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from insitu import Memory
from insitu.cli.main import main
from insitu.memory.storage import maintenance


@pytest.fixture
def cups(path: Path) -> Path:
    with Memory.open(path, substrate="digital", dim=16, who="ann") as memory:
        memory.fit(np.eye(4)[[0, 0, 1, 1]] + 0.1 * np.eye(4), ["cup", "cup", "é", "é"])
    return path


def run(capsys: pytest.CaptureFixture[str], *args: object) -> Any:
    assert main(["memory", *map(str, args), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def classes(found: Any) -> dict[Any, int]:
    return {each["label"]: each["examples"] for each in found["classes"]}


def test_each_correction_says_what_it_did_and_what_it_spent(cups: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(capsys, "relabel", cups, 1, "mug")
    assert (classes(found), found["relabelled"], found["event"]) == ({"cup": 1, "mug": 1, "é": 2}, [1, "mug"], 2)
    assert found["spent"]["written_weight"] > 0
    assert classes(run(capsys, "rename", cups, "é", "e")) == {"cup": 1, "mug": 1, "e": 2}
    assert classes(run(capsys, "remove-example", cups, 2, 3)) == {"cup": 1, "mug": 1}
    undone = run(capsys, "undo", cups)
    assert undone["undone"]["kind"] == "remove"
    assert classes(undone) == {"cup": 1, "mug": 1, "e": 1}
    assert classes(run(capsys, "forget", cups, "e", "mug")) == {"cup": 1}
    found = run(capsys, "examples", cups)["examples"]
    assert [(each["id"], each["label"], each["who"], each["stored"]) for each in found] == [(0, "cup", "ann", True)]
    assert run(capsys, "examples", cups, "cup")["examples"] == found
    copy = cups.with_name("copy")
    assert run(capsys, "backup", cups, copy) == {"copy": str(copy)}
    assert maintenance.verify(copy) == maintenance.verify(cups) == 8


def test_what_is_printed_is_for_people(cups: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for args, said in (
        (["examples", "cup"], "     0  cup, by ann at "),
        (["rename", "cup", "mug"], "renamed  cup to mug"),
        (["undo"], "undone   rename of cup, mug, by "),
        (["relabel", "0", "mug"], "moved    example 0 to mug"),
        (["remove-example", "0"], "removed  example 0"),
        (["forget", "é"], "forgotten  é"),
    ):
        assert main(["memory", args[0], str(cups), *args[1:]]) == 0
        assert capsys.readouterr().out.startswith(said)


def test_labels_are_of_the_memorys_kind(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Memory.open(path, substrate="digital", dim=16) as memory:
        memory.fit(np.eye(4), [1, 1, 2, 2])
    assert classes(run(capsys, "rename", path, "1", "7")) == {2: 2, 7: 2}
    assert classes(run(capsys, "relabel", path, "0", "9")) == {2: 2, 7: 1, 9: 1}
    assert main(["memory", "rename", str(path), "2", "two"]) == 2
    assert "labels of this memory are int; got 'two'" in capsys.readouterr().err


@pytest.mark.parametrize("args", [
    ["undo", "PATH"],
    ["undo", "PATH", "2"],
    ["undo", "none"],
    ["undo", "UNTAUGHT"],
    ["rename", "PATH", "cup"],
    ["rename", "PATH", "cup", "é"],
    ["rename", "PATH", "none", "other"],
    ["relabel", "PATH", "99", "cup"],
    ["relabel", "PATH", "-1", "cup"],
    ["relabel", "PATH", "0", "cup"],
    ["remove-example", "PATH"],
    ["remove-example", "PATH", "0", "99"],
    ["examples", "PATH", "none"],
    ["examples", "PATH", "a", "b"],
    ["forget", "PATH", "cup", "none"],
    ["backup", "PATH", "PATH"],
])  # fmt: skip
def test_a_wrong_command_is_one_line_and_changes_nothing(
    cups: Path, args: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Memory.open(cups.with_name("UNTAUGHT"), substrate="digital").close()
    paths = {"PATH": str(cups), "none": str(cups.with_name("none")), "UNTAUGHT": str(cups.with_name("UNTAUGHT"))}
    given = [args[0], paths[args[1]], *(paths.get(arg, arg) if args[0] == "backup" else arg for arg in args[2:])]
    assert main(["memory", *given]) == 2
    said = capsys.readouterr()
    assert (said.out, len(said.err.splitlines())) == ("", 1)
    assert maintenance.verify(cups) == 1


@pytest.mark.parametrize(("args", "said"), [
    (["rename", "PATH", "cup"], "insitu memory rename PATH LABEL NEW"),
    (["backup", "PATH"], "insitu memory backup PATH OUT"),
    (["info", "PATH", "--jsn"], "insitu memory info PATH [--json]"),
    (["inf", "PATH"], "did you mean info?"),
    (["relabel", "PATH", "99", "cup"], "has no example 99"),
])  # fmt: skip
def test_a_wrong_command_says_how_it_is_used(
    cups: Path, args: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["memory", *(str(cups) if arg == "PATH" else arg for arg in args)]) == 2
    assert said in capsys.readouterr().err


def test_a_class_is_found_and_named_in_composed_form(cups: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(cups)
    for words in (["relabel", "0", "cafe\u0301"], ["rename", "cafe\u0301", "the\u0301"], ["examples", "the\u0301"]):
        assert main(["memory", words[0], path, *words[1:]]) == 0
    assert "th\u00e9" in capsys.readouterr().out
    with Memory.open(cups, readonly=True) as memory:
        assert not any("\u0301" in label for label in memory.classes_.tolist())
