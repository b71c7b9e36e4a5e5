"""Columns of a memory's array, and the digital numbers next to them: which class has which, and fresh ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from insitu.substrates import Substrate

if TYPE_CHECKING:
    from insitu.learners.explicit_memory import State

FREE = -1  # label of a column that holds no class


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
