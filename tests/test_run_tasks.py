"""The loop over short tasks: a row per arm, step and age, each over all tasks, and what a task costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from insitu import run
from insitu.core import InsituError
from insitu.experiments import Variant
from insitu.learners.maml import Maml
from insitu.learners.nearest_mean import NearestMean
from insitu.metrics import Row
from insitu.protocols import Session
from insitu.report.seed_cache import Seed, Store, compute
from insitu.substrates.digital import Digital
from patterned import EXPERIMENT, WAYS, Patterns, base, rows


def test_there_is_a_row_per_arm_age_and_step() -> None:
    found = [(row["arm"], row["age_s"], row["session"]) for row in rows() if row["seed"] == 0]
    steps: dict[str, Any] = {"baseline": range(3), "learner": range(3), "one shot": range(3), "memory": [1]}
    assert found == [(arm, age, step) for arm, own in steps.items() for age in EXPERIMENT.ages_s for step in own]
    assert all(row["tasks"] == 6 and row["classes"] == WAYS for row in rows())


def test_only_devices_are_written_and_a_task_has_its_share() -> None:
    for row in rows():
        written = row["arm"] == "learner" and row["session"] in (1, 2)
        assert ("rewritten" in row) == written
        assert ("spent_program_and_verify" in row) == (row["arm"] == "learner")
        if written:
            most = 2 * base().head.numel()  # two signs
            assert 0 < float(row["rewritten"]) <= most


def test_equal_seeds_give_equal_rows_and_another_age_changes_no_row() -> None:
    young = replace(EXPERIMENT, ages_s=(60.0,))
    assert list(run.rows(young, 0)) == [row for row in rows() if row["seed"] == 0 and row["age_s"] == 60.0]


def test_a_learner_of_streams_is_refused() -> None:
    with pytest.raises(InsituError, match=r"NearestMean learns .* of features, not episodes of features"):
        list(run.rows(replace(EXPERIMENT, baseline=NearestMean()), 0))


def test_arms_have_names_of_their_own() -> None:
    with pytest.raises(InsituError, match="every variant has its own name"):
        replace(EXPERIMENT, variants=(Variant("PCM", Maml()),))


def test_tasks_come_when_the_weights_are_of_that_age(monkeypatch: pytest.MonkeyPatch) -> None:
    """Learned at the session's time plus the age, and asked then, or ``query_delay_s`` after."""
    learned: list[float] = []
    asked: list[float] = []
    learn, each = Maml.learn, Maml.predict_each

    def learning(self: Maml, state: Any, examples: Any, now_s: float, rng: Any) -> Any:
        learned.append(now_s)
        return learn(self, state, examples, now_s, rng)

    def asking(self: Maml, state: Any, x: Any, now_s: float, rng: Any) -> Any:
        asked.append(now_s)
        return each(self, state, x, now_s, rng)

    monkeypatch.setattr(Maml, "learn", learning)
    monkeypatch.setattr(Maml, "predict_each", asking)
    later = (Variant("later", EXPERIMENT.learner, query_delay_s=500.0),)
    list(run.rows(replace(EXPERIMENT, variants=later, ages_s=(60.0, 7000.0)), 0))
    sessions = [s for s in EXPERIMENT.scenario.sessions(EXPERIMENT.data, 0) if s.train is not None]
    expected = [s.time_s + age_s for age_s in (60.0, 7000.0) for s in sessions]
    assert learned == 3 * expected
    assert asked == 2 * expected + [now_s + 500.0 for now_s in expected]


@dataclass(frozen=True)
class SharedPatterns(Patterns):
    """The same tasks for all seeds."""

    def sessions(self, data: str, seed: int) -> Iterator[Session]:
        return super().sessions(data, 0)

    def drawn(self, data: str) -> str:
        return ""


class Silent:
    """Shows nothing."""

    def begin(self, seed: int) -> None: ...

    def row(self, row: Row) -> None: ...

    def end(self, seed: Seed, reused: bool) -> None: ...


def test_software_on_shared_tasks_is_run_once_and_chips_for_every_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounding = Variant("few bits", Maml(steps=2, substrate=Digital(), bits=4))  # draws, but no device
    shared = replace(EXPERIMENT, scenario=SharedPatterns(), seeds=3, variants=(rounding,), ages_s=(60.0,))
    expected = [sorted(run.rows(shared, seed), key=str) for seed in range(3)]
    prepared: list[bool] = []
    prepare = Maml.prepare

    def preparing(self: Maml, *given: Any) -> Any:
        prepared.append(self.substrate.exact)
        return prepare(self, *given)

    monkeypatch.setattr(Maml, "prepare", preparing)
    seeds, _ = compute(shared, Store.open(tmp_path, "key"), run.rows, Silent())
    assert [sorted(seed.rows, key=str) for seed in seeds] == expected
    assert prepared == [True, False, True, False, False]
    software = [[row["overall"] for row in seed.rows if row["arm"] == "few bits"] for seed in seeds]
    assert software[0] == software[1] == software[2]
    assert {row["seed"] for row in seeds[2].rows} == {2}
