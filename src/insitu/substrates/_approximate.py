"""Approximate search of many columns: a graph of neighbours (HNSW, by usearch) proposes some, compared exactly then.

The graph is that of an earlier state of the matrix. Columns that have been written since are proposed for every row, so
that none is overlooked, until they are so many that a new graph is worth its time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from insitu.core import InsituError, install_hint
from insitu.kernels import exact
from insitu.substrates._search import Best

LINKS, EFFORT = 16, 128  # of a column in the graph, and columns looked at for them
SHARE = 8  # a graph is used until one in so many columns has been written since
ROWS = 64  # that are compared exactly at a time


@dataclass(frozen=True, eq=False)
class Graph:
    """The columns of a matrix by their direction, and which have been written or appended since."""

    nodes: Any
    size: int
    written: NDArray[np.int64]

    def after(self, columns: list[int]) -> Graph:
        """Return the graph after these columns have been written."""
        return replace(self, written=np.union1d(self.written, np.array(columns, np.int64)))

    def outdated(self, outputs: int) -> bool:
        """Whether too many of ``outputs`` columns are not those of the graph."""
        return SHARE * len(self._unknown(outputs)) > outputs

    def _unknown(self, outputs: int) -> NDArray[np.int64]:
        return np.union1d(self.written, np.arange(self.size, outputs))

    def best(
        self, x: Tensor, weights: Tensor, candidates: int, best: Best
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
        """Return for rows of x the best of the proposed columns, and its score; None where a row may have none."""
        self.nodes.expansion_search = candidates
        unknown = self._unknown(weights.shape[1])
        found = [_best(part, weights, self._proposed(part, candidates), unknown, best) for part in x.split(ROWS)]
        columns, scores = map(np.concatenate, zip(*found, strict=True))
        return (columns, scores) if np.isfinite(scores).all() else None

    def _proposed(self, x: Tensor, candidates: int) -> NDArray[np.int64]:
        found = self.nodes.search(np.ascontiguousarray(x.numpy()), min(candidates, self.size), threads=1)
        keys = np.asarray(found.keys).reshape(len(x), -1)
        counts = np.asarray(found.counts if len(x) > 1 else [len(found)])
        # a graph may find fewer: the first one is then proposed again
        proposed: NDArray[np.int64] = np.where(np.arange(keys.shape[1]) < counts[:, None], keys, keys[:, :1]).astype(
            np.int64
        )
        return proposed


def built(weights: Tensor) -> Graph:
    """Return the graph of the columns of ``weights``; in one thread, so that it is the same each time."""
    try:
        from usearch.index import Index
    except ImportError as error:
        raise InsituError(f"candidates need usearch: {install_hint('approximate')}") from error
    nodes = Index(ndim=len(weights), metric="ip", dtype="f32", connectivity=LINKS, expansion_add=EFFORT)
    directions = torch.nn.functional.normalize(weights, dim=0).T.contiguous().numpy()
    nodes.add(np.arange(len(directions)), directions, threads=1)
    return Graph(nodes, len(directions), np.zeros(0, np.int64))


def _best(
    x: Tensor, weights: Tensor, proposed: NDArray[np.int64], unknown: NDArray[np.int64], best: Best
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return for every row the first of the columns with the largest score, and that score."""
    own = weights.T[torch.from_numpy(proposed)].transpose(1, 2)  # (batch, in, candidates)
    outs = [exact.product(x[:, None], own)[:, 0], exact.product(x, weights[:, torch.from_numpy(unknown)])]
    columns = np.concatenate([proposed, np.broadcast_to(unknown, (len(x), len(unknown)))], 1)
    scores = best.scores(torch.cat(outs, 1).float().numpy(), columns)
    top = scores.max(1)
    return np.where(scores == top[:, None], columns, weights.shape[1]).min(1), top
