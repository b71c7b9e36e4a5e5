"""Nearest class mean with noise on every score, which grows with age: a stand-in for a device."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from insitu.core import InsituError
from insitu.devices import Device
from insitu.devices.ideal import Ideal
from insitu.learners import Learner
from insitu.ledger import Ledger
from insitu.protocols import Examples, Protocol, counted_sessions, few_shot_sessions
from insitu.protocols.few_shot_sessions import FewShotBase


@dataclass(frozen=True)
class Held:
    """What the memory is held in."""

    device: Device = field(default_factory=Ideal)
    adc_bits: int = 8  # of the converter; 0 is exact
    signed: bool = True
    scheme: Literal["pair", "single"] = "pair"


@dataclass(frozen=True)
class State:
    """Means by class, and pulses given."""

    means: Tensor
    time_s: float
    pulses: int


@dataclass(frozen=True)
class NoisyMean(Learner[FewShotBase, State]):
    """Nearest mean, noisy."""

    protocols: ClassVar[tuple[Protocol, ...]] = (few_shot_sessions.PROTOCOL, counted_sessions.PROTOCOL)

    noise: float = 0.0  # standard deviation of a score
    held: Held = field(default_factory=Held)

    def __post_init__(self) -> None:
        if self.noise < 0:
            raise InsituError(f"noise is at least 0; got {self.noise}")

    def prepare(self, base: FewShotBase, now_s: float, rng: np.random.Generator) -> State:
        return State(base.means, now_s, 100)

    def learn(self, state: State, examples: Examples, now_s: float, rng: np.random.Generator) -> State:
        new = [examples.x[examples.labels == label].mean(0) for label in examples.labels.unique()]
        return State(torch.cat([state.means, torch.stack(new)]), now_s, state.pulses + 10 * len(examples))

    def predict(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        scores = -torch.cdist(x, state.means)
        aged = self.noise * (1 + 0.05 * np.log1p((now_s - state.time_s) / 60))
        noise = aged * torch.from_numpy(rng.standard_normal(tuple(scores.shape))).float()
        return (scores + noise).argmax(1)

    def cost(self, state: State) -> Ledger:
        return Ledger.of(set_pulse=state.pulses, program_and_verify=7)

    def query_cost(self, state: State) -> Ledger:
        return Ledger.of(core_product=2, adc_conversion=len(state.means))
