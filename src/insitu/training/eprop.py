"""Meta-training of a spiking trainee and its learning-signal generator, so that one showing teaches a movement.

Ortner, Petschenig et al. (2025), as in their code: each iteration runs the trainee from the clock, the generator on the
positions of each movement, adds the increments of e-prop to the trainee's input and recurrent weights, runs it again,
and descends through all of it: half the squared error of the hand (m), half that of the velocities (rad/s), and .25
times the sum over neurons of (rate - target)^2, rates in spikes per step, of 20 Hz in the trainee and 10 Hz in the
generator. The gradient is exact but for the surrogate derivative of spikes: it passes through slopes and traces of the
first run as well, which is the same for all movements and run once. Unlike theirs it passes through the adaptation.

Own choices, which replace most of the 100 000 iterations of 90 movements:
1. ``told``: at first the trainee learns with signals that are a table times the velocities, low-passed as a readout
   does it, and so does the table; no generator is needed.
2. ``decoding``: the generator learns to read these velocities off positions.
3. ``whole``: its readouts are then decoder times table, and both networks are trained together.
Movements are within the joints' limits only, since velocities of the others contradict their positions. The generator's
input weights begin as if each bit counted what it stands for, so that currents are linear in positions, and rest at
about the threshold. Adam's rate rises over the first hundredth of a phase and falls to zero by half a cosine; gradients
are clipped; the trainee's adaptive weights are kept within -1..1, the range of the devices. From ``rounding_from`` of a
phase on, every second iteration rounds increments to ``step`` of the range (gradients pass straight through) with noisy
devices: all weights once, those that change once more for each movement, normal of standard deviation ``noise``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from insitu.backbones.spiking import NAMES, Spiking
from insitu.core import InsituError, generator
from insitu.training import _checkpoint as checkpoint
from insitu.training import _eprop_phases as phases
from insitu.training._eprop_errors import decoding, errors, held_out
from insitu.training._eprop_phases import DECODER, LOUD, TABLE, Rates, Update

WATCHED = 64  # movements that each line of progress is about
LEARNED = {"told": (*NAMES[:3], TABLE), "decoding": (*NAMES[3:5], DECODER), "whole": NAMES}


@dataclass(frozen=True)
class EpropTrain:
    """Movements shown once: update the trainee, let it move from the clock, descend through both runs."""

    told: int = 1_200  # iterations with signals from a table
    decoding: int = 2_500  # iterations of the generator alone
    whole: int = 15_000  # iterations of both
    movements: int = 32  # of an iteration
    steps: int = 250  # of 1 ms
    inner_rate: float = 1e-4
    told_rate: float = 3e-3  # of Adam, at most
    decoding_rate: float = 2e-3
    whole_rate: float = 1e-3
    clip: float = 1.0  # largest norm of a gradient
    blur: float = 0.5  # rad/s, of velocities told by the table, each step by itself
    rounding_from: float = 0.25  # share of phases 1 and 3 after which every second iteration is that of devices
    step: float = 1 / 16  # of the weights' range that increments are rounded to
    noise: float = 0.025  # of a device, as a share of the range
    trainee_hz: float = 20.0
    teacher_hz: float = 10.0
    rate_weight: float = 0.25  # of the rates' error in the loss
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("told", 0), ("decoding", 0), ("whole", 1), ("movements", 1), ("steps", 2)):
            if getattr(self, name) < least:
                raise InsituError(f"{name} is at least {least}; got {getattr(self, name)}")
        for name in ("inner_rate", "told_rate", "decoding_rate", "whole_rate", "clip", "step"):
            if not 0 < getattr(self, name) < math.inf:
                raise InsituError(f"{name} is above 0 and finite; got {getattr(self, name)}")
        for name in ("blur", "noise", "trainee_hz", "teacher_hz", "rate_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InsituError(f"{name} is 0 or more and finite; got {getattr(self, name)}")
        if not 0 <= self.rounding_from <= 1:
            raise InsituError(f"rounding_from is a share of the iterations, 0..1; got {self.rounding_from}")

    def phase(self, done: int) -> tuple[str, int, int]:
        """Return the phase after so many iterations, how many of its own are done, and how many it has."""
        for name in ("told", "decoding", "whole"):
            if done < getattr(self, name):
                return name, done, getattr(self, name)
            done -= getattr(self, name)
        raise InsituError(f"the training has {self.iterations} iterations; all are done")

    def on_devices(self, noise: float) -> Update:
        """Return an update of devices with this noise."""
        return Update(self.inner_rate, self.step, noise)

    @property
    def iterations(self) -> int:
        """Of all phases."""
        return self.told + self.decoding + self.whole


@dataclass(frozen=True)
class Progress:
    """What meta-training says after each logging interval."""

    step: int
    steps: int
    phase: str
    loss: float
    about: str  # errors on held-out movements
    iterations_per_s: float
    left_s: float


def train(
    recipe: EpropTrain,
    record: Spiking,
    weights: dict[str, Tensor],
    file: Path,
    every_s: float = 200.0,
    log_s: float = 30.0,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Progress]:
    """Train ``weights`` (see ``start``) in place; yield progress.

    A second call with the same arguments goes on from the checkpoint and ends with exactly the weights of an unbroken
    run; where ``stop()`` turns true the state is saved and the iterator ends.
    """
    what, done, stored = f"{record} {asdict(recipe)}", 0, None
    if state := checkpoint.load(file, what):
        with torch.no_grad():
            for name, value in weights.items():
                value.copy_(state["network"][name])
        done, stored = state["step"], state["optimiser"]
    logged = saved = time.monotonic()
    seen, total, optimiser = 0, 0.0, None
    while done < recipe.iterations:
        phase, own, count = recipe.phase(done)
        if optimiser is None or not own:
            # what was stored at the end of a phase belongs to that one
            optimiser = _optimiser(recipe, weights, phase, own, stored if own else None)
        learned = optimiser.param_groups[0]["params"]
        optimiser.param_groups[0]["lr"] = _rate(getattr(recipe, f"{phase}_rate"), own, count)
        optimiser.zero_grad(set_to_none=True)
        loss = _loss(recipe, record, weights, done)
        loss.backward()
        norm = float(torch.nn.utils.clip_grad_norm_(learned, recipe.clip))
        if not math.isfinite(loss.item()) or not math.isfinite(norm):
            raise checkpoint.diverged(file, done, f"the loss is {loss.item()}, the norm of its gradient {norm}")
        optimiser.step()
        with torch.no_grad():
            for name in NAMES[:2]:
                weights[name].clamp_(-1, 1)
        done, seen, total = done + 1, seen + 1, total + loss.item()
        now = time.monotonic()
        stopping, last = stop(), done == recipe.iterations  # asked once, so that what ends is what was saved
        if now - saved > every_s or last or stopping:
            kept = {name: value.detach() for name, value in weights.items()}
            checkpoint.save(file, what, {"network": kept, "optimiser": optimiser.state_dict(), "step": done})
            saved = time.monotonic()
        if now - logged > log_s or own + 1 == count:
            speed = seen / max(now - logged, 1e-9)
            left = (recipe.iterations - done) / speed
            about = _about(recipe, record, weights, phase)
            yield Progress(done, recipe.iterations, phase, total / seen, about, speed, left)
            logged, seen, total = time.monotonic(), 0, 0.0
        if stopping:
            return


def start(recipe: EpropTrain, record: Spiking) -> dict[str, Tensor]:
    """Return the weights of both networks by name before any training, with table and decoder."""
    drawn = generator(recipe.seed, "table").standard_normal((record.joints, record.trainee))
    return {
        **{name: value.clone() for name, value in record.build(recipe.seed).state_dict().items()},
        TABLE: 0.3 * torch.from_numpy(drawn).float(),
        DECODER: torch.zeros(record.teacher, record.joints),
    }


def _optimiser(
    recipe: EpropTrain, weights: dict[str, Tensor], phase: str, own: int, stored: dict[str, Any] | None
) -> torch.optim.Adam:
    """Return the optimiser of a phase; at its beginning, the generator comes to speak through decoder and table."""
    if phase == "whole" and not own and recipe.decoding:
        with torch.no_grad():
            weights["teacher.w_out"].copy_(LOUD * weights[DECODER] @ weights[TABLE])
    optimiser = torch.optim.Adam([weights[name].requires_grad_() for name in LEARNED[phase]])
    if stored is not None:
        optimiser.load_state_dict(stored)
    return optimiser


def _rate(most: float, own: int, count: int) -> float:
    """Return Adam's rate of a phase after ``own`` of ``count`` iterations."""
    return most * min(1.0, 100 * (own + 1) / count) * 0.5 * (1 + math.cos(math.pi * own / count))


