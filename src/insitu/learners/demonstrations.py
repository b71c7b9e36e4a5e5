"""What learners of movements are prepared with and shown: meta-trained spiking networks, and movements side by side.

``Examples`` hold many movements at once, all of equal length: labels are velocities of the joints (n, steps, 2) float32
in rad/s. Where a movement is shown, x is where the hand has to be (n, steps, 3) float32, in metres; where the learner
is asked to make it, x is (n, steps, 0): it has nothing but the clock, and movements are in the order in which they were
shown last. Labels are what a learner is measured by, never what it learns from.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor

from insitu.core import InsituError, read_text
from insitu.learners import Examples


@dataclass(frozen=True, eq=False)
class ArmBase:
    """What slow meta-training has left: ``weights`` by name with their ``card``, and a few movements of its own kind.

    ``calibration`` are such movements, never those that are tested; ranges of converters and weights are fitted to
    them. A network step is ``dt_s``, in which the arm moves for ``step_s``; no joint is faster than ``fastest_rad_s``.
    """

    weights: dict[str, Tensor]
    card: dict[str, Any]
    calibration: Examples
    fastest_rad_s: float
    step_s: float
    dt_s: float = 0.001

    @property
    def steps(self) -> int:
        """Length of a movement."""
        return int(self.calibration.x.shape[1])


def read_weights(stem: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the weights by name and the card of ``stem``.safetensors and .json; refuse what is not whole."""
    try:
        card = json.loads(read_text(stem.with_suffix(".json")))
        weights = load_file(stem.with_suffix(".safetensors"))
        if not isinstance(card, dict) or not weights:
            raise ValueError("no card, or no weights")
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise InsituError(
            f"{stem} is not a whole set of meta-trained weights ({error}); give both {stem.name}.safetensors and .json"
        ) from error
    return weights, card


def check_arm_base(base: ArmBase) -> None:
    """Raise ``InsituError`` unless weights are finite and calibration movements are ones that can be shown."""
    if not isinstance(base, ArmBase):
        raise InsituError(f"a learner of movements is prepared with an ArmBase; got {type(base).__name__}")
    for name, value in base.weights.items():
        if not torch.isfinite(value).all():
            raise InsituError(f"{name} of the base holds NaN or infinity; train it anew")
    try:
        check_showings(base.calibration, base)
    except InsituError as error:
        raise InsituError(f"calibration movements of the base: {error}") from error


def check_showings(examples: Examples, base: ArmBase) -> None:
    """Raise ``InsituError`` unless ``examples`` show movements of the base's length that its joints can make."""
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


def check_asked(x: Tensor, base: ArmBase, shown: int | None) -> None:
    """Raise ``InsituError`` unless x asks for movements (n, steps, 0), as many as were ``shown`` if any were."""
    _check(x, "x of what is asked has no content", base.steps, 0)
    if shown is not None and len(x) != shown:
        raise InsituError(f"{shown} movements were shown last, and these are what can be asked; got {len(x)}")


def _check(value: Tensor, what: str, steps: int, width: int) -> None:
    wanted = f"{what}, float32 (n, {steps}, {width}), at least one"
    if not isinstance(value, Tensor) or value.dtype != torch.float32:
        raise InsituError(f"{wanted}; got {getattr(value, 'dtype', type(value).__name__)}; convert it")
    if value.ndim != 3 or tuple(value.shape[1:]) != (steps, width) or not len(value):
        raise InsituError(f"{wanted}; got {tuple(value.shape)}; cut or resample it to {steps} steps")
    if not torch.isfinite(value).all():
        which = int((~torch.isfinite(value)).flatten(1).any(1).nonzero()[0])
        raise InsituError(f"{what} and holds NaN or infinity, first in movement {which}; drop such movements")
