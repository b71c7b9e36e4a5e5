"""Two more verbs of the explicit memory: begin without a class, and take over experience that comes as a sum."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from insitu.learners import Examples
from insitu.learners._projection import Projection
from insitu.learners.explicit_memory import ExplicitMemory, State

SUPERPOSED = 10  # shots that a column takes before it is full: twice 10 pulses, as far as crystallisation was measured


def start(
    learner: ExplicitMemory, projection: Projection, cohort: Examples, now_s: float, rng: np.random.Generator
) -> State:
    """Return a memory that holds no class yet; ``cohort`` (n, features), n >= 1, is what it is calibrated with."""
    dim, features = projection.weight.shape
    return State(
        held=learner.substrate.blank(dim, 0, now_s, rng),
        projection=projection,
        labels=torch.zeros(0, dtype=torch.int64),
        shots=torch.zeros(0),
        activations=torch.zeros(0, features),
        sums=torch.zeros(0, dim),
        slope=torch.zeros(0),
        offset=torch.zeros(0),
        cohort=cohort,
    )


def imprint(
    learner: ExplicitMemory,
    state: State,
    classes: list[int],
    sums: Tensor,
    shots: Tensor,
    means: Tensor,
    now_s: float,
    rng: np.random.Generator,
) -> State:
    """Add to each class what ``shots`` (k,) examples taught elsewhere: the sum of their unit vectors ``sums`` (k, dim).

    ``means`` (k, features) are their mean activations. The sum is superposed on the column as a few shots of its mean;
    a column that would hold more than ``SUPERPOSED`` shots is RESET and written anew with all that is known of it.
    """
    state, columns = learner._columns(state, classes, now_s, rng)
    before = state.shots[columns]
    total = before + shots
    shares = (before / total)[:, None]
    changes: dict[str, Any] = {
        "shots": total,
        "sums": state.sums[columns] + sums,
        "activations": state.activations[columns] * shares + means * (1 - shares),
    }
    for name, value in changes.items():
        whole = getattr(state, name).clone()
        whole[columns] = value
        changes[name] = whole
    state = replace(state, **changes)
    if learner.support == "program":
        return learner._finished(learner._programmed(state, columns, now_s, rng), now_s, rng)
    full = (total > SUPERPOSED) & (before > 0)
    held = learner.substrate.erase(
        state.held, [c for c, f in zip(columns, full.tolist(), strict=True) if f], now_s, rng
    )
    vectors = F.normalize(torch.where(full[:, None], state.sums[columns], sums))
    strength = torch.where(full, total, shots).clamp(1, learner.base_shots).int()
    spread = state.projection.vectors(state.cohort.x)
    for times in strength.unique().tolist():
        rows = (strength == times).nonzero()[:, 0]
        amounts = learner._pulses(vectors[rows], spread, learner.pulses * times)
        held = learner.substrate.add(held, [columns[row] for row in rows.tolist()], amounts.T, now_s, rng)
    return learner._finished(replace(state, held=held), now_s, rng)
