"""The losses of the three phases of ``training/eprop.py``.

``table_signals``: learning signals are read from a table, velocities @ table. ``decoder``: the generator learns to
decode velocities from positions. ``joint``: the generator's readouts are the signals, and both networks are trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from insitu.backbones.spiking import NAMES, Spiking, Weights
from insitu.kernels.eprop import low_pass
from insitu.kernels.spiking import Run
from insitu.scenarios.robot_arm import kinematics, wiener

TABLE, DECODER = "table", "decoder"
TABLE_GAIN = 50.0  # factor of the table, so that Adam's steps suit its entries


@dataclass(frozen=True)
class Update:
    """How the trainee is updated; weights on devices are within -1..1."""

    learning_rate: float
    step: float = 0.0  # that increments are rounded to; 0 rounds nothing
    noise: float = 0.0  # standard deviation of a device's error


Updates = Sequence[tuple[Update, int]]  # ways to update, and how many of the movements each is for


@dataclass(frozen=True)
class Rates:
    """Target firing rates, in spikes per step, and the weight of their error."""

    trainee: float
    signal_generator: float
    weight: float

    def error(self, target: float, *runs: Run) -> Tensor:
        """Return the weighted sum over neurons of the squared error of their mean rate over runs and samples."""
        rates = [run.counts.mean(0) / len(run.slope) for run in runs]
        loss: Tensor = self.weight * (torch.stack(rates).mean(0) - target).square().sum()
        return loss


def pair(weights: dict[str, Tensor]) -> tuple[Weights, Weights]:
    """Return trainee and generator."""
    values = [weights[name] for name in NAMES]
    return Weights(*values[:3]), Weights(*values[3:])


def movements(count: int, steps: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return velocities (count, steps, 2) and positions (count, steps, 3) of movements within the joints' limits."""
    found: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    while sum(len(omega) for omega, _ in found) < count:
        omega, position, reachable = wiener.trajectories(2 * count + 8, steps, rng)
        found.append((omega[reachable], position[reachable]))
    omega, position = (np.concatenate(parts)[:count] for parts in zip(*found, strict=True))
    return torch.from_numpy(omega), torch.from_numpy(position)


def table_signals(
    record: Spiking, weights: dict[str, Tensor], omega: Tensor, position: Tensor, by: Updates, rates: Rates,
    blur: float, rng: np.random.Generator,
) -> Tensor:  # fmt: skip
    """Return the loss of a trainee whose learning signals come from the table; they are read at blurred velocities."""
    blurred = omega + blur * torch.from_numpy(rng.standard_normal(tuple(omega.shape), dtype=np.float32))
    signals = TABLE_GAIN * low_passed(record, blurred) @ weights[TABLE]
    return trainee_loss(record, weights, signals, omega, position, by, rates, rng)


def decoder(record: Spiking, weights: dict[str, Tensor], omega: Tensor, position: Tensor, rates: Rates) -> Tensor:
    """Return the squared error of velocities that the generator decodes from positions."""
    signal_generator = pair(weights)[1]._replace(w_out=weights[DECODER])
    read = record.signals(signal_generator, position)
    error: Tensor = (read.readout - low_passed(record, omega)).square().mean()
    return error + rates.error(rates.signal_generator, read)


def joint(
    record: Spiking, weights: dict[str, Tensor], omega: Tensor, position: Tensor, by: Updates, rates: Rates,
    rng: np.random.Generator,
) -> Tensor:  # fmt: skip
    """Return the loss of both networks together."""
    signals = record.signals(pair(weights)[1], position)
    moved = trainee_loss(record, weights, signals.readout, omega, position, by, rates, rng)
    return moved + rates.error(rates.signal_generator, signals)


def trainee_loss(
    record: Spiking, weights: dict[str, Tensor], signals: Tensor, omega: Tensor, position: Tensor, by: Updates,
    rates: Rates, rng: np.random.Generator,
) -> Tensor:  # fmt: skip
    """Return the loss of a trainee that these signals update: the first movements in the first way, and so on."""
    loss, runs, start = omega.new_zeros(()), [], 0
    for update, count in by:
        part = slice(start, start + count)
        held = noisy(pair(weights)[0], update, rng)
        before = record.move(held, omega.shape[1], spikes=True)
        after = record.move(updated(record, held, before, signals[:, part], update, rng), omega.shape[1])
        loss = loss + count / len(omega) * movement_error(after, omega[part], position[part])
        runs += [before, after]
        start += count
    return loss + rates.error(rates.trainee, *runs)


def low_passed(record: Spiking, omega: Tensor) -> Tensor:
    """Return velocities (steps, batch, joints) as leaky readouts can follow them."""
    kappa = record.signal_generator_neurons.kappa
    return (1 - kappa) * low_pass(omega.transpose(0, 1), kappa)


def movement_error(run: Run, omega: Tensor, position: Tensor) -> Tensor:
    """Return half the squared error of velocities and half that of the hand, on joints without limits."""
    moved = run.readout.transpose(0, 1)
    hand = kinematics.forward(kinematics.angles_of(moved))
    error: Tensor = 0.5 * (moved - omega).square().mean() + 0.5 * (hand - position).square().mean()
    return error


def noisy(trainee: Weights, by: Update, rng: np.random.Generator) -> Weights:
    """Return the trainee on devices: each of its adaptive weights has an error."""
    if not by.noise:
        return trainee
    drawn = [torch.from_numpy(rng.standard_normal(tuple(w.shape), dtype=np.float32)) for w in trainee[:2]]
    return Weights(trainee.w_in + by.noise * drawn[0], trainee.w_rec + by.noise * drawn[1], trainee.w_out)


def updated(
    record: Spiking, trainee: Weights, shown: Run, signals: Tensor, by: Update, rng: np.random.Generator
) -> Weights:
    """Return the trainee after one update, for each movement."""
    increments = record.increments(shown, signals, by.learning_rate)
    pairs = zip(trainee[:2], increments, strict=True)
    if not by.step:
        w_in, w_rec = (weight + increment for weight, increment in pairs)
    else:
        w_in, w_rec = (_rounded(weight, increment, by, rng) for weight, increment in pairs)
    return Weights(w_in, w_rec, trainee.w_out)


def _rounded(weight: Tensor, increment: Tensor, by: Update, rng: np.random.Generator) -> Tensor:
    """Return weights after increments on the grid, within -1..1; devices that change get a new error.

    The gradient is straight through: that of the plain sum.
    """
    exact = weight + increment
    with torch.no_grad():
        on_grid = (increment / by.step).round() * by.step
        value = weight + on_grid
        if by.noise:
            where = on_grid.nonzero(as_tuple=True)
            value[where] += by.noise * torch.from_numpy(rng.standard_normal(len(where[0]), dtype=np.float32))
        value.clamp_(-1, 1)
    return exact + (value - exact).detach()
