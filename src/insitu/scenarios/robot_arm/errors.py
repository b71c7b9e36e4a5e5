"""How far a movement is from the one that was shown, of one movement at a time and over many.

Per movement, errors are root mean squares over its steps: of each joint's velocity, and of the straight distance
between where the hand is and where it has to be (Euclidean, an own choice: the mean of squares of single coordinates
would be smaller by √3). Over many movements, median and mean are of those that the arm can reach.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.scenarios.robot_arm import kinematics


def velocity_errors(omega: NDArray[np.floating], target: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the error (n, 2) of base and shoulder in rad/s, of velocities (n, steps, 2)."""
    return np.asarray(np.sqrt(((omega - target).astype(np.float64) ** 2).mean(1)))


def hand_errors(positions: NDArray[np.floating], target: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the error (n,) of the hand in metres, of positions (n, steps, 3)."""
    return np.asarray(np.sqrt(((positions - target).astype(np.float64) ** 2).sum(2).mean(1)))


def errors(
    omega: NDArray[np.floating], target: NDArray[np.floating], positions: NDArray[np.floating] | None = None
) -> dict[str, float]:
    """Return the measures of movements ``omega`` (n, steps, 2) whose velocities should be ``target``.

    ``positions`` (n, steps, 3) says where the hand has been, such as that of a simulated arm; without it, it is where
    the joints take it. Velocities are in rad/s, hand errors in cm, ``unreachable`` in percent of all n.
    """
    if omega.shape != target.shape or omega.ndim != 3 or omega.shape[2] != 2 or not len(omega):
        raise InsituError(f"velocities are (n, steps, 2), both alike; got {omega.shape} and {target.shape}")
    if not (np.isfinite(omega).all() and np.isfinite(target).all()):
        raise InsituError("velocities hold NaN or infinity; the run has diverged: repeat it with a smaller step")
    kept = kinematics.reachable(target)
    made = kinematics.path(omega.astype(np.float64)) if positions is None else positions
    hand = 100 * hand_errors(made, kinematics.path(target.astype(np.float64)))[kept]
    joints = velocity_errors(omega, target)[kept]
    found = {"unreachable": 100 * float(1 - kept.mean())}
    if kept.any():
        found |= {"omega_base": float(np.median(joints[:, 0])), "omega_shoulder": float(np.median(joints[:, 1]))}
        found |= {"hand_median": float(np.median(hand)), "hand_mean": float(hand.mean())}
    return found
