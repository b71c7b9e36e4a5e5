"""Meta-training of a spiking trainee and its learning-signal generator: one demonstration teaches a movement.

Ortner, Petschenig et al. (2025), as in their code: each iteration runs the trainee from the clock, the generator on the
positions of each movement, adds the increments of e-prop to the trainee's input and recurrent weights, runs it again,
and descends through all of it: half the squared error of the hand (m), half that of the velocities (rad/s), and .25
times the sum over neurons of (rate - target)^2, rates in spikes per step, of 20 Hz in the trainee and 10 Hz in the
generator. The gradient is exact but for the surrogate derivative of spikes: it passes through slopes and traces of the
first run as well, which is the same for all movements and run once. Unlike theirs it passes through the adaptation.

Own choices, which replace most of the 100 000 iterations of 90 movements, in three phases:
1. ``table_signals``: the trainee learns with signals that are a table times the velocities, low-passed as a readout
   would, and so does the table; no generator is needed.
2. ``decoder``: the generator learns to decode these velocities from positions.
3. ``joint``: its readouts start as decoder times table, and both networks are trained together.
Movements are within the joints' limits only, since velocities of the others contradict their positions. The generator's
input weights start as if each bit had its place value, so that currents are linear in positions, and rest at about the
threshold. Adam's learning rate rises over the first hundredth of a phase and falls to zero by half a cosine; gradients
are clipped; the trainee's adaptive weights are kept within -1..1, the range of the devices. In phase 3 neurons of the
generator that have fallen silent start again (``training/recycling.py``). What is judged and stored, and what the next
phase starts from, is a running average of the weights. From ``rounding_from`` of a phase on, ``rounded`` of the
movements of each iteration are learned with increments rounded to ``step`` of the range (gradients pass straight
through) by noisy devices: all weights once, those that change once more for each movement, normal of standard deviation
``noise``. The others are learned exactly, in the same gradient.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from insitu import compute_device
from insitu.backbones.spiking import NAMES, Spiking
from insitu.core import InsituError, generator
from insitu.training import eprop_phases as phases
from insitu.training.eprop_errors import decoding_error, errors, held_out
from insitu.training.eprop_phases import DECODER, TABLE, TABLE_GAIN, Rates, Update, Updates
from insitu.training.loop import DivergedError, Report, Stage
from insitu.training.recycling import recycle

HELD_OUT = 64  # movements of each report, and of each search for silent neurons
LEARNED = {"table_signals": (*NAMES[:3], TABLE), "decoder": (*NAMES[3:5], DECODER), "joint": NAMES}  # by phase


@dataclass(frozen=True)
class EpropTrain:
    """Movements demonstrated once: update the trainee, let it move from the clock, descend through both runs."""

    table_signals: int = 1_200  # iterations of phase 1, the trainee with signals from a table
    decoder: int = 2_500  # iterations of phase 2, the generator alone
    joint: int = 15_000  # iterations of phase 3, both networks
    movements: int = 32  # movements of one iteration
    steps: int = 250  # steps of 1 ms of a movement
    inner_learning_rate: float = 1e-4  # step size of the e-prop update
    table_signals_learning_rate: float = 3e-3  # peak of Adam's learning rate in phase 1
    decoder_learning_rate: float = 2e-3  # peak of Adam's learning rate in phase 2
    joint_learning_rate: float = 1e-3  # peak of Adam's learning rate in phase 3
    clip: float = 1.0  # largest norm of a gradient
    blur: float = 0.5  # spread, in rad/s, of noise on each velocity that the table is read at
    rounding_from: float = 0.25  # share of phases 1 and 3 after which some movements are learned by devices
    rounded: float = 0.5  # share of the movements of an iteration that are learned by devices
    step: float = 1 / 16  # share of the weights' range that increments are rounded to
    noise: float = 0.025  # standard deviation of a device's error, as a share of the range
    trainee_hz: float = 20.0  # target firing rate of the trainee
    signal_generator_hz: float = 10.0  # target firing rate of the learning-signal generator
    rate_weight: float = 0.25  # weight of the firing rates' error in the loss
    recycling: int = 500  # iterations of phase 3 between searches for silent neurons, which start again; 0: no search
    averaging: float = 0.999  # share of the past in the running average of the weights, which is what is stored
    seed: int = 0  # seed of initial weights, movements and noise

    def __post_init__(self) -> None:
        least_of = {"table_signals": 0, "decoder": 0, "joint": 1, "recycling": 0, "movements": 1, "steps": 2}
        for name, least in least_of.items():
            if getattr(self, name) < least:
                raise InsituError(f"{name} is at least {least}; got {getattr(self, name)}")
        for name in ("inner_learning_rate", *(f"{phase}_learning_rate" for phase in LEARNED), "clip", "step"):
            if not 0 < getattr(self, name) < math.inf:
                raise InsituError(f"{name} is above 0 and finite; got {getattr(self, name)}")
        for name in ("blur", "noise", "trainee_hz", "signal_generator_hz", "rate_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InsituError(f"{name} is 0 or more and finite; got {getattr(self, name)}")
        if not 0 <= self.averaging < 1:
            raise InsituError(f"averaging is a share of the past, 0 (none) to below 1; got {self.averaging}")
        for name, of in (("rounding_from", "iterations"), ("rounded", "movements")):
            if not 0 <= getattr(self, name) <= 1:
                raise InsituError(f"{name} is a share of the {of}, 0..1; got {getattr(self, name)}")

    def phase(self, done: int) -> tuple[str, int, int]:
        """Return the phase after ``done`` iterations, how many of its own are done, and how many it has."""
        for name in LEARNED:
            if done < getattr(self, name):
                return name, done, getattr(self, name)
            done -= getattr(self, name)
        raise InsituError(f"the training has {self.iterations} iterations; all are done")

    def updates(self, devices: bool) -> Updates:
        """Return the ways to update of an iteration, with the number of movements of each."""
        noisy = round(self.rounded * self.movements) if devices else 0
        each = ((Update(self.inner_learning_rate), self.movements - noisy), (self.on_devices(self.noise), noisy))
        return [(update, count) for update, count in each if count]

    def on_devices(self, noise: float) -> Update:
        """Return an update of devices with this noise."""
        return Update(self.inner_learning_rate, self.step, noise)

    @property
    def iterations(self) -> int:
        """Number of iterations of all phases."""
        return self.table_signals + self.decoder + self.joint


class EpropTraining(Stage):
    """Trains ``weights`` (see ``initial_weights``) in place."""

    unit = "iterations"
    per_step = 1

    def __init__(self, recipe: EpropTrain, record: Spiking, weights: dict[str, Tensor]) -> None:
        if compute_device.chosen().type != "cpu":
            raise InsituError(
                f"spiking networks train on the processor alone, and device is {compute_device.chosen()}: take cpu"
            )
        self.recipe, self.record, self.weights = recipe, record, weights
        self.average = {name: value.clone() for name, value in weights.items()}
        self.steps, self.description = recipe.iterations, f"{record} {asdict(recipe)}"
        self.phase = ""
        self.optimiser: torch.optim.Adam | None = None
        self.stored: dict[str, Any] | None = None  # state of the optimiser in a checkpoint

    def state(self) -> dict[str, Any]:
        """See ``Stage.state``."""
        assert self.optimiser is not None
        network = {name: value.detach() for name, value in self.weights.items()}
        return {"network": network, "average": self.average, "optimiser": self.optimiser.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """See ``Stage.restore``."""
        _copy(state["network"], self.weights)
        _copy(state["average"], self.average)
        self.stored = state["optimiser"]

    def step(self, done: int) -> tuple[float, None]:
        """Descend once through movements drawn at random."""
        recipe = self.recipe
        phase, own, count = recipe.phase(done)
        if phase != self.phase:
            self._begin(phase, own)
        if phase == "joint" and recipe.recycling and own % recipe.recycling == 0:
            rng = generator(recipe.seed, "recycling", done)
            _, position = phases.movements(HELD_OUT, recipe.steps, rng)
            recycle(self.record, self.weights, (self.average,), position, rng)
        assert self.optimiser is not None
        [group] = self.optimiser.param_groups
        group["lr"] = _learning_rate(getattr(recipe, f"{phase}_learning_rate"), own, count)
        self.optimiser.zero_grad(set_to_none=True)
        loss = _loss(recipe, self.record, self.weights, done)
        loss.backward()
        norm = float(torch.nn.utils.clip_grad_norm_(group["params"], recipe.clip))
        if not math.isfinite(loss.item()) or not math.isfinite(norm):
            raise DivergedError(f"the loss is {loss.item()}, the norm of its gradient {norm}")
        self.optimiser.step()
        with torch.no_grad():
            for name in NAMES[:2]:
                self.weights[name].clamp_(-1, 1)
            past = min(recipe.averaging, (1 + own) / (10 + own))  # the first iterations soon count no more
            for name in LEARNED[phase]:
                self.average[name].lerp_(self.weights[name], 1 - past)
        return loss.item(), None

    def finish(self) -> None:
        """See ``Stage.finish``: the weights become their average."""
        _copy(self.average, self.weights)

    def report(self, done: int) -> Report:
        """Return the errors of the averaged weights on held-out movements, the same ones each time."""
        recipe, phase = self.recipe, self.phase
        shown = held_out(HELD_OUT, recipe.steps, recipe.seed)
        if phase == "decoder":
            error = decoding_error(self.record, self.average, *shown)
            return Report(phase, f"velocities are decoded with an error of {error:.3f} rad/s")
        exact, coarse, device = (
            errors(self.record, self.average, *shown, by, phase == "table_signals")
            for by in (Update(recipe.inner_learning_rate), recipe.on_devices(0.0), recipe.on_devices(recipe.noise))
        )
        before = "/".join(f"{error:.3f}" for error in exact.before)
        return Report(
            phase,
            f"{before} -> {exact.summary}; rounded {coarse.summary} ({100 * coarse.changed:.1f} % change); with noise "
            f"{device.summary}; {exact.trainee_hz:.0f}, {exact.signal_generator_hz:.0f} Hz",
        )

    def reports(self, done: int) -> bool:
        """Return whether a phase ends."""
        _, own, count = self.recipe.phase(done - 1)
        return own + 1 == count

    def _begin(self, phase: str, own: int) -> None:
        """Make the optimiser of a phase; the generator's readouts of phase 3 start as decoder times table."""
        if phase == "joint" and not own and self.recipe.decoder:
            readout = TABLE_GAIN * self.average[DECODER] @ self.average[TABLE]
            _copy({**self.average, "signal_generator.w_out": readout}, self.average)
        if not own:
            _copy(self.average, self.weights)
        self.phase = phase
        self.optimiser = torch.optim.Adam([self.weights[name].requires_grad_() for name in LEARNED[phase]])
        # a state that was stored at the end of a phase belongs to that one
        if self.stored is not None and own:
            self.optimiser.load_state_dict(self.stored)
        self.stored = None


