"""Columns of a memory's array, and the digital numbers next to them: which class has which, and fresh ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from insitu.core import InsituError
from insitu.learners.projections import Projection
from insitu.protocols import Examples
from insitu.rows import Rows
from insitu.substrates import Substrate

FREE = -1  # label of a column that holds no class


@dataclass(frozen=True, eq=False)
class State:
    """The array, and digital numbers kept next to it with one entry or row per column of the array."""

    held: Any  # what the substrate holds: prototypes (dim, columns)
    projection: Projection
    labels: Tensor  # (columns,) class number, or FREE
    shots: Tensor  # (columns,) number of examples that the column's mean is over
    activations: Rows  # (columns, features) mean activation, kept off the core as C-FSCIL does
    sums: Rows  # (columns, dim) exact sum of the unit vectors written, which calibration compares with
    slope: Tensor  # (columns,) output of the array per unit of similarity
    offset: Tensor  # (columns,) output of the array at similarity 0
    cohort: Examples  # examples that columns are calibrated with
    calibrated_s: float = -np.inf  # time at which all columns were calibrated last


def columns_of(state: State, classes: list[int]) -> dict[int, int]:
    """Return the column of each of these classes that has one."""
    labels = state.labels.numpy()
    columns = np.flatnonzero(np.isin(labels, classes))
    return dict(zip(labels[columns].tolist(), columns.tolist(), strict=True))


def locate(state: State, classes: list[int]) -> list[int]:
    """Return the column of each of these classes once; raise ``InsituError`` where one has none."""
    known = columns_of(state, classes)
    if missing := [c for c in classes if c not in known]:
        present = sorted(label for label in state.labels.tolist() if label != FREE)
        shown = ", ".join(map(str, present[:20])) + (", ..." if len(present) > 20 else "")
        raise InsituError(f"the memory does not hold class {missing[0]}; it holds {shown or 'no class'}")
    return [known[c] for c in dict.fromkeys(classes)]


def held_columns(state: State) -> dict[int, int]:
    """Return the column of every class, in the order of columns."""
    return {label: column for column, label in enumerate(state.labels.tolist()) if label != FREE}


def with_statistics(state: State, columns: list[int], shots: Tensor, sums: Tensor, activations: Tensor) -> State:
    """Return the state with these digital numbers of columns: (k,), (k, dim) and (k, features)."""
    return replace(
        state,
        shots=put_entries(state.shots, columns, shots),
        sums=state.sums.put(columns, sums.numpy()),
        activations=state.activations.put(columns, activations.numpy()),
    )


def with_columns(
    substrate: Substrate, state: State, classes: list[int], now_s: float, rng: np.random.Generator
) -> tuple[State, list[int]]:
    """Return the column of each class; classes without one take free columns, then columns appended."""
    known = columns_of(state, classes)
    fresh = [c for c in classes if c not in known]
    free = np.flatnonzero(state.labels.numpy() == FREE)[: len(fresh)].tolist()
    more = len(fresh) - len(free)
    start = len(state.labels)
    if more:
        state = replace(
            state,
            held=substrate.expand(state.held, more, now_s, rng),
            labels=F.pad(state.labels, (0, more), value=FREE),
            shots=F.pad(state.shots, (0, more)),
            activations=state.activations.grown(more),
            sums=state.sums.grown(more),
            slope=F.pad(state.slope, (0, more), value=1.0),
            offset=F.pad(state.offset, (0, more)),
        )
    known |= zip(fresh, [*free, *range(start, start + more)], strict=True)
    columns = [known[c] for c in classes]
    return replace(state, labels=put_entries(state.labels, columns, torch.tensor(classes))), columns


def put_entries(whole: Tensor, columns: list[int], value: Tensor | float) -> Tensor:
    """Return a copy of ``whole`` (columns,) with these entries replaced by ``value``."""
    out = whole.clone()
    out[columns] = value
    return out


def ranks(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each entry (n,) how many equal ones precede it."""
    order = np.argsort(numbers, kind="stable")
    _, first, index = np.unique(numbers[order], return_index=True, return_inverse=True)
    out = np.empty(len(numbers), np.int64)
    out[order] = np.arange(len(numbers)) - first[index]
    return out
