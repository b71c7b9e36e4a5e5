"""The best column of every row, found piece by piece, so that no one ever holds all outputs."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from insitu.core import InsituError


class Best:
    """Keeps the largest digital score, output times scale plus offset, that each row has met so far."""

    def __init__(
        self, batch: int, outputs: int, scale: Tensor | None, offset: Tensor | None, allowed: Tensor | None
    ) -> None:
        if not batch:
            raise InsituError("a search has at least one row; got an empty batch")
        for name, given in (("scale", scale), ("offset", offset), ("allowed", allowed)):
            if given is not None and given.shape != (outputs,):
                raise InsituError(f"{name} has a number for each of {outputs} columns; got {tuple(given.shape)}")
        if allowed is not None and allowed.dtype != torch.bool:
            raise InsituError(f"allowed holds a bool for each column; got {allowed.dtype}")
        if not outputs or (allowed is not None and not allowed.any()):
            raise InsituError("there is no column to choose; write one first, or allow one")
        for name, given in (("scale", scale), ("offset", offset)):
            if given is not None and given.isnan().any():
                raise InsituError(f"{name} holds NaN; give a number for each column")
        self.scale = None if scale is None else scale.detach().float().numpy()
        self.offset = None if offset is None else offset.detach().float().numpy()
        self.left_out = None if allowed is None else ~allowed.numpy()
        self.score = np.full(batch, -np.inf, np.float32)
        self.column = np.full(
            batch, 0 if self.left_out is None else self.left_out.argmin(), np.int64
        )  # if all are -inf

    def scores(self, out: NDArray[np.float32], columns: slice | NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the scores of outputs of these columns, -inf where one is left out. ``out`` is left as it is."""
        if self.scale is not None:
            out = out * self.scale[columns]
        if self.offset is not None:
            out = out + self.offset[columns]
        if self.left_out is not None:
            out = np.where(self.left_out[columns], np.float32(-np.inf), out)
        return out

    def see(self, rows: slice, columns: slice, out: NDArray[np.float32]) -> None:
        """Take in the outputs (rows, columns) of one piece; columns come in rising order. ``out`` is left as it is."""
        out = self.scores(out, columns)
        first = out.argmax(1)
        score = out[np.arange(len(out)), first]
        better = score > self.score[rows]
        self.score[rows] = np.where(better, score, self.score[rows])
        self.column[rows] = np.where(better, first + columns.start, self.column[rows])

    @property
    def columns(self) -> Tensor:
        """The best column of every row (batch,), int64."""
        return torch.from_numpy(self.column)
