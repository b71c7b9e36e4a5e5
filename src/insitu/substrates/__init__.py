"""How matrices are held and multiplied: in float or b-bit numbers, or in devices between converters.

A substrate holds one matrix, or, for learners that adapt many tasks at once, a *batch* of matrices of one shape, or
*deltas*, many matrices that each differ in few weights from one base. The abstract verbs say what happens to one
matrix; batches and deltas are made of these unless a substrate has a faster or a more physical way.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from insitu.core import InsituError
from insitu.kernels.noisy_spiking import Rows
from insitu.ledger import Ledger
from insitu.substrates._batch import Batch, Programmed
from insitu.substrates._search import Best

PRODUCT = 2**22  # outputs that a search computes at a time


@dataclass(frozen=True)
class Substrate(ABC):
    """Holds matrices of shape (in, out) and multiplies rows by them. A held matrix is a value; verbs return a new one.

    ``held`` below is whatever ``store`` or ``blank`` returned; ``now_s`` is the time in seconds, which never runs
    backwards; ``rng`` is a NumPy generator. ``columns`` is a list of column numbers.
    """

    @property
    def exact(self) -> bool:
        """Whether products are those of the weights in floats, so that learners may compute as in software."""
        return False

    @property
    def superposes(self) -> bool:
        """Whether ``add`` is possible; devices that can only be programmed have no model of it."""
        return True

    def store(self, weights: Tensor, now_s: float, rng: np.random.Generator) -> Any:
        """Hold ``weights`` (in, out), written as exactly as the substrate can; products come out in their units."""
        if weights.ndim != 2:
            raise InsituError(f"weights are (in, out); got {tuple(weights.shape)}")
        inputs, outputs = weights.shape
        return self.write(self.blank(inputs, outputs, now_s, rng), list(range(outputs)), weights, now_s, rng)

    def filled(self, inputs: int) -> Substrate:
        """Return the variant of this substrate that best holds matrices of ``inputs`` rows; itself without tiles."""
        return self

    def uncompensated(self) -> Substrate:
        """Return the substrate that reads what this one holds without compensation of drift; itself without any."""
        return self

    @abstractmethod
    def blank(self, inputs: int, outputs: int, now_s: float, rng: np.random.Generator) -> Any:
        """Hold a matrix of erased cells."""

    @abstractmethod
    def expand(self, held: Any, outputs: int, now_s: float, rng: np.random.Generator) -> Any:
        """Append ``outputs`` erased columns."""

    @abstractmethod
    def add(self, held: Any, columns: list[int], amounts: Tensor, now_s: float, rng: np.random.Generator) -> Any:
        """Superpose ``amounts`` (in, len(columns)) on columns in place: a crossbar gives |amount| pulses.

        ``amounts`` may be of several shots, (shots, in, len(columns)), superposed in one go.
        """

    def approach(
        self, held: Any, columns: list[int], shares: Tensor, rounds: int, now_s: float, rng: np.random.Generator
    ) -> Any:
        """Bring columns to ``shares`` (in, len(columns)), -1..1 of full scale, from what they hold, in place.

        A crossbar reads the cells and pulses those that are off, in up to ``rounds`` rounds; others write the shares.
        """
        return self.write(held, columns, shares, now_s, rng)

    @abstractmethod
    def write(self, held: Any, columns: list[int], weights: Tensor, now_s: float, rng: np.random.Generator) -> Any:
        """Replace columns by ``weights`` (in, len(columns)), programmed as exactly as the substrate can."""

    @abstractmethod
    def erase(self, held: Any, columns: list[int], now_s: float, rng: np.random.Generator) -> Any:
        """RESET the cells of these columns."""

    def calibrate(self, held: Any, x: Tensor, now_s: float, columns: list[int] | None = None, since: Any = None) -> Any:
        """Fit converter ranges to inputs like ``x`` (batch, in); a substrate without converters has nothing to fit.

        With ``columns``, the only ones written after ``since``, ranges are no narrower than they were then, and only
        widened for what these columns need.
        """
        return held

    @abstractmethod
    def multiply(self, held: Any, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return x (batch, in) times the held matrix, (batch, out), as the hardware gives it at ``now_s``.

        The gradient with respect to x is that of the exact product with the held mean (straight-through).
        """

    def multiply_columns(
        self, held: Any, columns: list[int], x: Tensor, now_s: float, rng: np.random.Generator
    ) -> Tensor:
        """Return these columns of the product, (batch, len(columns)); detached."""
        return self.multiply(held, x.detach(), now_s, rng)[:, columns]

    def search(
        self,
        held: Any,
        x: Tensor,
        now_s: float,
        rng: np.random.Generator,
        scale: Tensor | None = None,
        offset: Tensor | None = None,
        allowed: Tensor | None = None,
    ) -> Tensor:
        """Return for every row of x (batch, in) the column (batch,), int64, with the largest output.

        Outputs are those of ``multiply``, in digital times ``scale`` (out,) plus ``offset`` (out,) where given; of
        equal ones the first column wins. ``allowed`` (out,), bool, leaves columns out. Outputs are computed in parts.
        """
        outputs = self.outputs(held)
        best = Best(len(x), outputs, scale, offset, allowed)
        rows = max(PRODUCT // max(outputs, 1), 1)
        for start in range(0, len(x), rows):
            part = slice(start, min(start + rows, len(x)))
            best.see(part, slice(0, outputs), self.multiply(held, x[part].detach(), now_s, rng).numpy())
        return best.columns

    @abstractmethod
    def read(self, held: Any, now_s: float) -> tuple[Tensor, Tensor]:
        """Return mean and variance (in, out) of the weights that a product at ``now_s`` sees, in units of weights."""

    @abstractmethod
    def outputs(self, held: Any) -> int:
        """Return the number of columns."""

    @abstractmethod
    def written(self, held: Any) -> Ledger:
        """Return all that has been spent on writing this matrix so far; of batches and deltas, see ``spent``."""

    @abstractmethod
    def product_cost(self, held: Any, batch: int) -> Ledger:
        """Return what multiplying ``batch`` rows by this matrix costs."""

    def matrix_cost(self, inputs: int, outputs: int, batch: int) -> Ledger:
        """Return what multiplying ``batch`` rows by a matrix of this size costs."""
        return self.product_cost(self.blank(inputs, outputs, 0.0, np.random.default_rng(0)), batch)

    def compensation_cost(self, held: Any) -> Ledger:
        """Return what measuring drift costs once after the clock has moved, whatever is multiplied then."""
        return Ledger()

    @abstractmethod
    def endurance(self, held: Any) -> dict[str, int]:
        """Return the largest number of SET pulses and of RESETs that any one cell of this matrix has seen."""

    # -- batches: (k, in, out), one matrix per task --------------------------------------------------------------------

    def fit_batch(self, matrices: Tensor, x: Tensor, top: float, steps: int) -> Any:
        """Return the scale of batches like ``matrices`` (k, in, out) with inputs like x (k, n, in).

        ``top`` is the largest weight and ``steps`` how many levels there are up to it, for substrates that program in
        such steps or have ranges to fit; None for others.
        """
        return None

    def program_batch(self, matrices: Tensor, scale: Any, now_s: float, rng: np.random.Generator) -> Programmed:
        """Hold matrices (k, in, out), written as exactly as the substrate can."""
        held = tuple(self.store(each, now_s, rng) for each in matrices)
        spent = sum((self.written(each) for each in held), Ledger())
        return Batch(held, matrices, matrices.numel(), spent)

    def reprogram_batch(self, batch: Any, matrices: Tensor, now_s: float, rng: np.random.Generator) -> Programmed:
        """Replace the matrices by others; what is the same stays as it is, at its age."""
        held, rewritten = [], 0
        for before, old, new in zip(batch.held, batch.matrices, matrices, strict=True):
            columns = (old != new).any(0).nonzero()[:, 0].tolist()
            held.append(self.write(before, columns, new[:, columns], now_s, rng) if columns else before)
            rewritten += len(new) * len(columns)
        spent = batch.spent
        for before, after in zip(batch.held, held, strict=True):
            spent += self.written(after) - self.written(before)
        return Batch(tuple(held), matrices, rewritten, spent)

    def multiply_batch(self, batch: Any, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return x (k, n, in) times the matrices, (k, n, out), each as ``multiply`` does; detached."""
        pairs = zip(batch.held, x.detach(), strict=True)
        return torch.stack([self.multiply(held, rows, now_s, rng) for held, rows in pairs])

    # -- deltas: many matrices that differ in few weights from one base ------------------------------------------------

    def program_base(
        self, weights: Tensor, pulses: Tensor, patterns: Tensor, now_s: float, rng: np.random.Generator
    ) -> Programmed:
        """Hold the base (in, out), clipped to -1..1; converters fit what ``pulses`` draw from matrices ``patterns``.

        Pulses (k, n, in) are 0 and 1, patterns (k, in, out); both are like those to come.
        """
        return self.program_batch(weights.detach().float().clamp(-1, 1)[None], None, now_s, rng)

    def program_deltas(self, base: Any, weights: Tensor, now_s: float, rng: np.random.Generator) -> Programmed:
        """Hold ``weights`` (k, in, out), clipped to -1..1, each on a copy of the base, written where they differ."""
        return self.reprogram_batch(base.copies(len(weights)), weights.detach().float().clamp(-1, 1), now_s, rng)

    def pulse_rows(self, held: Any, now_s: float, part: slice = slice(None)) -> Rows:
        """Return what a pulse of each row adds to the columns at ``now_s``: of the base, or of ``part`` of deltas."""
        read = [self.read(each, now_s) for each in held.held[part if len(held.held) > 1 else slice(None)]]
        mean, variance = (torch.stack(each).numpy() for each in zip(*read, strict=True))
        return Rows(mean, variance, np.array([0, mean.shape[1]]), np.ones(1, np.float32), levels=0)
