"""Movements of a robot arm, each learned from one demonstration by one update, and reproduced from a clock alone.

Examples hold many movements of equal length: labels are velocities of the joints (n, steps, 2) float32 in rad/s. In a
demonstration, x is where the hand has to be (n, steps, 3) float32, in metres; in a query, x is (n, steps, 0): the
learner has nothing but the clock, and movements are in the order of the last demonstrations. Labels are what a learner
is measured by, never what it learns from.

Rows, before the update (step 0) and after it (1): ``tasks``, how many movements; ``omega_base`` and ``omega_shoulder``,
medians over movements of the error of a joint in rad/s; what the scenario adds of the hand and of movements beyond the
joints' limits; and the learner's own totals, divided by the movements.
"""

from __future__ import annotations

import typing
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from insitu.core import InsituError
from insitu.metrics import Row
from insitu.protocols import Column, Examples, Inputs, Protocol, Session
from insitu.protocols.tasks import State, check_finite, task_learner


@dataclass(frozen=True, eq=False)
class ArmBase:
    """What slow meta-training has left."""

    weights: dict[str, Tensor]  # by name
    card: dict[str, typing.Any]  # of the weights
    calibration: Examples  # demonstrations that are never tested, for ranges of converters and weights
    fastest_rad_s: float  # no joint is faster
    step_s: float  # the arm moves for so long in a step
    dt_s: float = 0.001  # the network takes so long for a step

    @property
    def steps(self) -> int:
        """Length of a movement."""
        return int(self.calibration.x.shape[1])


@typing.runtime_checkable
class Diagnostics(typing.Protocol[State]):
    """The verb by which a learner of movements shows one of them from within."""

    def traces(self, state: State, task: int, now_s: float, rng: np.random.Generator) -> dict[str, typing.Any]:
        """Return arrays and numbers of one of the movements learned last, for figures."""


def diagnostics(learner: object) -> Diagnostics[typing.Any]:
    """Return ``learner`` as one that shows its movements; raise ``InsituError`` where it does not."""
    if not isinstance(learner, Diagnostics):
        raise InsituError(
            f"{type(learner).__name__} has no traces; learners of movements show one of them from within: see "
            "insitu/protocols/trajectories.py"
        )
    return learner


def check_arm_base(base: ArmBase) -> None:
    """Raise ``InsituError`` unless weights are finite and calibration movements can be demonstrated."""
    if not isinstance(base, ArmBase):
        raise InsituError(f"a learner of movements is prepared with an ArmBase; got {type(base).__name__}")
    check_finite(base.weights.items())
    try:
        check_demonstrations(base.calibration, base)
    except InsituError as error:
        raise InsituError(f"calibration movements of the base: {error}") from error


def check_demonstrations(examples: Examples, base: ArmBase) -> None:
    """Raise ``InsituError`` unless ``examples`` are movements of the base's length that its joints can make."""
    _check(examples.x, "x is where the hand has to be", base.steps, 3)
    _check(examples.labels, "labels are the joints' velocities", base.steps, 2)
    if len(examples.x) != len(examples.labels):
        raise InsituError(f"every movement has its velocities; got {len(examples.x)} and {len(examples.labels)}")
    speeds = examples.labels.abs().amax((1, 2))
    if (fast := speeds > base.fastest_rad_s * (1 + 1e-6)).any():  # single precision may round up
        which = int(fast.nonzero()[0])
        raise InsituError(
            f"movement {which} has a joint at {float(speeds[which]):.2f} rad/s, which is at most "
            f"{base.fastest_rad_s:.2f}; slow it down"
        )


def check_clock(x: Tensor, base: ArmBase, learned: int | None) -> None:
    """Raise ``InsituError`` unless x queries movements (n, steps, 0), as many as were ``learned`` last if any were."""
    _check(x, "x of a query has no content", base.steps, 0)
    if learned is not None and len(x) != learned:
        raise InsituError(f"{learned} movements were learned last, and these can be queried; got {len(x)}")


def _check(value: Tensor, what: str, steps: int, width: int) -> None:
    wanted = f"{what}, float32 (n, {steps}, {width}), at least one"
    if not isinstance(value, Tensor) or value.dtype != torch.float32:
        raise InsituError(f"{wanted}; got {getattr(value, 'dtype', type(value).__name__)}; convert it")
    if value.ndim != 3 or tuple(value.shape[1:]) != (steps, width) or not len(value):
        raise InsituError(f"{wanted}; got {tuple(value.shape)}; cut or resample it to {steps} steps")
    if not torch.isfinite(value).all():
        which = int((~torch.isfinite(value)).flatten(1).any(1).nonzero()[0])
        raise InsituError(f"{what} and holds NaN or infinity, first in movement {which}; drop such movements")


def check_velocities(omega: NDArray[np.floating], target: NDArray[np.floating]) -> None:
    """Raise ``InsituError`` unless both are finite velocities (n, steps, 2) of as many movements, at least one."""
    if omega.shape != target.shape or omega.ndim != 3 or omega.shape[2] != 2 or not len(omega):
        raise InsituError(f"velocities are (n, steps, 2), both alike; got {omega.shape} and {target.shape}")
    if not (np.isfinite(omega).all() and np.isfinite(target).all()):
        raise InsituError("velocities hold NaN or infinity; the run has diverged: repeat it with a smaller step")


def velocity_errors(omega: NDArray[np.floating], target: NDArray[np.floating]) -> Row:
    """Return the error of each joint, the median over movements of its root mean square over steps, in rad/s."""
    check_velocities(omega, target)
    errors = np.sqrt(((omega - target).astype(np.float64) ** 2).mean(1))
    return {"omega_base": float(np.median(errors[:, 0])), "omega_shoulder": float(np.median(errors[:, 1]))}


def score(sessions: Sequence[Session], answers: Sequence[Tensor]) -> Row:
    """Return the errors of velocities (n, steps, 2) that answer the tests, over all movements of these sessions."""
    omega, target = torch.cat(list(answers)), torch.cat([session.test.labels for session in sessions])
    return {"tasks": len(omega), **velocity_errors(omega.numpy(), target.numpy())}


PROTOCOL = Protocol(
    name="trajectories",
    title="trajectories",
    step="step",
    base=ArmBase,
    inputs=(Inputs.POSITIONS,),
    columns=(
        Column("hand_median", "hand", "cm", meaning="root mean square error over time, median of the movements"),
        Column("hand_mean", "hand, mean", "cm", meaning="the same, mean of the movements"),
        Column("omega_base", "base", "rad/s", 3, meaning="root mean square error of the joint's velocity"),
        Column("omega_shoulder", "shoulder", "rad/s", 3, meaning="the same of the other joint"),
        Column("changed", "weights changed", "%"),
        Column("rewritten", "cells written", "", 0),
        Column("trainee_hz", "spike rate", "Hz", 0, meaning="of a neuron of the network that moves the arm"),
        Column("unreachable", "beyond limits", "%", 0),
    ),
    headline="median error of the hand in cm, before the update and after",
    continues=False,
    score=score,
    verbs=(task_learner, diagnostics),
)
