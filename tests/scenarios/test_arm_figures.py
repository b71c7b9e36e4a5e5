"""Drawn figures: within reach, from rest and back, positions on the figure, and the same for a seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from blobs import same
from insitu.core import InsituError, generator
from insitu.scenarios.arm_trajectories import ArmTrajectories
from insitu.scenarios.robot_arm import figures, kinematics
from insitu.scenarios.robot_arm.figures import FIGURES, Figure

every = pytest.mark.parametrize("figure", FIGURES)


def drawn(figure: Figure, steps: int = 250) -> tuple[np.ndarray, np.ndarray]:
    """Return velocities, and what the hand draws, as seen from the front and from where it rests."""
    omega = figures.velocities(figure, 20, steps, generator(1, figure))
    seen = kinematics.path(omega.astype(np.float64))[:, :, 1:]
    return omega, seen - (kinematics.ASIDE, kinematics.D1)


@every
def test_figures_are_within_reach_and_no_joint_is_too_fast(figure: Figure) -> None:
    for steps in (60, 250):  # in 60 steps, most sizes are too fast
        omega, _ = drawn(figure, steps)
        assert omega.shape == (20, steps, 2)
        assert kinematics.reachable(omega).all()
        assert abs(omega).max() <= kinematics.FASTEST


@every
def test_movements_start_and_end_at_rest_where_the_hand_rests(figure: Figure) -> None:
    omega, seen = drawn(figure)
    fastest = abs(omega).max(1, keepdims=True)
    assert (abs(omega[:, [0, -1]]) < 0.002 * fastest).all()
    assert abs(np.diff(omega, axis=1)).max() < 0.15  # rad/s from step to step: no joint jerks
    assert abs(seen[:, -1]).max() < 1e-6


def test_velocities_integrate_to_positions_on_the_figure() -> None:
    _, seen = drawn("circle")
    far = seen[np.arange(20), np.linalg.norm(seen, axis=2).argmax(1)]  # opposite the start
    radius = np.linalg.norm(seen - far[:, None] / 2, axis=2)
    assert np.allclose(radius, np.linalg.norm(far, axis=1)[:, None] / 2, rtol=1e-3)
    _, seen = drawn("line")
    along = seen[:, 124] / np.linalg.norm(seen[:, 124], axis=1, keepdims=True)
    assert abs(seen[..., 0] * along[:, None, 1] - seen[..., 1] * along[:, None, 0]).max() < 1e-6
    assert np.allclose(seen[:, :124], seen[:, 248:124:-1], atol=1e-6)  # back as it came
    _, seen = drawn("eight")
    assert np.allclose(seen[:, :124], -seen[:, 248:124:-1], atol=1e-6)  # one loop, and its mirror image


@every
def test_sizes_and_directions_differ_within_their_range(figure: Figure) -> None:
    _, seen = drawn(figure)
    far = np.linalg.norm(seen, axis=2).max(1)
    low, high = figures.SIZES_M[figure]
    scale = {"circle": 2, "line": 1, "eight": 1}[figure]
    assert far.min() > 0.95 * scale * low
    assert far.max() < 1.1 * scale * high
    assert far.std() > 0.15 * (high - low)
    assert len(np.unique(seen[:, 60].round(4), axis=0)) == 20


def test_a_figure_without_time_to_draw_it_is_refused() -> None:
    with pytest.raises(InsituError, match="takes the arm more than 4 steps"):
        figures.velocities("circle", 1, 4, generator(0))


def test_a_scenario_of_a_figure_demonstrates_it() -> None:
    scenario = ArmTrajectories(movement="eight", tasks=3, batch_size=2)
    sessions = list(scenario.sessions("package", 4))
    assert [len(s.test.labels) for s in sessions] == [2, 2, 1]
    assert same(sessions[1].train, list(scenario.sessions("package", 4))[1].train)
    assert not same(sessions[1].train, list(scenario.sessions("package", 5))[1].train)
    labels = torch.cat([s.test.labels for s in sessions[1:]]).numpy()
    assert np.array_equal(labels, figures.velocities("eight", 3, 250, generator(4, "eight")))
    assert "3 drawn movements (eights of random size)" in scenario.describe("package")


@pytest.mark.parametrize("changes", [{"amplitude": 0.5}, {"unreachable": True}])
def test_what_only_random_movements_have_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InsituError, match="amplitude and unreachable are of random movements"):
        ArmTrajectories(movement="line", **changes)  # type: ignore[arg-type]
