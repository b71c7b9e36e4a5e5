"""Columns of a memory's array, and the digital numbers next to them: which class has which, and fresh ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from insitu.learners.projections import Projection
from insitu.protocols import Examples
from insitu.substrates import Substrate

FREE = -1  # label of a column that holds no class


@dataclass(frozen=True, eq=False)
class State:
    """The array, and digital numbers kept next to it with one entry, row or column per column of the array."""

    held: Any  # what the substrate holds: prototypes (dim, columns)
    projection: Projection
    labels: Tensor  # (columns,) class number, or FREE
    shots: Tensor  # (columns,) number of examples that the column's mean is over
    activations: Tensor  # (columns, features) mean activation, kept off the core as C-FSCIL does
    sums: Tensor  # (columns, dim) exact sum of the unit vectors written, which calibration compares with
    slope: Tensor  # (columns,) output of the array per unit of similarity
    offset: Tensor  # (columns,) output of the array at similarity 0
    cohort: Examples  # examples that columns are calibrated with


def with_columns(
    substrate: Substrate, state: State, classes: list[int], now_s: float, rng: np.random.Generator
) -> tuple[State, list[int]]:
    """Return the column of each class; classes without one take free columns, then columns appended."""
    known = {int(label): column for column, label in enumerate(state.labels)}
    fresh = [c for c in classes if c not in known]
    free = [column for column, label in enumerate(state.labels.tolist()) if label == FREE][: len(fresh)]
    more = len(fresh) - len(free)
    start = len(state.labels)
    if more:
        state = replace(
            state,
            held=substrate.expand(state.held, more, now_s, rng),
            labels=F.pad(state.labels, (0, more), value=FREE),
            shots=F.pad(state.shots, (0, more)),
            activations=F.pad(state.activations, (0, 0, 0, more)),
            sums=F.pad(state.sums, (0, 0, 0, more)),
            slope=F.pad(state.slope, (0, more), value=1.0),
            offset=F.pad(state.offset, (0, more)),
        )
    labels = state.labels.clone()
    for label, column in zip(fresh, [*free, *range(start, start + more)], strict=True):
        labels[column] = label
        known[label] = column
    return replace(state, labels=labels), [known[c] for c in classes]


def put_columns(whole: Tensor, columns: list[int], value: Tensor | float) -> Tensor:
    """Return a copy of ``whole`` (columns, ...) with these columns replaced by ``value``."""
    out = whole.clone()
    out[columns] = value
    return out
