"""'insitu run' from words to report: every seed kept, none computed twice, nothing half-written."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from insitu import run
from insitu.cli.main import main
from insitu.experiments import Experiment
from insitu.metrics import Row

pytestmark = pytest.mark.usefixtures("fakes")


def report_in(folder: Path) -> dict[str, Any]:
    held: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return held


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seeds that the loop was asked for."""
    seeds: list[int] = []
    loop = run.rows

    def rows(experiment: Experiment, seed: int) -> Iterator[Row]:
        seeds.append(seed)
        return loop(experiment, seed)

    monkeypatch.setattr(run, "rows", rows)
    return seeds


def test_a_run_gives_tables_json_and_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "fake-table", "--out", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    for piece in ("Session by session", "harmonic", "per class learned", "Claims", "not measured", "met", "1 day"):
        assert piece in captured.out
    assert str(tmp_path / "report.html") in captured.out
    assert str(tmp_path / "report.json") in captured.out
    assert "seed 2 device:" in captured.err
    held = report_in(tmp_path)
    assert held["schema"] == 3
    assert held["experiment"] == "fake-table"
    assert held["title"].startswith("A table of a paper")
    assert held["seeds"] == [0, 1, 2]
    assert held["changes"] == []
    assert held["quick"] is False
    assert len(held["rows"]) == 3 * 2 * 4 * 2  # seeds, arms, sessions, ages
    assert held["composition"]["fields"]["learner"]["fields"]["held"]["type"] == "Held"
    assert {claim["name"]: claim["verdict"] for claim in held["claims"]} == {
        "gap": "met in the median",
        "end": "missed",
        "ten years": "not measured",
        "drop": "reported",
    }
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def test_finished_seeds_are_not_computed_again(
    tmp_path: Path, computed: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "fake_table", "--out", str(tmp_path)]
    assert main([*words, "--seeds", "2"]) == 0
    first = report_in(tmp_path)["rows"]
    assert main([*words, "--seeds", "3"]) == 0
    assert computed == [0, 1, 2]
    assert report_in(tmp_path)["rows"][: len(first)] == first
    assert "2 of 3 seeds were found finished" in capsys.readouterr().out


def test_another_composition_is_computed_anew_and_the_old_one_kept(tmp_path: Path, computed: list[int]) -> None:
    words = ["run", "fake-table", "--seeds", "1", "--out", str(tmp_path)]
    assert main(words) == 0
    assert main([*words, "--learner.held.adc-bits", "6"]) == 0
    assert main(words) == 0
    assert computed == [0, 0]


def test_ctrl_c_keeps_finished_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loop = run.rows
    seeds = []

    def rows(experiment: Experiment, seed: int) -> Iterator[Row]:
        seeds.append(seed)
        if len(seeds) == 2:
            raise KeyboardInterrupt
        return loop(experiment, seed)

    monkeypatch.setattr(run, "rows", rows)
    words = ["run", "fake-table", "--out", str(tmp_path)]
    assert main(words) == 130
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("insitu: interrupted; 1 of 3 seeds are kept in ")
    assert not (tmp_path / "report.json").exists()
    assert main(words) == 0
    assert seeds == [0, 1, 1, 2]


def test_a_resumed_run_is_identical(tmp_path: Path) -> None:
    assert main(["run", "fake-table", "--out", str(tmp_path / "whole")]) == 0
    assert main(["run", "fake-table", "--out", str(tmp_path / "parts"), "--seeds", "1"]) == 0
    assert main(["run", "fake-table", "--out", str(tmp_path / "parts")]) == 0
    assert report_in(tmp_path / "parts")["rows"] == report_in(tmp_path / "whole")["rows"]


def test_a_damaged_seed_is_computed_again(tmp_path: Path, computed: list[int]) -> None:
    words = ["run", "fake-table", "--seeds", "2", "--out", str(tmp_path)]
    assert main(words) == 0
    next(tmp_path.rglob("seed-0001.json")).write_text('{"seed": 1, "rows"')
    assert main(words) == 0
    assert computed == [0, 1, 1]


def test_quick_takes_the_quick_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "fake-table", "--quick", "--out", str(tmp_path)]) == 0
    held = report_in(tmp_path)
    assert held["quick"] is True
    assert held["seeds"] == [0]
    assert held["composition"]["fields"]["scenario"]["fields"]["steps"] == 1
    assert "Quick variant" in capsys.readouterr().out


def test_results_go_to_runs_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", "fake-table", "--quick"]) == 0
    assert (tmp_path / "runs" / "fake-table-quick" / "report.json").is_file()


def test_changed_fields_are_named_in_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "fake-table", "--seeds", "1", "--out", str(tmp_path)]
    words += ["--learner.held.device", "pcm-joshi2020", "--learner.noise", "0.1"]
    assert main(words) == 0
    assert report_in(tmp_path)["changes"] == [
        {"field": "learner.noise", "before": "0.3", "after": "0.1"},
        {"field": "learner.held.device", "before": "Ideal", "after": "PcmJoshi2020"},
    ]
    assert "Not the published composition: learner.noise 0.3 → 0.1" in capsys.readouterr().out


@pytest.mark.parametrize("args", [["--seeds", "0"], ["--learner.noise=-1"], ["--learner.nois", "1"], ["--seeds", "x"]])
def test_a_wrong_flag_ends_before_anything_is_written(
    args: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "fake-table", "--out", str(tmp_path / "new"), *args]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_an_unwritable_folder_is_refused_at_once(
    tmp_path: Path, computed: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["run", "fake-table", "--out", str(tmp_path / "file" / "below")]) == 1
    error = capsys.readouterr().err
    assert "choose another --out" in error
    assert error.count("\n") == 1
    assert computed == []


def test_a_full_disk_at_the_report_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        if self.name.startswith(".report.json"):
            write(self, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    assert main(["run", "fake-table", "--quick", "--out", str(tmp_path)]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert "No space left on device; free some space" in last
    assert [file.name for file in tmp_path.iterdir()] == ["seeds"]


def test_help_of_an_experiment_lists_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["run", "fake-table", "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert "--learner.held.adc-bits INT" in text
    assert "of the converter; 0 is exact" in text
    assert "--claims" not in text


def test_reports_name_no_host_and_no_path(tmp_path: Path) -> None:
    import getpass
    import platform

    assert main(["run", "fake-table", "--quick", "--out", str(tmp_path)]) == 0
    for file in (tmp_path / "report.json", tmp_path / "report.html"):
        text = file.read_text()
        assert str(tmp_path) not in text
        assert str(Path.home()) + "/" not in text
        if len(platform.node()) > 4:
            assert platform.node() not in text
        if len(getpass.getuser()) > 4:
            assert getpass.getuser() not in text
