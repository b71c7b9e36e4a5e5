"""Ctrl-C in the middle of a seed: finished arms are kept, and the next run goes on with the same numbers."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from insitu.cli.main import main

SESSIONS, AGES = 4, 2
OF_AN_ARM = SESSIONS * AGES  # predictions


class Interrupted:
    """Counts predictions and preparations of all arms, and presses Ctrl-C before one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kind = importlib.import_module("insitu.learners.noisy_mean").NoisyMean
        self.stop_at: int | None = None
        self.predicted = 0
        self.prepared = 0
        predict, prepare = self.kind.predict, self.kind.prepare

        def predicting(*given: Any) -> Any:
            if self.predicted == self.stop_at:
                raise KeyboardInterrupt
            self.predicted += 1
            return predict(*given)

        def preparing(*given: Any) -> Any:
            self.prepared += 1
            return prepare(*given)

        monkeypatch.setattr(self.kind, "predict", predicting)
        monkeypatch.setattr(self.kind, "prepare", preparing)


@pytest.fixture
def learner(fakes: Path, monkeypatch: pytest.MonkeyPatch) -> Interrupted:
    return Interrupted(monkeypatch)


def rows_in(folder: Path) -> Any:
    return json.loads((folder / "report.json").read_text())["rows"]


@pytest.mark.parametrize("stop_at", [0, 1, OF_AN_ARM - 1, OF_AN_ARM, OF_AN_ARM + 1, 2 * OF_AN_ARM - 1, 3 * OF_AN_ARM])
def test_at_most_the_arm_that_runs_is_lost_and_the_rest_is_the_same(
    tmp_path: Path, learner: Interrupted, stop_at: int, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "fake-table", "--seeds", "2", "--out"]
    assert main([*words, str(tmp_path / "whole")]) == 0
    learner.predicted, learner.stop_at = 0, stop_at
    assert main([*words, str(tmp_path / "parts")]) == 130
    said = capsys.readouterr().err
    assert ("float" in said.splitlines()[-1]) == (stop_at % (2 * OF_AN_ARM) >= OF_AN_ARM)
    learner.predicted, learner.stop_at = 0, None
    assert main([*words, str(tmp_path / "parts")]) == 0
    finished = stop_at // OF_AN_ARM
    assert learner.predicted == (4 - finished) * OF_AN_ARM
    assert rows_in(tmp_path / "parts") == rows_in(tmp_path / "whole")
    assert not list(tmp_path.rglob("*.part.json"))


def test_a_finished_arm_is_on_disk_before_the_next_one_computes(
    tmp_path: Path, learner: Interrupted, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    learn = learner.kind.learn

    def learning(*given: Any) -> Any:
        seen.append(len(list(tmp_path.rglob("*.part.json"))))
        return learn(*given)

    monkeypatch.setattr(learner.kind, "learn", learning)
    assert main(["run", "fake-table", "--seeds", "1", "--out", str(tmp_path)]) == 0
    assert seen == [0, 0, 0, 1, 1, 1]


def test_a_damaged_part_is_computed_again(tmp_path: Path, learner: Interrupted) -> None:
    words = ["run", "fake-table", "--seeds", "1", "--out", str(tmp_path)]
    learner.stop_at = OF_AN_ARM + 1
    assert main(words) == 130
    next(tmp_path.rglob("*.part.json")).write_text('{"seed": 0, "rows": [')
    learner.predicted, learner.stop_at = 0, None
    assert main(words) == 0
    assert learner.predicted == 2 * OF_AN_ARM


def test_a_part_of_another_composition_is_not_taken(tmp_path: Path, learner: Interrupted) -> None:
    words = ["run", "fake-table", "--seeds", "1", "--out", str(tmp_path)]
    learner.stop_at = OF_AN_ARM + 1
    assert main(words) == 130
    learner.predicted, learner.stop_at = 0, None
    assert main([*words, "--scenario.width", "0.5"]) == 0
    assert learner.predicted == 2 * OF_AN_ARM
