"""What spiking networks of the arm hear: a clock, and positions as bits."""

from __future__ import annotations

import torch
from torch import Tensor

from insitu.core import InsituError

BITS = 16  # of a coordinate
AXES = 3
BEAT = 10  # steps from tick to tick
TURN = 50  # steps of each clock neuron


def clock(steps: int, neurons: int = 5) -> Tensor:
    """Return spikes (steps, neurons): each neuron in turn for 50 ms, a spike every 10 ms, from the first step on."""
    ticks = torch.zeros(steps, neurons)
    when = torch.arange(0, steps, BEAT)
    ticks[when, when // TURN % neurons] = 1
    return ticks


def position_code(position: Tensor) -> Tensor:
    """Return the bits (..., 48) of positions (..., 3) in m: floor((c + 1) 2^15), the lowest 16, lowest first.

    All set bits spike in every step. Beyond -1..1 m the code begins anew, as in the authors' code: the arm of the paper
    reaches up to 1.18 m.
    """
    if not torch.isfinite(position).all():
        raise InsituError("a position is NaN or infinite; mend the trajectory")
    code = ((position.double() + 1) * 2 ** (BITS - 1)).floor().long()
    bits: Tensor = code[..., None] >> torch.arange(BITS) & 1
    return bits.flatten(-2).float()
