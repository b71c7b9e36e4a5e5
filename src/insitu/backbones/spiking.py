"""Spiking trainee that moves a robot arm, and its learning-signal generator: 250 LIF, and 560 LIF with 240 adaptive.

Ortner, Petschenig et al., Nat. Commun. 16 (2025). Both are driven by a clock of five neurons; only the generator
receives the target, as bits of the hand's position. Its 250 readouts are the learning signals of one update by e-prop
(``kernels/eprop.py``) of the trainee's input and recurrent weights; the trainee's two readouts are the velocities of
the joints in rad/s. A step is 1 ms. Weights are explicit arguments, shared or one set per movement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from insitu.backbones import Backbone, StateDict, Storage
from insitu.backbones.spiking_codes import AXES, BITS, clock, position_code
from insitu.core import InsituError, generator
from insitu.kernels import eprop, exact, spiking
from insitu.kernels.spiking import Neurons, Run

REST = (0.92, -0.033, 0.3585)  # m, where the hand starts


class Weights(NamedTuple):
    """Weights of one network, from row to column; the first two may carry a dimension for samples in front."""

    w_in: Tensor  # (inputs, size)
    w_rec: Tensor  # (size, size), the diagonal is not used
    w_out: Tensor  # (size, out)


NAMES = tuple(f"{who}.{name}" for who in ("trainee", "signal_generator") for name in Weights._fields)


@dataclass(frozen=True)
class Spiking(Backbone):
    """Sizes of both networks; their neurons are those of the paper."""

    storage: ClassVar[Storage] = StateDict(torch.float16)
    former_names: ClassVar[Mapping[str, str]] = {"teacher": "signal_generator"}  # before version 0.2

    trainee: int = 250  # neurons of the network that moves the arm
    signal_generator: int = 800  # neurons of the learning-signal generator
    adaptive: int = 240  # neurons of the generator that have an adaptive threshold
    clock: int = 5  # input neurons that tell the time
    joints: int = 2  # joints of the arm, one readout each

    def __post_init__(self) -> None:
        for name in ("trainee", "signal_generator", "clock", "joints"):
            if getattr(self, name) < 1:
                raise InsituError(f"{name} is at least 1; got {getattr(self, name)}")
        if not 0 <= self.adaptive <= self.signal_generator:
            raise InsituError(f"adaptive is 0 to {self.signal_generator}, the generator's neurons; got {self.adaptive}")

    @property
    def serves(self) -> tuple[str, ...]:
        """See ``Backbone.serves``."""
        return ("movements",)

    @property
    def trainee_neurons(self) -> Neurons:
        """Constants of the network that moves the arm."""
        return Neurons(threshold=0.6)

    @property
    def signal_generator_neurons(self) -> Neurons:
        """Constants of the learning-signal generator."""
        return Neurons(threshold=1.3, adaptive=self.adaptive)

    def build(self, seed: int = 0) -> SpikingModule:
        """Return both networks before any training: normal weights of variance 1 / inputs.

        Own choice for the inputs that carry positions: a bit weighs its place value, so that currents are linear in
        position, and where the hand starts they bring a neuron to between 0 and twice its threshold.
        """
        rng = generator(seed, "spiking")

        def normal(rows: int, columns: int) -> Tensor:
            drawn: Tensor = torch.from_numpy(rng.standard_normal((rows, columns), np.float32)) / rows**0.5
            return drawn

        own, others = self.trainee_neurons, self.signal_generator_neurons
        size = self.signal_generator
        glorot = (6 / (size + self.trainee)) ** 0.5
        out = torch.from_numpy(rng.uniform(-glorot, glorot, (size, self.trainee)).astype(np.float32))
        rest = torch.tensor(REST) + 1
        slopes = torch.from_numpy(rng.standard_normal((AXES, size), np.float32))
        level = 2 * others.threshold * (1 - others.decay) * torch.from_numpy(rng.random(size, np.float32))
        slopes -= rest[:, None] * (rest @ slopes - level) / rest.square().sum()
        position = (2.0 ** torch.arange(1 - BITS, 1)[None, :, None] * slopes[:, None]).reshape(AXES * BITS, size)
        trainee = Weights(
            normal(self.clock, self.trainee),
            normal(self.trainee, self.trainee),
            normal(self.trainee, self.joints) * (1 - own.kappa),
        )
        signal_generator = Weights(torch.cat([0.3 * normal(self.clock, size), position]), normal(size, size), out)
        return SpikingModule(self, trainee, signal_generator)

    def move(self, trainee: Weights, steps: int, spikes: bool = False) -> Run:
        """Run the trainee from the clock alone; its readouts are velocities (steps, batch, joints) in rad/s.

        Weights of one movement give a batch of 1. ``spikes`` are needed where an update follows.
        """
        ticks = clock(steps, self.clock)
        w_in = trainee.w_in if trainee.w_in.ndim == 3 else trainee.w_in[None]
        current = torch.matmul(ticks, w_in).transpose(0, 1)
        return spiking.run(current, trainee.w_rec, trainee.w_out, self.trainee_neurons, spikes)

    def signals(self, signal_generator: Weights, position: Tensor) -> Run:
        """Run the generator on positions (batch, steps, 3) in m; its readouts (steps, batch, trainee) are the signals.

        Weights with another readout give what that reads instead.
        """
        if position.ndim != 3 or position.shape[2] != AXES:
            raise InsituError(f"positions are (movements, steps, {AXES}); got {tuple(position.shape)}")
        batch, steps, _ = position.shape
        ticks = clock(steps, self.clock)[:, None].expand(-1, batch, -1)
        x = torch.cat([ticks, position_code(position).transpose(0, 1)], 2)
        w_in, w_rec, w_out = signal_generator
        current = x @ w_in if w_in.requires_grad else exact.product(x, w_in).float()
        return spiking.run(current, w_rec, w_out, self.signal_generator_neurons)

    def increments(self, shown: Run, signals: Tensor, learning_rate: float) -> tuple[Tensor, Tensor]:
        """Return the increments of input (batch, clock, size) and recurrent weights (batch, size, size).

        ``shown`` is the run before the update with its spikes, of one movement or one per movement of the signals.
        """
        if shown.spikes is None:
            raise InsituError("an update needs the spikes of the run before it; move with spikes=True")
        decay, ticks = self.trainee_neurons.decay, clock(len(signals), self.clock)
        return eprop.increments(signals, shown.slope, ticks, shown.spikes, decay, learning_rate)


class SpikingModule(nn.Module):
    """Weights of both networks, named ``trainee.w_in`` and so on; it computes nothing by itself."""

    def __init__(self, record: Spiking, trainee: Weights, signal_generator: Weights) -> None:
        super().__init__()
        self.record = record
        self.trainee = nn.ParameterDict(trainee._asdict())
        self.signal_generator = nn.ParameterDict(signal_generator._asdict())
