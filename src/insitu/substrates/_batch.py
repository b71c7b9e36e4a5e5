"""Batches as one held matrix per task: the default of substrates without a faster way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from insitu.ledger import Ledger


class Programmed(Protocol):
    """What programming a batch, a base or deltas returns; its other fields are the substrate's own."""

    @property
    def rewritten(self) -> int:
        """Cells, or numbers, that the last programming has written."""

    @property
    def spent(self) -> Ledger:
        """What writing has spent: of a batch in all, of a base or deltas without what the other has spent."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Matrices (k, in, out) as they were to be written, and what the substrate holds of each."""

    held: tuple[Any, ...]
    matrices: Tensor
    rewritten: int
    spent: Ledger

    def copies(self, count: int) -> Batch:
        """Return ``count`` copies of a batch of one, on which nothing has been spent."""
        return Batch(self.held * count, self.matrices.expand(count, -1, -1), 0, Ledger())
