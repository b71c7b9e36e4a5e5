"""The two spiking networks that a learner of movements is prepared with, and how the trainee runs on devices."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from insitu.backbones.spiking import NAMES, Spiking, Weights
from insitu.backbones.spiking_codes import AXES, BITS, clock
from insitu.core import InsituError
from insitu.kernels import noisy_spiking
from insitu.kernels.noisy_spiking import Rows
from insitu.kernels.spiking import Run
from insitu.protocols.trajectories import ArmBase


class Networks(NamedTuple):
    """Their sizes and their weights, as meta-trained."""

    record: Spiking
    trainee: Weights
    signal_generator: Weights

    @property
    def matrix(self) -> Tensor:
        """What the trainee adapts, as one array holds it (clock + size, size): no neuron drives itself."""
        return joined(self.trainee)


def networks_of(base: ArmBase) -> Networks:
    """Return the networks of the base; raise ``InsituError`` where weights are missing or do not fit together."""
    held = base.weights
    try:
        record = Spiking(**base.card["record"])
    except (KeyError, TypeError) as error:
        raise InsituError(
            f"these weights are not those of a trainee and its generator ({error}); take ortner2025_arm, or train again"
        ) from error
    size, others, heard = record.trainee, record.teacher, record.clock + AXES * BITS
    shapes = (
        (record.clock, size),
        (size, size),
        (size, record.joints),
        (heard, others),
        (others, others),
        (others, size),
    )
    for name, shape in zip(NAMES, shapes, strict=True):
        if name not in held or tuple(held[name].shape) != shape:
            given = tuple(held[name].shape) if name in held else "nothing"
            raise InsituError(f"{name} of the base is {shape} in {record}; got {given}; use the card of these weights")
    values = [held[name].detach().float() for name in NAMES]
    return Networks(record, Weights(*values[:3]), Weights(*values[3:]))


def joined(weights: Weights) -> Tensor:
    """Return input and recurrent weights as one matrix (..., clock + size, size), its diagonal zero."""
    own = torch.eye(weights.w_rec.shape[-1], dtype=torch.bool)
    rec = weights.w_rec.masked_fill(own, 0)
    w_in = weights.w_in.expand(*rec.shape[:-2], *weights.w_in.shape[-2:])
    return torch.cat([w_in, rec], -2)


def parted(matrix: Tensor, networks: Networks) -> Weights:
    """Return the trainee with its adaptive weights from such a matrix."""
    inputs = networks.record.clock
    return Weights(matrix[..., :inputs, :], matrix[..., inputs:, :], networks.trainee.w_out)


def move_on_devices(networks: Networks, rows: Rows, count: int, steps: int, rng: np.random.Generator) -> Run:
    """Run the trainee ``count`` times from the clock, with read noise of its own in every step of each."""
    record = networks.record
    noise = rng.standard_normal((count, len(rows.full), steps, record.trainee), np.float32)
    ticks = clock(steps, record.clock)
    return noisy_spiking.run(ticks, rows, networks.trainee.w_out, record.trainee_neurons, noise)


def pulses_of(networks: Networks, run: Run) -> Tensor:
    """Return which rows pulse in each step of a run with spikes, (samples, steps, clock + size)."""
    assert run.spikes is not None
    steps, samples, _ = run.spikes.shape
    before = torch.cat([torch.zeros_like(run.spikes[:1]), run.spikes[:-1]])
    ticks = clock(steps, networks.record.clock)[:, None].expand(-1, samples, -1)
    return torch.cat([ticks, before], 2).transpose(0, 1)
