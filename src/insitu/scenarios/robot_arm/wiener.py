"""Smooth random movements of the arm: a random walk of each joint's velocity, smoothed by a Hann window.

Ortner, Petschenig et al., Nat. Commun. 16 (2025), as in their code: steps of the walk are normal with standard
deviation .65 √.01 rad/s; the walk has 119 zeros before it and its last 119 steps mirrored after it, is averaged over
a periodic Hann window of 120 steps, and clipped to ±π rad/s. Velocities have a root mean square of .70 rad/s, and the
hand travels 1.34 m in 250 steps (median); 48 % of the movements meet the limit of a joint. Own choice: fewer than 119
steps are the beginning of a movement of 119.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from insitu.kernels import exact
from insitu.scenarios.robot_arm import kinematics

STEP_STD = 0.65 * kinematics.STEP_S**0.5  # rad/s, of the walk
WINDOW = 120  # steps


def trajectories(
    n: int, steps: int, rng: np.random.Generator, amplitude: float = 1.0
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Return velocities (n, steps, 2) in rad/s, positions (n, steps, 3) in metres, and which are reachable (n,).

    ``amplitude`` scales velocities; below 1 movements are shorter and fewer meet a limit. Where one does, positions are
    those of joints that stop there while velocities go on, as published: leave it out, or report it separately.
    """
    smooth = _smoothing(max(steps, WINDOW - 1))[:steps]
    increments = rng.normal(0.0, STEP_STD, (n, 2, smooth.shape[1]))
    drawn = exact.product(torch.from_numpy(increments), torch.from_numpy(smooth.T)).numpy()
    course = np.clip(amplitude * drawn, -kinematics.FASTEST, kinematics.FASTEST)  # (n, 2, steps)
    omega = np.ascontiguousarray(course.swapaxes(1, 2), np.float32)
    return omega, kinematics.path(omega.astype(np.float64)).astype(np.float32), kinematics.reachable(omega)


@lru_cache(maxsize=4)
def _smoothing(steps: int) -> NDArray[np.float64]:
    """Return the matrix (steps, steps) from the increments of a walk to its padded and averaged course."""
    walk = np.tril(np.ones((steps, steps)))  # (time, increment)
    padded = np.concatenate([np.zeros((WINDOW - 1, steps)), walk, walk[:-WINDOW:-1]])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    first = WINDOW // 2
    smooth = np.zeros((steps, steps))
    for offset, weight in enumerate(window / window.sum()):
        smooth += weight * padded[first + offset : first + offset + steps]
    return smooth
