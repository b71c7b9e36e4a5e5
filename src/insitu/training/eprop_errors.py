"""Errors of a trainee on movements demonstrated once, measured on movements that are never trained on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from insitu.backbones.spiking import Spiking
from insitu.core import generator
from insitu.scenarios.robot_arm import kinematics
from insitu.training import eprop_phases as phases
from insitu.training.eprop_phases import DECODER, TABLE, Update


@dataclass(frozen=True)
class Errors:
    """Medians over movements of root mean square errors over time."""

    before: tuple[float, ...]  # of each joint's velocity before the update, rad/s
    after: tuple[float, ...]
    hand_cm: float  # of the hand after the update, joints held at their limits
    changed: float  # share of the adaptive weights that the update changes
    trainee_hz: float  # mean firing rate after the update
    signal_generator_hz: float  # mean firing rate

    @property
    def summary(self) -> str:
        """The errors after the update as text."""
        return f"{'/'.join(f'{error:.3f}' for error in self.after)} rad/s, hand {self.hand_cm:.1f} cm"


def held_out(count: int, steps: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return movements that no iteration draws."""
    return phases.movements(count, steps, generator(seed, "held out movements"))


@torch.no_grad()
def errors(
    record: Spiking, weights: dict[str, Tensor], omega: Tensor, position: Tensor, by: Update, table: bool = False
) -> Errors:
    """Update once by the generator's signals, or by those of the table, and compare."""
    steps = omega.shape[1]
    trainee, signal_generator = phases.pair(weights)
    rng = generator(0, "devices")
    trainee = phases.noisy(trainee, by, rng)
    shown = record.move(trainee, steps, spikes=True)
    if table:
        signals, spikes = phases.TABLE_GAIN * phases.low_passed(record, omega) @ weights[TABLE], 0.0
    else:
        run = record.signals(signal_generator, position)
        signals, spikes = run.readout, float(run.counts.mean())
    after = phases.updated(record, trainee, shown, signals, by, rng)
    again = record.move(after, steps)
    moved = again.readout.transpose(0, 1)
    hand = (kinematics.path(moved) - position).norm(dim=2).square().mean(1).sqrt()
    changed = [(new != old).float().sum() for new, old in zip(after[:2], trainee[:2], strict=True)]
    return Errors(
        _joints(shown.readout.transpose(0, 1), omega),
        _joints(moved, omega),
        100 * float(hand.median()),
        float(sum(changed)) / len(omega) / sum(weight.numel() for weight in trainee[:2]),
        1000 / steps * float(again.counts.mean()),
        1000 / steps * spikes,
    )


@torch.no_grad()
def decoding_error(record: Spiking, weights: dict[str, Tensor], omega: Tensor, position: Tensor) -> float:
    """Return the root mean square error of velocities that the generator decodes from positions, in rad/s."""
    read = record.signals(phases.pair(weights)[1]._replace(w_out=weights[DECODER]), position)
    return float((read.readout - phases.low_passed(record, omega)).square().mean().sqrt())


def _joints(moved: Tensor, omega: Tensor) -> tuple[float, ...]:
    return tuple((moved - omega).square().mean(1).sqrt().median(0).values.tolist())
