"""Demonstrations of movements: within reach, queried from the clock alone, the same for a seed; and own movements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import moving
from blobs import same
from insitu.backbones import trained
from insitu.backbones.spiking import NAMES
from insitu.core import InsituError
from insitu.protocols import Examples
from insitu.protocols.trajectories import ArmBase, check_arm_base, check_clock, check_demonstrations
from insitu.scenarios.arm_trajectories import ArmTrajectories
from insitu.scenarios.robot_arm import kinematics, own_trajectory

SMALL = ArmTrajectories(tasks=7, batch_size=3)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    moving.save(tmp_path)
    monkeypatch.setattr(trained, "stem", lambda name: tmp_path / name)
    return tmp_path / "ortner2025_arm"


def test_sessions_share_out_the_movements_and_time_runs() -> None:
    sessions = list(SMALL.sessions("package", 0))
    assert [None if s.train is None else len(s.train.x) for s in sessions] == [None, 3, 3, 1]
    assert [s.time_s for s in sessions] == [0.0, 60.0, 120.0, 180.0]
    assert same(sessions[0].test, sessions[1].test)


def test_queries_are_the_demonstrations_without_its_positions() -> None:
    for session in SMALL.sessions("package", 1):
        assert session.test.x.shape == (len(session.test.labels), 250, 0)
        if session.train is not None:
            assert same(session.train.labels, session.test.labels)
            there = kinematics.path(session.train.labels.double())
            assert torch.allclose(session.train.x.double(), there, atol=1e-6)


def test_movements_are_within_reach_unless_asked_otherwise() -> None:
    for unreachable in (False, True):
        scenario = ArmTrajectories(tasks=20, unreachable=unreachable)
        labels = torch.cat([s.test.labels for s in list(scenario.sessions("package", 0))[1:]])
        marks = kinematics.reachable(labels.numpy())
        assert marks.sum() == 20
        assert marks.all() != unreachable
        assert marks[-1]


def test_the_same_seed_gives_the_same_movements() -> None:
    first, second, other = (list(SMALL.sessions("package", seed)) for seed in (5, 5, 6))
    assert same(first, second)
    assert not same(first, other)


@pytest.mark.usefixtures("weights")
def test_the_base_has_weights_and_movements_that_no_stream_has() -> None:
    base = SMALL.base("package")
    check_arm_base(base)
    assert (base.steps, base.step_s, base.dt_s, base.fastest_rad_s) == (250, 0.01, 0.001, np.pi)
    assert base.card["record"] == asdict(moving.RECORD)
    assert set(base.weights) == set(NAMES)
    tested = torch.cat([s.test.labels for s in SMALL.sessions("package", 0)])
    assert not (base.calibration.labels[:, None] == tested).all(2).all(2).any()
    check_demonstrations(next(s.train for s in SMALL.sessions("package", 0) if s.train), base)


def test_weights_that_are_not_whole_are_refused(weights: Path) -> None:
    weights.with_suffix(".json").write_text("[")
    with pytest.raises(InsituError, match="not a complete backbone"):
        SMALL.base("package")


def test_more_tasks_go_on_where_fewer_end() -> None:
    few, many = (ArmTrajectories(tasks=tasks, batch_size=150).sessions("package", 2) for tasks in (60, 130))
    assert torch.equal(next(few).test.labels, next(many).test.labels[:60])


def test_long_movements_are_found_too() -> None:
    assert next(ArmTrajectories(steps=500, tasks=2).sessions("package", 0)).test.x.shape == (2, 500, 0)


def test_it_says_which_data_it_is() -> None:
    assert SMALL.describe("package") == "synthetic: 7 random movements within reach, 250 steps"
    assert "0.5 times" in ArmTrajectories(amplitude=0.5, unreachable=True).describe("package")
    assert "of your own (mine.csv)" in ArmTrajectories(file=Path("mine.csv")).describe("package")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"steps": 1}, "steps are 2 to 500; got 1"),
        ({"tasks": 0}, "tasks is at least 1"),
        ({"batch_size": 0}, "batch_size is at least 1"),
        ({"amplitude": 0.0}, "amplitude is above 0 and at most 1"),
        ({"amplitude": float("nan")}, "amplitude is above 0"),
        ({"wait_s": -1.0}, "0 or more seconds"),
    ],
)
def test_wrong_fields_are_refused_where_the_record_is_written(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InsituError, match=message):
        ArmTrajectories(**fields)


# -- demonstrations -----------------------------------------------------------------------------------------------


def _base() -> ArmBase:
    omega = torch.zeros(2, 9, 2)
    return ArmBase(
        {"w": torch.ones(2)}, {}, Examples(kinematics.path(omega), omega), kinematics.FASTEST, kinematics.STEP_S
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: Examples(e.x[:, 1:], e.labels[:, 1:]), r"float32 \(n, 9, 3\).*got \(2, 8, 3\); cut or resample"),
        (lambda e: Examples(e.x.double(), e.labels), "float64; convert it"),
        (
            lambda e: Examples(e.x, e.labels * np.nan),
            "joints' velocities and holds NaN or infinity, first in movement 0",
        ),
        (lambda e: Examples(e.x, e.labels + 4), "movement 0 has a joint at 4.00 rad/s, which is at most 3.14"),
        (lambda e: Examples(e.x[:1], e.labels), "every movement has its velocities; got 1 and 2"),
        (lambda e: Examples(e.x[:0], e.labels[:0]), "at least one; got"),
    ],
)
def test_demonstrations_beyond_the_arm_are_refused(change: Callable[[Examples], Examples], message: str) -> None:
    base = _base()
    with pytest.raises(InsituError, match=message):
        check_demonstrations(change(base.calibration), base)


def test_queries_of_other_movements_than_learned_is_refused() -> None:
    check_clock(torch.zeros(2, 9, 0), _base(), 2)
    check_clock(torch.zeros(5, 9, 0), _base(), None)
    with pytest.raises(InsituError, match=r"2 movements were learned last.*got 3"):
        check_clock(torch.zeros(3, 9, 0), _base(), 2)
    with pytest.raises(InsituError, match="x of a query has no content"):
        check_clock(torch.zeros(2, 9, 3), _base(), 2)


def test_a_base_that_has_diverged_is_refused() -> None:
    base = _base()
    base.weights["w"][0] = float("inf")
    with pytest.raises(InsituError, match="w of the base holds NaN or infinity"):
        check_arm_base(base)


# -- a movement of one's own ---------------------------------------------------------------------------------------


def written(path: Path, header: str, rows: Any, digits: int = 9) -> Path:
    lines = [",".join(f"{value:.{digits}f}" for value in row) for row in rows]
    path.write_text("\n".join([header, *lines, ""]))
    return path


def own(steps: int = 250) -> tuple[Any, Any, Any]:
    omega = next(iter(ArmTrajectories(tasks=1, steps=steps).sessions("package", 3))).test.labels[0].numpy()
    angles = kinematics.angles_of(omega.astype(np.float64))
    return omega, angles, kinematics.forward(angles)


def test_positions_and_angles_give_the_same_movement(tmp_path: Path) -> None:
    omega, angles, hand = own()
    for number, (header, rows) in enumerate(
        (
            ("x,y,z", hand),
            ("q1,q2", angles),
            ("Q2_deg, Q1_deg", np.degrees(angles[:, ::-1])),
        )
    ):
        read = own_trajectory.read(written(tmp_path / f"{number}.csv", header, rows), 250)
        assert read.dtype == np.float32
        assert read == pytest.approx(omega, abs=1e-4)
    found = list(ArmTrajectories(file=tmp_path / "0.csv").sessions("package", 0))
    assert [None if s.train is None else len(s.train.x) for s in found] == [None, 1]


def test_a_movement_of_another_length_is_resampled_where_asked(tmp_path: Path) -> None:
    _, angles, _ = own()
    path = written(tmp_path / "half.csv", "q1,q2", angles[1::2])
    with pytest.raises(InsituError, match="has 125 rows, but a movement has 250 steps; give as many, or set resample"):
        own_trajectory.read(path, 250)
    there = kinematics.angles_of(own_trajectory.read(path, 250, resample=True).astype(np.float64))
    assert there == pytest.approx(angles, abs=0.01)
    assert there[1::2] == pytest.approx(angles[1::2], abs=1e-5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the first row names the columns, x,y,z or q1,q2 or q1_deg,q2_deg; got nothing"),
        ("0.1,0.2\n0.1,0.2\n", "names the columns.*got 0.1,0.2"),
        ("t,q1,q2\n0,0,0\n", "names the columns"),
        ("q1,q2\n", "has 0 rows; a movement has at least 2"),
        ("q1,q2\n0.01,0\n", "has 1 row; a movement has at least 2"),
        ("q1,q2\n0.01,0\n0.02\n0.03,0\n", "row 3: 1 of 2 numbers; fill the gap"),
        ("q1,q2\n0.01,0\n,0\n0.03,0\n", "row 3: 1 of 2 numbers; fill the gap"),
        ("q1,q2\n0.01,0\n\n0.03,0\n", "row 3: 0 of 2 numbers; fill the gap"),
        ("q1,q2\n0,01,0,02\n0.03,0\n", "row 2: 4 numbers for 2 columns; decimals have points"),
        ("q1,q2\n0.01,0\nnan,0\n", "row 3: q1 is nan; every step has finite numbers"),
        ("q1,q2\n0.01,0\n0.01,inf\n", "row 3: q2 is inf"),
        ("q1,q2\n0.01,0\nfar,0\n", "row 3: q1 is 'far', not a number"),
        ("q1,q2\n0.01,0\n2.3,0\n", "row 3: the base at 131.8° is outside the workspace; it turns ±130°; q1 and q2 are"),
        ("q1_deg,q2_deg\n1,0\n0,-71\n", "row 3: the shoulder at -71.0° is outside the workspace; it turns ±70°$"),
        ("q1,q2\n0.01,0\n0.06,0\n", "row 3: the base would turn at 5.00 rad/s, which is at most 3.14; slow"),
        ("q1,q2\n0,-0.5\n0,-0.5\n", "row 2: the shoulder would turn at 50.00 rad/s.*start from rest, where both"),
        ("x,y,z\n0.92,-0.033,0.3585\n0.95,-0.033,0.3585\n", r"row 3: \(0.95, -0.033, 0.3585\) is outside .* 0.030 m"),
        ("x,y,z\n0.92,-0.033,0.3585\n0,0,0\n", r"row 3: \(0.0, 0.0, 0.0\) is outside the workspace"),
        ("x,y,z\n920,-33,358.5\n920,-33,358.5\n", "row 2: .* is outside the workspace.*metres"),
    ],
)
def test_a_file_that_is_no_movement_of_the_arm_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(InsituError, match=message) as caught:
        own_trajectory.read(tmp_path / "mine.csv", max(2, text.count("\n") - 1))
    assert "\n" not in str(caught.value)
    assert "mine.csv" in str(caught.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(InsituError, match=r"none\.csv cannot be read: No such file"):
        own_trajectory.read(tmp_path / "none.csv", 250)
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\r\n\xff\xfe")
    with pytest.raises(InsituError, match="not a CSV file"):
        own_trajectory.read(tmp_path / "picture.csv", 250)
