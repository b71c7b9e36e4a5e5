"""A matrix in ordinary numbers: float, or b-bit integers with one scale per column.

Products are those of ``kernels/exact.py``, sums of whole numbers in float64: no processor and no number of threads
gives other bits. They take two to three times as long as in float32, and a column takes 12 bytes per weight once it has
been multiplied.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from insitu.core import InsituError
from insitu.kernels import column_search, exact
from insitu.kernels.noisy_spiking import Rows
from insitu.kernels.quantiser import on_steps
from insitu.ledger import Ledger
from insitu.substrates import Substrate
from insitu.substrates._approximate import Graph, built
from insitu.substrates._checks import checked_rows, checked_size, checked_weights, column_numbers
from insitu.substrates._search import Best
from insitu.substrates._straight_through import straight_through


@dataclass(frozen=True, eq=False)
class Held:
    """A matrix (in, out), as float32 and, where bits are few, already rounded; and what writing it took."""

    weights: Tensor
    spent: Ledger
    earlier: Graph | None = None  # of the columns before the last ones were written

    @cached_property
    def graph(self) -> Graph:
        """What proposes columns to an approximate search, made at the first one."""
        usable = self.earlier is not None and not self.earlier.outdated(self.weights.shape[1])
        return self.earlier if self.earlier is not None and usable else built(self.weights)

    @property
    def latest(self) -> Graph | None:
        """The graph of these columns, or of earlier ones, where there is one."""
        return vars(self).get("graph", self.earlier)

    @cached_property
    def on_grid(self) -> Tensor:
        """The weights as exact products take them, made at the first product."""
        return exact.on_grid(self.weights, 0)

    @cached_property
    def norms(self) -> Tensor:
        """The Euclidean norms of the columns (out,), computed at the first search."""
        norms: Tensor = torch.linalg.vector_norm(self.weights, dim=0)
        return norms


@dataclass(frozen=True, eq=False)
class Batch:
    """Matrices (k, in, out), rounded where bits are few, in the precision in which they were given."""

    weights: Tensor
    rewritten: int
    spent: Ledger

    def copies(self, count: int) -> Batch:
        """Return ``count`` copies of a batch of one, on which nothing has been spent."""
        return Batch(self.weights.expand(count, -1, -1), 0, Ledger())


@dataclass(frozen=True)
class Digital(Substrate):
    """Exact arithmetic on float32 (bits 0), or weights rounded to b bits with one scale per column."""

    bits: int = 0  # of a weight; 0 keeps float32
    candidates: int = 0  # columns that an approximate search compares exactly per query; 0 searches all exactly

    def __post_init__(self) -> None:
        if self.candidates < 0:
            raise InsituError(f"candidates is 0 (exact search) or a number of columns; got {self.candidates}")
        if self.bits and not 2 <= self.bits <= 16:
            raise InsituError(f"bits is 0 (float) or 2..16; got {self.bits}")

    @property
    def exact(self) -> bool:
        """Whether weights are floats."""
        return not self.bits

    @property
    def weight_bytes(self) -> int:
        """Bytes that one weight, input or output takes."""
        return -(-self.bits // 8) or 4

    def blank(self, inputs: int, outputs: int, now_s: float, rng: np.random.Generator) -> Held:
        """Hold zeros."""
        checked_size(inputs, outputs)
        return Held(torch.zeros(inputs, outputs), Ledger())

    def expand(self, held: Held, outputs: int, now_s: float, rng: np.random.Generator) -> Held:
        """Append columns of zeros."""
        checked_size(len(held.weights), outputs)
        fresh = torch.zeros(len(held.weights), outputs)
        return replace(held, weights=torch.cat([held.weights, fresh], 1), earlier=held.latest)

    def add(self, held: Held, columns: list[int], amounts: Tensor, now_s: float, rng: np.random.Generator) -> Held:
        """Add ``amounts`` (in, len(columns)), or (shots, in, len(columns)), to columns."""
        columns = column_numbers(columns, self.outputs(held))
        amounts = amounts.sum(0) if amounts.ndim == 3 else amounts
        given = torch.from_numpy(checked_weights(amounts, len(held.weights), len(columns)))
        return self.write(held, columns, held.weights[:, columns] + given, now_s, rng)

    def write(self, held: Held, columns: list[int], weights: Tensor, now_s: float, rng: np.random.Generator) -> Held:
        """Replace columns by ``weights`` (in, len(columns))."""
        columns = column_numbers(columns, self.outputs(held))
        given = torch.from_numpy(checked_weights(weights, len(held.weights), len(columns)))
        changed = held.weights.clone()
        changed[:, columns] = self._round(given)
        earlier = held.latest and held.latest.after(columns)
        return Held(changed, held.spent + Ledger.of(written_weight=given.numel()), earlier)

    def erase(self, held: Held, columns: list[int], now_s: float, rng: np.random.Generator) -> Held:
        """Set columns to zero."""
        return self.write(held, columns, torch.zeros(len(held.weights), len(columns)), now_s, rng)

    def multiply(self, held: Held, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return x (batch, in) times the weights in float32, the same bits in any order; time changes nothing."""
        checked_rows(x, len(held.weights))
        out = (exact.on_grid(_finite(x, "x").float(), 1) @ held.on_grid).float()
        return straight_through(x, out, lambda: held.weights)

    def multiply_columns(
        self, held: Held, columns: list[int], x: Tensor, now_s: float, rng: np.random.Generator
    ) -> Tensor:
        """Return these columns of the product, (batch, len(columns)), of which no other is computed."""
        return self.multiply(replace(held, weights=held.weights[:, columns]), x.detach(), now_s, rng)

    def search(
        self,
        held: Held,
        x: Tensor,
        now_s: float,
        rng: np.random.Generator,
        scale: Tensor | None = None,
        offset: Tensor | None = None,
        allowed: Tensor | None = None,
    ) -> Tensor:
        """Return the column with the largest output, as ``Substrate.search`` does, at the speed of float32 products.

        With ``candidates``, the largest of the columns that have the most similar directions, and of those written
        lately: mostly, not always, the same column.
        """
        checked_rows(x, len(held.weights))
        best = Best(len(x), self.outputs(held), scale, offset, allowed)
        rows = _finite(x.detach(), "x").float()
        if self.candidates and self.outputs(held) >= column_search.WORTH:
            proposed = held.graph.best(rows, held.weights, self.candidates, best)
            if proposed is not None:
                return torch.from_numpy(proposed[0])
        found = column_search.search(rows, held.weights, held.norms, best.scale, best.offset, best.left_out)
        if found is None:
            return super().search(held, x, now_s, rng, scale, offset, allowed)
        return torch.from_numpy(found[0])

    def read(self, held: Held, now_s: float) -> tuple[Tensor, Tensor]:
        """Return the weights, which vary by nothing."""
        return held.weights, torch.zeros_like(held.weights)

    def outputs(self, held: Held) -> int:
        """Return the number of columns."""
        return held.weights.shape[1]

    def written(self, held: Held) -> Ledger:
        """Return how many weights have been written."""
        return held.spent

    def product_cost(self, held: Held, batch: int) -> Ledger:
        """Return multiply-accumulate operations, and bytes moved: weights once, inputs and outputs of every row."""
        inputs, outputs = held.weights.shape
        kind = "float_multiply_accumulate" if self.exact else "integer_multiply_accumulate"
        moved = self.weight_bytes * (inputs * outputs + batch * (inputs + outputs))
        return Ledger.of(**{kind: batch * inputs * outputs, "sram_byte": moved})

    def endurance(self, held: Held) -> dict[str, int]:
        """Return zeros: ordinary memory does not wear."""
        return {"set_pulses": 0, "resets": 0}

    def program_batch(self, matrices: Tensor, scale: None, now_s: float, rng: np.random.Generator) -> Batch:
        """Hold matrices (k, in, out), each rounded by itself."""
        weights = self._round(_finite(matrices, "what is written").detach())
        return Batch(weights, weights.numel(), Ledger.of(written_weight=weights.numel()))

    def reprogram_batch(self, batch: Batch, matrices: Tensor, now_s: float, rng: np.random.Generator) -> Batch:
        """Replace the matrices; columns that have changed count as written."""
        weights = self._round(_finite(matrices, "what is written").detach())
        rewritten = weights.shape[1] * int((weights != batch.weights).any(1).sum())
        return Batch(weights, rewritten, batch.spent + Ledger.of(written_weight=rewritten))

    def multiply_batch(self, batch: Batch, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return x (k, n, in) times the matrices, (k, n, out), in float64, the same bits in any order; detached."""
        return exact.product(_finite(x, "x"), batch.weights)

    def pulse_rows(self, held: Batch, now_s: float, part: slice = slice(None)) -> Rows:
        """Return the weights, without noise and converters."""
        mean = held.weights[part if len(held.weights) > 1 else slice(None)].float().numpy()
        return Rows(mean, np.zeros_like(mean), np.array([0, mean.shape[1]]), np.ones(1, np.float32), levels=0)

    def _round(self, weights: Tensor) -> Tensor:
        if not self.bits:
            return weights
        top = 2 ** (self.bits - 1) - 1
        scale = weights.abs().amax(-2, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny) / top
        return on_steps(weights, scale, -top, top)


def _finite(given: Tensor, what: str) -> Tensor:
    if not given.isfinite().all():
        raise InsituError(f"{what} must be finite; it holds NaN or infinity")
    return given
