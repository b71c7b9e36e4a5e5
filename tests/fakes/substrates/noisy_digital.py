"""A substrate of the smallest contract: floats, each read with independent noise, so that every verb is the room's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from insitu.ledger import Ledger
from insitu.substrates import Substrate
from insitu.substrates.digital import Digital, Held

FLOATS = Digital()


@dataclass(frozen=True)
class NoisyDigital(Substrate):
    """Floats behind a noisy read."""

    noise: float = 0.01  # standard deviation of one read of a weight

    def blank(self, inputs: int, outputs: int, now_s: float, rng: np.random.Generator) -> Held:
        return FLOATS.blank(inputs, outputs, now_s, rng)

    def expand(self, held: Held, outputs: int, now_s: float, rng: np.random.Generator) -> Held:
        return FLOATS.expand(held, outputs, now_s, rng)

    def add(self, held: Held, columns: list[int], amounts: Tensor, now_s: float, rng: np.random.Generator) -> Held:
        return FLOATS.add(held, columns, amounts, now_s, rng)

    def write(self, held: Held, columns: list[int], weights: Tensor, now_s: float, rng: np.random.Generator) -> Held:
        return FLOATS.write(held, columns, weights, now_s, rng)

    def erase(self, held: Held, columns: list[int], now_s: float, rng: np.random.Generator) -> Held:
        return FLOATS.erase(held, columns, now_s, rng)

    def multiply(self, held: Held, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        out = FLOATS.multiply(held, x, now_s, rng)
        drawn = torch.from_numpy(rng.standard_normal(tuple(out.shape))).float()
        return out + self.noise * x.detach().float().norm(dim=1, keepdim=True) * drawn

    def read(self, held: Held, now_s: float) -> tuple[Tensor, Tensor]:
        return held.weights, torch.full_like(held.weights, self.noise**2)

    def outputs(self, held: Held) -> int:
        return FLOATS.outputs(held)

    def written(self, held: Held) -> Ledger:
        return FLOATS.written(held)

    def product_cost(self, held: Held, batch: int) -> Ledger:
        return FLOATS.product_cost(held, batch)

    def endurance(self, held: Held) -> dict[str, int]:
        return FLOATS.endurance(held)
