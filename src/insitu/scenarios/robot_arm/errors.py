"""How far a movement is from the demonstrated one, of one movement at a time and over many.

Per movement, errors are root mean squares over its steps: of each joint's velocity, and of the straight distance
between where the hand is and where it has to be (Euclidean, an own choice: the mean of squares of single coordinates
would be smaller by √3). Over many movements, median and mean are of those that the arm can reach.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from insitu.metrics import Row
from insitu.protocols.trajectories import check_velocities, velocity_errors
from insitu.scenarios.robot_arm import kinematics


def hand_errors(positions: NDArray[np.floating], target: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the error (n,) of the hand in metres, of positions (n, steps, 3)."""
    return np.asarray(np.sqrt(((positions - target).astype(np.float64) ** 2).sum(2).mean(1)))


def errors(
    omega: NDArray[np.floating], target: NDArray[np.floating], positions: NDArray[np.floating] | None = None
) -> Row:
    """Return the measures of movements ``omega`` (n, steps, 2) whose velocities should be ``target``.

    ``positions`` (n, steps, 3) says where the hand has been, such as that of a simulated arm; without it, it is where
    the joints take it. Velocities are in rad/s, hand errors in cm, ``unreachable`` in percent of all n.
    """
    check_velocities(omega, target)
    kept = kinematics.reachable(target)
    row: Row = {"unreachable": 100 * float(1 - kept.mean())}
    if kept.any():
        made = kinematics.path(omega.astype(np.float64)) if positions is None else positions
        hand = 100 * hand_errors(made, kinematics.path(target.astype(np.float64)))[kept]
        row |= velocity_errors(omega[kept], target[kept])
        row |= {"hand_median": float(np.median(hand)), "hand_mean": float(hand.mean())}
    return row
