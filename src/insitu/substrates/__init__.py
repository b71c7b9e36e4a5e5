"""How a matrix is held and multiplied: in float or b-bit numbers, or in devices behind converters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from insitu.core import InsituError
from insitu.ledger import Ledger
from insitu.substrates._search import Best

PRODUCT = 2**22  # outputs that a search holds at a time


@dataclass(frozen=True)
class Substrate(ABC):
    """Holds matrices of shape (in, out) and multiplies rows by them. A held matrix is a value: every verb returns anew.

    ``held`` below is whatever ``store`` or ``blank`` returned; ``now_s`` is the time in seconds, which never runs
    backwards; ``rng`` is a NumPy generator. ``columns`` is a list of column numbers.
    """

    def store(self, weights: Tensor, now_s: float, rng: np.random.Generator) -> Any:
        """Hold ``weights`` (in, out), written as exactly as the substrate can; products come out in their units."""
        if weights.ndim != 2:
            raise InsituError(f"weights are (in, out); got {tuple(weights.shape)}")
        inputs, outputs = weights.shape
        return self.write(self.blank(inputs, outputs, now_s, rng), list(range(outputs)), weights, now_s, rng)

    def filled(self, inputs: int) -> Substrate:
        """Return the substrate that best holds a matrix of few rows; one without tiles to fill is its own."""
        return self

    @abstractmethod
    def blank(self, inputs: int, outputs: int, now_s: float, rng: np.random.Generator) -> Any:
        """Hold a matrix of erased cells."""

    @abstractmethod
    def expand(self, held: Any, outputs: int, now_s: float, rng: np.random.Generator) -> Any:
        """Append ``outputs`` erased columns."""

    @abstractmethod
    def add(self, held: Any, columns: list[int], amounts: Tensor, now_s: float, rng: np.random.Generator) -> Any:
        """Superpose ``amounts`` (in, len(columns)) on columns in place: a crossbar gives |amount| pulses."""

    @abstractmethod
    def write(self, held: Any, columns: list[int], weights: Tensor, now_s: float, rng: np.random.Generator) -> Any:
        """Replace columns by ``weights`` (in, len(columns)), programmed as exactly as the substrate can."""

    @abstractmethod
    def erase(self, held: Any, columns: list[int], now_s: float, rng: np.random.Generator) -> Any:
        """RESET the cells of these columns."""

    def calibrate(self, held: Any, x: Tensor, now_s: float) -> Any:
        """Fit converter ranges to inputs like ``x`` (batch, in); a substrate without converters has nothing to fit."""
        return held

    @abstractmethod
    def multiply(self, held: Any, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return x (batch, in) times the held matrix, (batch, out), as the hardware gives it at ``now_s``.

        The gradient with respect to x is that of the exact product with the held mean (straight-through).
        """

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
        equal ones the first column wins. ``allowed`` (out,), bool, leaves columns out. Not all outputs are ever held.
        """
        outputs = self.outputs(held)
        best = Best(len(x), outputs, scale, offset, allowed)
        rows = max(PRODUCT // max(outputs, 1), 1)
        for start in range(0, len(x), rows):
            part = slice(start, min(start + rows, len(x)))
            best.see(part, slice(0, outputs), self.multiply(held, x[part].detach(), now_s, rng).numpy())
        return best.columns

    @abstractmethod
    def outputs(self, held: Any) -> int:
        """Return the number of columns."""

    @abstractmethod
    def written(self, held: Any) -> Ledger:
        """Return all that has been spent on writing this matrix so far."""

    @abstractmethod
    def product_cost(self, held: Any, batch: int) -> Ledger:
        """Return what multiplying ``batch`` rows by this matrix costs."""

    @abstractmethod
    def endurance(self, held: Any) -> dict[str, int]:
        """Return the largest number of SET pulses and of RESETs that any one cell of this matrix has seen."""
