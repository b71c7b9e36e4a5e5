"""No report replaces that of another composition; the same command finds its own again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from insitu import run
from insitu.cli.main import main
from insitu.learners.cwr_star import CwrStar
from insitu.report import composition
from insitu.report.run_folders import Identity
from insitu.scenarios.arm_trajectories import ArmTrajectories

pytestmark = pytest.mark.usefixtures("fakes")
CHANGED = ["--learner.noise", "0.1"]


def reports(folder: Path) -> dict[str, dict[str, Any]]:
    return {str(file.parent.relative_to(folder)): json.loads(file.read_text()) for file in folder.rglob("report.json")}


def call(*words: str) -> None:
    assert main(["run", "fake-table", *words]) == 0


def test_a_changed_run_has_a_folder_that_names_the_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    call("--quick")
    before = (tmp_path / "runs" / "fake-table-quick" / "report.json").read_bytes()
    call("--quick", *CHANGED)
    held = reports(tmp_path / "runs")
    assert set(held) == {"fake-table-quick", "fake-table-quick-learner.noise-0.1"}
    assert (tmp_path / "runs" / "fake-table-quick" / "report.json").read_bytes() == before
    assert held["fake-table-quick-learner.noise-0.1"]["changes"][0]["after"] == "0.1"


@pytest.mark.parametrize("first", [[], CHANGED, ["--quick"], ["--scenario.steps", "2"]])
@pytest.mark.parametrize("second", [[], CHANGED, ["--quick"], ["--learner.held.device", "pcm-joshi2020"]])
def test_a_folder_of_the_users_keeps_the_first_report(tmp_path: Path, first: list[str], second: list[str]) -> None:
    out = ["--seeds", "1", "--out", str(tmp_path)]
    call(*first, *out)
    before = reports(tmp_path)
    call(*second, *out)
    after = reports(tmp_path)
    assert after["."]["rows"] == before["."]["rows"]
    assert after["."]["changes"] == before["."]["changes"]
    assert len(after) == 1 + (first != second)


def test_a_folder_that_is_named_is_taken_though_it_is_the_default_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call("--seeds", "1", *CHANGED, "--out", "runs/fake-table")
    call("--seeds", "1", *CHANGED, "--out=runs/fake-table")
    assert set(reports(tmp_path / "runs")) == {"fake-table"}


def test_the_same_command_goes_on_in_the_folder_it_took(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call("--seeds", "1", "--out", str(tmp_path))
    call("--seeds", "1", *CHANGED, "--out", str(tmp_path))
    before = reports(tmp_path)

    def none(*_: Any) -> Any:
        raise AssertionError("computed again")

    monkeypatch.setattr(run, "rows", none)
    call("--seeds", "1", *CHANGED, "--out", str(tmp_path))
    call("--seeds", "1", "--out", str(tmp_path))
    assert {name: held["rows"] for name, held in reports(tmp_path).items()} == {
        name: held["rows"] for name, held in before.items()
    }


def test_a_report_of_fewer_seeds_does_not_replace_one_of_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call("--seeds", "3", "--out", str(tmp_path))
    call("--seeds", "2", "--out", str(tmp_path))
    assert "2 of 2 seeds were found finished" in capsys.readouterr().out
    held = reports(tmp_path)
    assert len(held.pop(".")["seeds"]) == 3
    [fewer] = held.values()
    assert len(fewer["seeds"]) == 2


def test_report_finds_all_reports_below_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call("--quick", "--out", str(tmp_path / "runs" / "a"))
    call("--quick", *CHANGED, "--out", str(tmp_path / "runs" / "b"))
    capsys.readouterr()
    assert main(["report", str(tmp_path / "runs")]) == 0
    said = capsys.readouterr().out
    assert str(tmp_path / "runs" / "a" / "report.html") in said
    assert str(tmp_path / "runs" / "b" / "report.html") in said
    assert main(["report", str(tmp_path / "runs" / "a")]) == 0
    assert str(tmp_path / "runs" / "b") not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("after", "name"),
    [
        ("4", "x-learner.update-bits-4"),
        ("a/b c", "x-learner.update-bits-a_b_c-"),
        ("y" * 300, "x-learner.update-bits-yyy"),
    ],
)
def test_names_of_folders_are_readable_and_safe(after: str, name: str) -> None:
    found = Identity("x", False, (("learner.update_bits", after),), "", False).name(sweeps=False)
    assert found.startswith(name)
    assert len(found) < 120
    assert "/" not in found
    assert found != Identity("x", False, (("learner.update_bits", after + "1"),), "", False).name(sweeps=False)


def test_a_run_without_its_sweep_is_another() -> None:
    with_, without = (Identity("x", False, (), "", swept) for swept in (True, False))
    assert with_.name(sweeps=True) == "x"
    assert without.name(sweeps=True) == "x-no-sweep"


def test_own_files_of_one_name_and_other_content_are_other_inputs(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    files = [tmp_path / "mine.csv", tmp_path / "other" / "mine.csv"]
    for place, file in enumerate(files):
        file.write_text(f"q1,q2\n0,{place}\n")
    first, second = (composition.inputs(ArmTrajectories(file=file)) for file in files)
    assert first
    assert first != second
    assert composition.inputs(ArmTrajectories(file=files[0])) == first
    assert composition.inputs(CwrStar()) == ""
    assert composition.inputs(ArmTrajectories()) == ""
    names = [Identity("x", False, (), each, False).name(sweeps=False) for each in (first, second)]
    assert names[0] != names[1]
