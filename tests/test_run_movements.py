"""The loop over movements: rows before and after the update, what goes on within, drift before and after learning."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from insitu import run
from insitu.core import InsituError
from insitu.experiments import Variant
from insitu.experiments import ortner2025_arm as published
from insitu.learners.nearest_mean import NearestMean
from insitu.protocols import Session
from insitu.scenarios.arm_trajectories import ArmTrajectories
from insitu.scenarios.few_shot_sessions import FewShotSessions
from insitu.scenarios.robot_arm import kinematics
from moving import EXPERIMENT, PCM, SCENARIO, networks, rows  # noqa: F401

STREAM: dict[str, Any] = {"scenario": FewShotSessions(), "learner": NearestMean(), "baseline": NearestMean()}


def test_there_is_a_row_before_and_after_the_update_per_arm_and_age() -> None:
    found = [(row["arm"], row["age_s"], row["session"]) for row in rows() if row["seed"] == 0]
    arms = ("baseline", "learner", "rounded", "later")
    assert found == [(arm, age, step) for arm in arms for age in EXPERIMENT.ages_s for step in (0, 1)]
    for row in rows():
        assert row["tasks"] == (2 if row["arm"] == "later" else 5)
        assert {"omega_base", "omega_shoulder", "hand_median", "hand_mean", "unreachable", "trainee_hz"} <= row.keys()
        assert ("changed" in row) == ("teacher_hz" in row) == (row["session"] == 1)
        assert ("rewritten" in row) == (row["session"] == 1 and row["arm"] in ("learner", "later"))
        assert ("spent_core_product" in row) == (row["arm"] in ("learner", "later"))


def test_measures_are_means_over_all_movements() -> None:
    whole = next(row for row in rows() if row["arm"] == "baseline" and row["session"] == 1)
    together = replace(EXPERIMENT, scenario=replace(SCENARIO, batch_size=5), variants=(), ages_s=(60.0,))
    again = next(row for row in run.rows(together, 0) if row["session"] == 1)
    for name, value in whole.items():
        if isinstance(value, float):
            assert again[name] == pytest.approx(value, rel=1e-4), name


def test_equal_seeds_give_equal_rows_and_another_age_changes_no_row() -> None:
    young = replace(EXPERIMENT, ages_s=(60.0,))
    assert list(run.rows(young, 0)) == [row for row in rows() if row["seed"] == 0 and row["age_s"] == 60.0]


def test_asking_later_changes_nothing_but_what_is_asked() -> None:
    arms = (Variant("now", PCM), Variant("then", PCM, query_delay_s=86400.0))
    found = {
        row["arm"]: row for row in run.rows(replace(EXPERIMENT, variants=arms, ages_s=(60.0,)), 0) if row["session"]
    }
    same = {"rewritten", "changed", "spent_reset_pulse"}
    assert all(found["now"][name] == found["then"][name] for name in same)
    assert found["now"]["omega_base"] != found["then"]["omega_base"]


def test_later_is_for_short_tasks_alone() -> None:
    for given in (
        {"variants": (Variant("then", PCM, query_delay_s=-1.0),)},
        STREAM | {"variants": (Variant("x", PCM, query_delay_s=1.0),)},
    ):
        with pytest.raises(InsituError, match="query_delay_s is 0 or more seconds"):
            replace(EXPERIMENT, **given)  # type: ignore[arg-type]


def test_the_example_is_the_median_movement_of_the_first_session() -> None:
    found = run.example(EXPERIMENT)
    assert found is not None
    labels = next(iter(SCENARIO.sessions("package", 0))).test.labels
    assert any(np.array_equal(found["target"], each) for each in labels.numpy())
    assert found["baseline"]["after"]["velocities"].shape == found["target"].shape
    assert run.example(replace(EXPERIMENT, variants=(), **STREAM)) is None


def perfect(scenario: ArmTrajectories) -> dict[str, Any]:
    sessions: list[Session] = [each for each in scenario.sessions("package", 0) if each.train is not None]
    return dict(scenario.score(sessions, [each.test.labels for each in sessions]))


def test_perfect_velocities_have_no_error() -> None:
    found = perfect(replace(SCENARIO, tasks=4))
    assert found["tasks"] == 4
    assert all(found[name] == pytest.approx(0, abs=1e-6) for name in ("omega_base", "hand_median", "hand_mean"))
    assert perfect(replace(SCENARIO, tasks=4, steps=250, unreachable=True))["unreachable"] >= 0


def test_a_simulated_arm_lags_behind_perfect_velocities() -> None:
    pytest.importorskip("mujoco")
    found = perfect(replace(SCENARIO, tasks=2, hold_s=kinematics.STEP_S))
    assert found["omega_base"] == 0
    assert 0.01 < found["hand_median"] < 10


def test_a_wrong_time_to_hold_is_refused() -> None:
    for hold_s in (0.001, 2.0, -1.0, float("nan")):
        with pytest.raises(InsituError, match="hold_s is 0"):
            ArmTrajectories(hold_s=hold_s)


def test_without_mujoco_its_arms_are_left_out_and_the_report_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    try:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "mujoco" else real(name))
        bare = importlib.reload(published)
        assert not {bare.FAST, bare.SLOW} & {arm.name for arm in bare.EXPERIMENT.variants}
        assert "pip install '.[arm]'" in bare.EXPERIMENT.verified
    finally:
        monkeypatch.undo()
        importlib.reload(published)


def test_answers_that_are_not_finite_are_refused() -> None:
    [_, session, *_] = SCENARIO.sessions("package", 0)
    with pytest.raises(InsituError, match="diverged"):
        SCENARIO.score([session], [torch.full_like(session.test.labels, float("nan"))])