def _loss(recipe: EpropTrain, record: Spiking, weights: dict[str, Tensor], done: int) -> Tensor:
    phase, own, count = recipe.phase(done)
    rng = generator(recipe.seed, "iteration", done)
    omega, position = phases.movements(recipe.movements, recipe.steps, rng)
    rates = Rates(recipe.trainee_hz / 1000, recipe.teacher_hz / 1000, recipe.rate_weight)
    devices = own >= recipe.rounding_from * count and own % 2
    by = recipe.on_devices(recipe.noise) if devices else Update(recipe.inner_rate)
    if phase == "told":
        return phases.told(record, weights, omega, position, by, rates, recipe.blur, rng)
    if phase == "decoding":
        return phases.decoded(record, weights, omega, position, rates)
    return phases.whole(record, weights, omega, position, by, rates, rng)


def _about(recipe: EpropTrain, record: Spiking, weights: dict[str, Tensor], phase: str) -> str:
    """Say how held-out movements fare, always the same."""
    omega, position = held_out(WATCHED, recipe.steps, recipe.seed)
    if phase == "decoding":
        return f"velocities are read with an error of {decoding(record, weights, omega, position):.3f} rad/s"
    by_table = phase == "told"
    exact, coarse, device = (
        errors(record, weights, omega, position, by, by_table)
        for by in (Update(recipe.inner_rate), recipe.on_devices(0.0), recipe.on_devices(recipe.noise))
    )
    before = "/".join(f"{error:.3f}" for error in exact.before)
    return (
        f"{before} -> {exact.about}; rounded {coarse.about} ({100 * coarse.changed:.1f} % change); noisy too "
        f"{device.about}; {exact.trainee_hz:.0f}, {exact.teacher_hz:.0f} Hz"
    )
