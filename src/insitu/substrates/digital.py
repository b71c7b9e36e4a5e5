"""A matrix in ordinary numbers: float, or b-bit integers with one scale per column."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from insitu.core import InsituError
from insitu.ledger import Ledger
from insitu.substrates import Substrate


@dataclass(frozen=True, eq=False)
class Held:
    """A matrix (in, out), as float32 and, where bits are few, already rounded; and what writing it took."""

    weights: Tensor
    spent: Ledger


@dataclass(frozen=True)
class Digital(Substrate):
    """Exact arithmetic in float32 (bits 0), or weights rounded to b bits with one scale per column."""

    bits: int = 0  # of a weight; 0 keeps float32

    def __post_init__(self) -> None:
        if self.bits and not 2 <= self.bits <= 16:
            raise InsituError(f"bits is 0 (float) or 2..16; got {self.bits}")

    def store(self, weights: Tensor, now_s: float, rng: np.random.Generator) -> Held:
        """Hold ``weights`` (in, out)."""
        return Held(self._round(weights.detach().float()), Ledger.of(written_weight=weights.numel()))

    def blank(self, inputs: int, outputs: int, now_s: float, rng: np.random.Generator) -> Held:
        """Hold zeros."""
        return Held(torch.zeros(inputs, outputs), Ledger())

    def expand(self, held: Held, outputs: int, now_s: float, rng: np.random.Generator) -> Held:
        """Append columns of zeros."""
        fresh = torch.zeros(held.weights.shape[0], outputs)
        return replace(held, weights=torch.cat([held.weights, fresh], 1))

    def add(self, held: Held, columns: list[int], amounts: Tensor, now_s: float, rng: np.random.Generator) -> Held:
        """Add ``amounts`` (in, len(columns)) to columns."""
        return self.write(held, columns, held.weights[:, columns] + amounts, now_s, rng)

    def write(self, held: Held, columns: list[int], weights: Tensor, now_s: float, rng: np.random.Generator) -> Held:
        """Replace columns by ``weights`` (in, len(columns))."""
        changed = held.weights.clone()
        changed[:, columns] = self._round(weights.detach().float())
        return Held(changed, held.spent + Ledger.of(written_weight=weights.numel()))

    def erase(self, held: Held, columns: list[int], now_s: float, rng: np.random.Generator) -> Held:
        """Set columns to zero."""
        return self.write(held, columns, torch.zeros(held.weights.shape[0], len(columns)), now_s, rng)

    def multiply(self, held: Held, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return x (batch, in) times the weights, exactly; time changes nothing."""
        return x @ held.weights

    def written(self, held: Held) -> Ledger:
        """Return how many weights have been written."""
        return held.spent

    def product_cost(self, held: Held, batch: int) -> Ledger:
        """Return multiply-accumulate operations."""
        return Ledger.of(digital_mac=batch * held.weights.numel())

    def endurance(self, held: Held) -> dict[str, int]:
        """Return zeros: ordinary memory does not wear."""
        return {"set_pulses": 0, "resets": 0}

    def _round(self, weights: Tensor) -> Tensor:
        if not self.bits:
            return weights
        top = 2 ** (self.bits - 1) - 1
        scale = weights.abs().amax(0, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny) / top
        return torch.round(weights / scale) * scale
