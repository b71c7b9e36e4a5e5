"""Input codes of the arm's spiking networks: a clock, and positions as bits."""

from __future__ import annotations

import torch
from torch import Tensor

from insitu.core import InsituError

BITS = 16  # of a coordinate
AXES = 3
TICK_STEPS = 10  # from tick to tick
ACTIVE_STEPS = 50  # in which each clock neuron ticks


def clock(steps: int, neurons: int = 5) -> Tensor:
    """Return spikes (steps, neurons): each neuron for 50 ms in turn, a spike every 10 ms from the first step on."""
    ticks = torch.zeros(steps, neurons)
    when = torch.arange(0, steps, TICK_STEPS)
    ticks[when, when // ACTIVE_STEPS % neurons] = 1
    return ticks


def position_code(position: Tensor) -> Tensor:
    """Return the bits (..., 48) of positions (..., 3) in m: floor((c + 1) 2^15), the lowest 16, lowest first.

    All set bits spike in every step. Beyond -1..1 m the code wraps around, as in the authors' code: the arm of the
    paper reaches up to 1.18 m.
    """
    if not torch.isfinite(position).all():
        raise InsituError("a position is NaN or infinite; correct the trajectory")
    code = ((position.double() + 1) * 2 ** (BITS - 1)).floor().long()
    bits: Tensor = code[..., None] >> torch.arange(BITS) & 1
    return bits.flatten(-2).float()
