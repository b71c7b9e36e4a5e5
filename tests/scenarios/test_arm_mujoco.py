"""The simulated arm: the geometry of the formula, commands obeyed within bounds, limits kept, a hint where it lacks."""

from __future__ import annotations

import builtins
import sys
from typing import Any

import numpy as np
import pytest

from insitu.core import InsituError, generator
from insitu.scenarios.robot_arm import kinematics, mujoco_arm, wiener
from insitu.scenarios.robot_arm.errors import hand_errors


def movements(count: int) -> tuple[Any, Any]:
    omega, positions, reachable = wiener.trajectories(4 * count, 250, generator(0, "simulated"))
    return omega[reachable][:count], positions[reachable][:count]


def test_the_hand_of_the_model_is_where_the_formula_says() -> None:
    pytest.importorskip("mujoco")
    for omega in movements(3)[0]:
        angles, positions = mujoco_arm.execute(omega)
        assert kinematics.forward(angles) == pytest.approx(positions, abs=1e-9)


@pytest.mark.parametrize("hold_s", [0.01, 0.05])
def test_perfect_commands_are_followed_within_two_centimetres_but_not_exactly(hold_s: float) -> None:
    pytest.importorskip("mujoco")
    omega, target = movements(5)
    made = np.stack([mujoco_arm.execute(each, hold_s).positions for each in omega])
    off = hand_errors(made, target)
    assert (off < 0.02).all()
    assert (off > 0.001).all()


def test_a_command_of_nothing_leaves_the_arm_at_rest() -> None:
    pytest.importorskip("mujoco")
    angles, _ = mujoco_arm.execute(np.zeros((100, 2)))
    assert abs(angles).max() < 1e-4


def test_joints_stop_at_their_limits_and_come_back() -> None:
    pytest.importorskip("mujoco")
    omega = np.concatenate([np.full((250, 2), 3.0), np.full((60, 2), -1.0)])
    angles = mujoco_arm.execute(omega).angles
    assert (angles <= np.array(kinematics.LIMITS) + 0.03).all()
    assert (angles[249] > np.array(kinematics.LIMITS) - 0.03).all()
    assert (angles[-1] < angles[249] - 0.3).all()  # the servo has not wound up


def test_the_same_commands_give_the_same_movement() -> None:
    pytest.importorskip("mujoco")
    omega = movements(1)[0][0]
    first, second = (mujoco_arm.execute(omega) for _ in range(2))
    assert (first.angles == second.angles).all()


@pytest.mark.parametrize(
    ("omega", "hold_s", "message"),
    [
        (np.zeros((3, 3)), 0.01, r"\(steps, 2\), at least one step; got \(3, 3\)"),
        (np.zeros((0, 2)), 0.01, "at least one step"),
        (np.full((3, 2), np.nan), 0.01, "finite velocities"),
        (np.zeros((3, 2)), 0.001, r"hold_s is 0.01 \(full speed\) to 1 second; got 0.001"),
    ],
)
def test_commands_that_are_none_are_refused(omega: Any, hold_s: float, message: str) -> None:
    with pytest.raises(InsituError, match=message):
        mujoco_arm.execute(omega, hold_s)


def test_without_mujoco_the_hint_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "mujoco":
            raise ImportError("none")
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "mujoco", raising=False)
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(InsituError, match=r"needs mujoco; install it: pip install '\.\[arm\]'"):
        mujoco_arm.execute(np.zeros((3, 2)))
