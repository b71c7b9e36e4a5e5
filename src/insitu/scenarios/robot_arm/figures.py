"""Drawn movements, unlike the random ones that networks are meta-trained on: circles, straight lines, eights.

The hand draws the figure as seen from the front, in y and z; how far in front it is follows, since two joints move the
hand over a surface. A figure starts where the hand rests, ends there, and is turned by a random angle in the plane of
y and z. With p(s) = 10 s³ - 15 s⁴ + 6 s⁵, the share of the way of least jerk at the share s of the time, whose speed
is zero at both ends:

    circle    radius · (cos 2πp - 1, sin 2πp)        radius .08 to .20 m
    line      length · (p(2s), 0), and back          length .20 to .60 m
    eight     size · (sin 2πp, sin 4πp / 2)          size .12 to .30 m

Figures and sizes are own choices. In less than 250 steps some sizes are faster than the joints, and are drawn again.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.scenarios.robot_arm import kinematics

Figure = Literal["circle", "line", "eight"]
FIGURES: tuple[Figure, ...] = get_args(Figure)
SIZES_M = {"circle": (0.08, 0.20), "line": (0.20, 0.60), "eight": (0.12, 0.30)}
ATTEMPTS = 1000  # sizes drawn for one movement, of which at least one is slow enough


def velocities(figure: Figure, n: int, steps: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return velocities (n, steps, 2) in rad/s of ``n`` movements that draw the figure, all within reach."""
    return np.stack([_reachable(figure, steps, rng) for _ in range(n)])


def outline(figure: Figure, steps: int) -> NDArray[np.float64]:
    """Return the points (steps + 1, 2) of a figure of size 1, from the origin and back to it."""
    share = np.linspace(0, 1, steps + 1)
    if figure == "line":
        return np.stack([_way(1 - abs(1 - 2 * share)), np.zeros(steps + 1)], 1)
    phase = 2 * np.pi * _way(share)
    points = (np.cos(phase) - 1, np.sin(phase)) if figure == "circle" else (np.sin(phase), np.sin(2 * phase) / 2)
    return np.stack(points, 1)


def _reachable(figure: Figure, steps: int, rng: np.random.Generator) -> NDArray[np.float32]:
    points = outline(figure, steps)
    for _ in range(ATTEMPTS):
        size, angle = rng.uniform(*SIZES_M[figure]), rng.uniform(0, 2 * np.pi)
        c, s = np.cos(angle), np.sin(angle)
        y, z = size * np.array([[c, -s], [s, c]]) @ points.T
        angles = kinematics.seen_at(y + kinematics.ASIDE, z + kinematics.D1)
        omega = (np.diff(angles, axis=0) / kinematics.STEP_S).astype(np.float32)
        if kinematics.reachable(omega) and abs(omega).max() <= kinematics.FASTEST:
            return omega
    raise InsituError(
        f"drawing a {figure} takes the arm more than {steps} steps of {kinematics.STEP_S} s; take more steps"
    )


def _way(share: NDArray[np.float64]) -> NDArray[np.float64]:
    return share**3 * (10 - 15 * share + 6 * share**2)
