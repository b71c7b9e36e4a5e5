"""Where the hand of the ED-Scorbot is: two moving joints, elbow and wrist held straight.

Ortner, Petschenig et al., Nat. Commun. 16 (2025). Base q1 turns the arm about the vertical (clockwise seen from above
where q1 grows), shoulder q2 lifts it; at rest both are 0 and the arm points along x. Lengths are in metres:

    R = a1 + (a2 + a3 + a4) cos q2
    x = R cos q1 + (d2 + d3) sin q1,    y = -R sin q1 + (d2 + d3) cos q1,    z = d1 + (a2 + a3 + a4) sin q2

Angles are radians (..., 2), base first, velocities rad/s (..., steps, 2), positions metres (..., 3). Functions take and
return NumPy arrays or torch tensors, through which gradients flow.
"""

from __future__ import annotations

from typing import TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

D1, A1, A2, A3, A4 = 0.3585, 0.05, 0.30, 0.35, 0.22  # height of the shoulder; along the arm, from the axis outwards
D2, D3 = -0.098, 0.065  # sideways
REACH = A2 + A3 + A4  # from shoulder to hand
ASIDE = D2 + D3
LIMITS = (130 * np.pi / 180, 70 * np.pi / 180)  # of base and shoulder, to both sides
FASTEST = np.pi  # rad/s of a joint
STEP_S = 0.01  # of motion; the network takes 1 ms per step

Array = TypeVar("Array", NDArray[np.floating], Tensor)


def forward(angles: Array) -> Array:
    """Return the position (..., 3) of the hand at ``angles`` (..., 2)."""
    if isinstance(angles, Tensor):
        return torch.stack(_hand(angles.cos().unbind(-1), angles.sin().unbind(-1)), -1)
    c, s = np.cos(angles), np.sin(angles)
    return cast(Array, np.stack(_hand((c[..., 0], c[..., 1]), (s[..., 0], s[..., 1])), -1))


def angles_of(omega: Array) -> Array:
    """Return the angles (..., steps, 2) after each step of ``omega`` from rest, within the joints' limits or not."""
    angles: Array = STEP_S * omega.cumsum(-2)
    return angles


def clipped(angles: Array) -> Array:
    """Return ``angles`` held at the limits of their joints."""
    if isinstance(angles, Tensor):
        most = angles.new_tensor(LIMITS)
        return angles.clamp(-most, most)
    edge = np.array(LIMITS, angles.dtype)
    held: Array = np.clip(angles, -edge, edge)
    return held


def path(omega: Array) -> Array:
    """Return the positions (..., steps, 3) after each step of ``omega`` from rest, joints held at their limits."""
    return forward(clipped(angles_of(omega)))


def reachable(omega: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return for each movement (...) of ``omega`` (..., steps, 2) whether no joint meets its limit on the way."""
    inside = abs(angles_of(omega.astype(np.float64))) <= LIMITS
    return np.asarray(inside.all((-2, -1)))


def inverse(positions: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return the angles (..., 2) that come nearest in direction to ``positions``, and how far off the hand is (...).

    Two joints move the hand over a surface, so a point of space is reached only where the distance is 0.
    """
    x, y, z = np.moveaxis(np.asarray(positions, np.float64), -1, 0)
    along = np.sqrt(np.maximum(x**2 + y**2 - ASIDE**2, 0))  # R where the point is on the surface
    q1 = np.arctan2(ASIDE, along) - np.arctan2(y, x)
    q1 = (q1 + np.pi) % (2 * np.pi) - np.pi
    angles = clipped(np.stack([q1, np.arctan2(z - D1, along - A1)], -1))
    return angles, np.asarray(np.linalg.norm(forward(angles) - positions, axis=-1))


def seen_at(y: NDArray[np.floating], z: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the angles (..., 2), arm forward, at which the hand is seen at ``y`` and ``z`` from the front; m."""
    lifted = np.arcsin((z - D1) / REACH)
    along = A1 + REACH * np.cos(lifted)
    return np.stack([np.arctan2(ASIDE, along) - np.arcsin(y / np.hypot(along, ASIDE)), lifted], -1)


def joints(angles: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return foot, top of the column, shoulder, elbow, wrist and hand (..., 6, 3) for drawing, in metres."""
    c, s = np.cos(angles).astype(np.float64), np.sin(angles).astype(np.float64)
    # along the arm, aside, and up, before the base turns
    local = [(0.0, 0.0, 0.0), (0.0, 0.0, D1), (A1, D2, D1)]
    local += [(A1 + length * c[..., 1], aside, D1 + length * s[..., 1]) for length, aside in _LINKS]
    points = []
    for along, aside, up in local:
        x = along * c[..., 0] + aside * s[..., 0]
        y = aside * c[..., 0] - along * s[..., 0]
        points.append(np.stack(np.broadcast_arrays(x, y, up), -1))
    return np.stack(points, -2)


_LINKS = ((A2, D2), (A2 + A3, ASIDE), (REACH, ASIDE))  # how far elbow, wrist and hand are from the shoulder, and aside


def _hand(c: tuple[Array, ...], s: tuple[Array, ...]) -> tuple[Array, Array, Array]:
    along = A1 + REACH * c[1]
    return along * c[0] + ASIDE * s[0], ASIDE * c[0] - along * s[0], D1 + REACH * s[1]