def initial_weights(recipe: EpropTrain, record: Spiking) -> dict[str, Tensor]:
    """Return the weights of both networks by name before any training, with table and decoder."""
    drawn = generator(recipe.seed, "table").standard_normal((record.joints, record.trainee))
    return {
        **{name: value.clone() for name, value in record.build(recipe.seed).state_dict().items()},
        TABLE: 0.3 * torch.from_numpy(drawn).float(),
        DECODER: torch.zeros(record.signal_generator, record.joints),
    }


@torch.no_grad()
def _copy(source: dict[str, Tensor], target: dict[str, Tensor]) -> None:
    for name, value in target.items():
        value.copy_(source[name])


def _learning_rate(peak: float, own: int, count: int) -> float:
    """Return Adam's learning rate of a phase after ``own`` of ``count`` iterations."""
    return peak * min(1.0, 100 * (own + 1) / count) * 0.5 * (1 + math.cos(math.pi * own / count))


def _loss(recipe: EpropTrain, record: Spiking, weights: dict[str, Tensor], done: int) -> Tensor:
    phase, own, count = recipe.phase(done)
    rng = generator(recipe.seed, "iteration", done)
    omega, position = phases.movements(recipe.movements, recipe.steps, rng)
    rates = Rates(recipe.trainee_hz / 1000, recipe.signal_generator_hz / 1000, recipe.rate_weight)
    by = recipe.updates(own >= recipe.rounding_from * count)
    if phase == "table_signals":
        return phases.table_signals(record, weights, omega, position, by, rates, recipe.blur, rng)
    if phase == "decoder":
        return phases.decoder(record, weights, omega, position, rates)
    return phases.joint(record, weights, omega, position, by, rates, rng)
