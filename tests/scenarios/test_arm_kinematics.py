"""The arm: the published formula, gradients, the way back, and movements that are distributed as published."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from insitu.core import InsituError, generator
from insitu.scenarios.robot_arm import kinematics, wiener
from insitu.scenarios.robot_arm.errors import errors

within = st.tuples(*(st.floats(-limit, limit) for limit in kinematics.LIMITS))


def turn(axis: int, angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.insert(np.insert([[c, -s], [s, c]], axis, 0, 0), axis, np.eye(3)[axis], 1)


@given(angles=within)
def test_the_hand_is_where_turning_the_links_one_after_the_other_takes_it(angles: tuple[float, float]) -> None:
    link = np.array([kinematics.A2 + kinematics.A3 + kinematics.A4, 0, 0])
    lifted = turn(1, angles[1])  # with its rows and columns left out, this turn takes x to z
    hand = turn(2, -angles[0]) @ (
        np.array([kinematics.A1, kinematics.D2 + kinematics.D3, kinematics.D1]) + lifted @ link
    )
    assert kinematics.forward(np.array(angles)) == pytest.approx(hand, abs=1e-12)
    assert kinematics.joints(np.array(angles))[-1] == pytest.approx(hand, abs=1e-12)


def test_known_places() -> None:
    quarter = np.pi / 2
    assert kinematics.forward(np.zeros(2)) == pytest.approx([0.92, -0.033, 0.3585])
    assert kinematics.forward(np.array([quarter, 0.0])) == pytest.approx([-0.033, -0.92, 0.3585])
    assert kinematics.forward(np.array([0.0, quarter])) == pytest.approx([0.05, -0.033, 1.2285])


@given(angles=within)
def test_the_way_back_leads_to_the_same_angles(angles: tuple[float, float]) -> None:
    back, off = kinematics.inverse(kinematics.forward(np.array(angles)))
    assert back == pytest.approx(angles, abs=1e-7)
    assert off == pytest.approx(0, abs=1e-9)


@given(angles=within, by=st.floats(0.01, 0.3))
def test_a_point_off_the_surface_is_off_by_its_distance(angles: tuple[float, float], by: float) -> None:
    hand = kinematics.forward(np.array(angles))
    outwards = np.array(
        [np.cos(angles[1]) * np.cos(angles[0]), -np.cos(angles[1]) * np.sin(angles[0]), np.sin(angles[1])]
    )
    assert kinematics.inverse(hand + by * outwards)[1] == pytest.approx(by, rel=1e-2)


def test_tensors_and_arrays_agree_and_gradients_flow() -> None:
    omega = generator(0, "tensors").normal(size=(3, 40, 2))
    tensor = torch.from_numpy(omega).requires_grad_()
    assert kinematics.path(tensor).detach().numpy() == pytest.approx(kinematics.path(omega), abs=1e-12)
    assert torch.autograd.gradcheck(kinematics.path, (tensor[:1, :5].detach().requires_grad_(),))


def test_the_walk_is_padded_averaged_and_cut_as_published() -> None:
    steps = 250
    rng = generator(1, "walk")
    omega = wiener.trajectories(2, steps, rng)[0]
    walk = generator(1, "walk").normal(0, 0.065, (2, 2, steps)).cumsum(2)
    padded = np.concatenate([np.zeros((2, 2, 119)), walk, walk[..., -119:][..., ::-1]], 2)
    window = 0.5 * (1 - np.cos(2 * np.pi * np.arange(120) / 120))
    for t in (0, 1, 100, steps - 1):
        seen = (padded[..., 60 + t : 180 + t] * window).sum(2) / window.sum()
        assert omega[:, t] == pytest.approx(np.clip(seen, -np.pi, np.pi), abs=1e-6)


def test_movements_are_distributed_as_published() -> None:
    omega, positions, reachable = wiener.trajectories(1000, 250, generator(0, "movements"))
    assert (omega.shape, positions.shape, reachable.shape) == ((1000, 250, 2), (1000, 250, 3), (1000,))
    assert omega.dtype == positions.dtype == np.float32
    assert np.sqrt((omega**2).mean()) == pytest.approx(0.70, abs=0.03)
    travelled = np.linalg.norm(np.diff(positions, axis=1), axis=2).sum(1)
    assert np.median(travelled) == pytest.approx(1.34, abs=0.05)
    assert reachable.mean() == pytest.approx(0.518, abs=0.05)


def test_marked_movements_are_those_that_meet_a_limit() -> None:
    omega, positions, reachable = wiener.trajectories(200, 250, generator(2, "movements"))
    free = kinematics.forward(kinematics.angles_of(omega.astype(np.float64)))
    assert (abs(free - positions).max((1, 2)) < 1e-6).tolist() == reachable.tolist()


@given(steps=st.integers(2, 300), amplitude=st.floats(0.05, 1), seed=st.integers(0, 99))
def test_any_length_and_amplitude_gives_finite_movements(steps: int, amplitude: float, seed: int) -> None:
    omega, positions, _ = wiener.trajectories(3, steps, generator(seed, "any"), amplitude)
    assert omega.shape == (3, steps, 2)
    assert np.isfinite(positions).all()
    assert abs(omega).max() <= np.float32(np.pi)


def test_errors_are_of_reachable_movements_and_the_others_are_counted() -> None:
    target = np.zeros((4, 100, 2), np.float32)
    target[3, :, 1] = 2.0  # 2 rad of the shoulder
    made = target + np.array([0.1, -0.2], np.float32)
    found = errors(made, target)
    assert found["unreachable"] == 25
    assert found["omega_base"] == pytest.approx(0.1)
    assert found["omega_shoulder"] == pytest.approx(0.2)
    assert found["hand_median"] == found["hand_mean"] > 5  # cm
    assert errors(target, target)["hand_median"] == 0
    assert errors(made, target, kinematics.path(target.astype(np.float64)))["hand_median"] == 0
    assert errors(made[3:], target[3:]) == {"unreachable": 100}


def test_errors_of_a_run_that_diverged_are_refused() -> None:
    target = np.zeros((1, 9, 2))
    with pytest.raises(InsituError, match="diverged"):
        errors(target * np.nan, target)
    with pytest.raises(InsituError, match=r"both alike; got \(1, 9, 2\) and \(1, 8, 2\)"):
        errors(target, target[:, 1:])
