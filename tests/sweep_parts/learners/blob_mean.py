"""Nearest mean with noisy scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from insitu.core import InsituError
from insitu.devices import Device
from insitu.devices.ideal import Ideal
from insitu.learners import Learner
from insitu.ledger import Ledger
from insitu.protocols import Examples, Protocol, few_shot_sessions
from insitu.protocols.few_shot_sessions import FewShotBase


@dataclass(frozen=True)
class BlobMean(Learner[FewShotBase, Tensor]):
    """Nearest mean; its state are the means."""

    protocols: ClassVar[tuple[Protocol, ...]] = (few_shot_sessions.PROTOCOL,)

    noise: float = 0.0  # standard deviation of a score
    bits: int = 0  # of a mean; 0 is exact
    centred: bool = True
    device: Device = field(default_factory=Ideal)

    def __post_init__(self) -> None:
        if not 0 <= self.bits <= 16:
            raise InsituError(f"bits is 0..16; got {self.bits}")

    def prepare(self, base: FewShotBase, now_s: float, rng: np.random.Generator) -> Tensor:
        return base.means

    def learn(self, state: Tensor, examples: Examples, now_s: float, rng: np.random.Generator) -> Tensor:
        return torch.cat([state, examples.x.mean(0, keepdim=True)])

    def predict(self, state: Tensor, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        held = (state * 2**self.bits).round() / 2**self.bits if self.bits else state
        scores = -torch.cdist(x, held)
        return (scores + self.noise * torch.from_numpy(rng.standard_normal(tuple(scores.shape))).float()).argmax(1)

    def cost(self, state: Tensor) -> Ledger:
        return Ledger.of(set_pulse=len(state))

    def query_cost(self, state: Tensor) -> Ledger:
        return Ledger.of(core_product=1)
