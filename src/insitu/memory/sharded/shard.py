"""Some of the classes of a sharded memory: sums of unit vectors, searched exactly, and the log that they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.kernels import column_search, exact
from insitu.memory.labels import Label
from insitu.memory.sharded.log import Floats, Log
from insitu.substrates._approximate import Graph, built
from insitu.substrates._search import Best

FIRST = 1024  # rows that there is room for at the start
Born = tuple[int, int]  # event and row with which a class came: of equally similar classes the first wins


class Shard:
    """Classes as rows (capacity, features); one process changes it, and every change has a number."""

    def __init__(self, path: str | None, candidates: int = 0) -> None:
        """Read the log at ``path``; without one, nothing outlives the process. ``candidates``: as of ``Digital``."""
        self.candidates = candidates
        self.graph: Graph | None = None  # of the rows at an earlier query
        self.event = 0  # number of the last change
        self.rows: dict[Label, int] = {}
        self.labels: list[Label] = []  # of every row, also of forgotten ones
        self.born: list[Born] = []
        self.counts = np.zeros(FIRST, np.int64)
        self.sums: Floats = np.zeros((0, 0), np.float32)
        self.scale: Floats = np.zeros(FIRST, np.float32)  # one by the norm of a row; 0 where it is forgotten
        self.log = None if path is None else Log(Path(path))
        for about, x in self.log.records() if self.log else ():
            self._apply(about, x)

    def summary(self) -> tuple[int, int, dict[Label, int]]:
        """Return the number of the last change, the number of features, and the examples of every class."""
        return self.event, self.sums.shape[1], {label: int(self.counts[row]) for label, row in self.rows.items()}

    def change(self, about: dict[str, Any], x: Floats) -> int:
        """Apply a change and return its number; one that has been applied before changes nothing."""
        if about["event"] > self.event:
            self._check(about, x)  # or the log would hold a change that cannot be applied
            if self.log:
                self.log.append(about, x)
            self._apply(about, x)
        return self.event

    def search(self, x: Floats) -> tuple[Floats, list[Label | None], list[Born]]:
        """Return for rows of x (n, features) the largest cosine, its class, and when that came; None without one."""
        if not self.rows:
            return np.full(len(x), -np.inf, np.float32), [None] * len(x), [(0, 0)] * len(x)
        used = len(self.labels)
        weights, scale = torch.from_numpy(self.sums[:used]).T, self.scale[:used]
        norms = torch.from_numpy(np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0))
        forgotten = self.counts[:used] == 0
        given = torch.from_numpy(x.copy())  # Ray hands over arrays that are read-only
        found = None
        if self.candidates and used >= column_search.WORTH:
            if self.graph is None or self.graph.outdated(used):
                self.graph = built(weights)
            allowed = torch.from_numpy(~forgotten)
            considered = Best(len(x), used, torch.from_numpy(scale), None, allowed)
            found = self.graph.best(given, weights, self.candidates, considered)
        if found is None:
            found = column_search.search(given, weights, norms, scale, None, forgotten)
        best, scores = self._exhaustive(given, forgotten) if found is None else found
        return scores, [self.labels[row] for row in best], [self.born[row] for row in best]

    def close(self) -> None:
        """Close the log."""
        if self.log:
            self.log.close()

    def _exhaustive(self, x: torch.Tensor, forgotten: NDArray[np.bool_]) -> tuple[NDArray[np.int64], Floats]:
        used = len(self.labels)
        found = []
        for row in x.split(max(column_search.SCORES // used, 1)):
            out = exact.product(row, torch.from_numpy(self.sums[:used]).T).float().numpy() * self.scale[:used]
            out[:, forgotten] = -np.inf
            best = out.argmax(1)
            found.append((best, out[np.arange(len(out)), best]))
        columns, scores = zip(*found, strict=True)
        return np.concatenate(columns), np.concatenate(scores)

    def _check(self, about: dict[str, Any], x: Floats) -> None:
        """Raise ``InsituError`` for a change that cannot be applied, and make room for one that can."""
        if about["kind"] == "forget":
            if about["labels"][0] not in self.rows:
                raise InsituError(f"the memory does not hold {about['labels'][0]!r}")
            return
        if self.sums.shape[1] and x.shape[1] != self.sums.shape[1]:
            raise InsituError(f"the memory holds vectors of {self.sums.shape[1]} features; X has {x.shape[1]}")
        self._make_room(x.shape[1], len(self.labels) + len(set(about["labels"]) - self.rows.keys()))

    def _apply(self, about: dict[str, Any], x: Floats) -> None:
        self.event = about["event"]
        if about["kind"] == "forget":
            row = self.rows.pop(about["labels"][0])
            self.counts[row] = 0
            self.sums[row] = 0
            self.scale[row] = 0  # the graph still has its direction, and the search leaves it out
            return
        for label, place in zip(about["labels"], about["places"], strict=True):
            if label not in self.rows:
                self.rows[label] = len(self.labels)
                self.labels.append(label)
                self.born.append((self.event, place))
        self._make_room(x.shape[1], len(self.labels))
        rows = np.array([self.rows[label] for label in about["labels"]])
        lengths = exact.norm(torch.from_numpy(x.copy()))[:, None].clamp_min(1e-30).numpy()
        unit, changed = (x / lengths).astype(np.float32), np.unique(rows)
        if len(changed) == len(rows):  # much faster than adding one after the other
            self.sums[rows] += unit
        else:
            np.add.at(self.sums, rows, unit)
        np.add.at(self.counts, rows, 1)
        if self.graph is not None:
            self.graph = self.graph.after(changed.tolist())
        norms = exact.norm(torch.from_numpy(self.sums[changed])).numpy()
        self.scale[changed] = (1 / np.maximum(norms, 1e-30)).astype(np.float32)

    def _make_room(self, features: int, classes: int) -> None:
        if not self.sums.shape[1]:
            self.sums = np.zeros((FIRST, features), np.float32)
        size = len(self.sums)
        while size < classes:
            size += size // 4 + 1  # by a quarter, since rows are most of the memory
        if size > len(self.sums):
            # in place: two copies of a large array would not fit
            self.sums.resize((size, features), refcheck=False)
            self.counts.resize(size, refcheck=False)
            self.scale.resize(size, refcheck=False)
