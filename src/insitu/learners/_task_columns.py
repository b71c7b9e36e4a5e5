"""Tasks next to each other in one explicit memory: every way of every task is a class with a column of its own."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from insitu.core import InsituError
from insitu.learners.array_columns import State
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.ledger import Ledger
from insitu.protocols import Examples


def learn(
    memory: ExplicitMemory, state: State, given: Examples, ways: int, now_s: float, rng: np.random.Generator
) -> State:
    """Superpose the shots of tasks (tasks, n, features) in an empty memory that is prepared as ``state`` is."""
    empty = memory.start(state.projection, state.cohort, now_s, rng)
    return memory.learn(empty, Examples(given.x.flatten(0, 1), classes(given.labels, ways)), now_s, rng)


def predict(
    memory: ExplicitMemory, state: State, tasks: int, x: Tensor, now_s: float, rng: np.random.Generator
) -> Tensor:
    """Return the ways (tasks, n) of queries x (tasks, n, features), each compared with the columns of its own task."""
    scores = memory.scores(state, x.flatten(0, 1), now_s, rng)  # (tasks n, tasks ways)
    place = torch.empty(len(state.labels), dtype=torch.int64)
    place[state.labels] = torch.arange(len(state.labels))
    own = scores[:, place].view(tasks, x.shape[1], tasks, -1)
    every = torch.arange(tasks)
    return own[every, :, every].argmax(-1)


def query_cost(memory: ExplicitMemory, state: State, ways: int) -> Ledger:
    """Return what comparing one query with the columns of its own task spends."""
    held = memory.substrate.blank(len(state.projection.weight), ways, 0.0, np.random.default_rng(0))
    return memory.substrate.product_cost(held, 1)


def check_learned(tasks: int, x: Tensor) -> None:
    """Raise ``InsituError`` unless queries x (tasks, n, ...) are of as many tasks as were learned last."""
    if not tasks:
        raise InsituError("no task is learned yet; learn some first")
    if len(x) != tasks:
        raise InsituError(f"{tasks} tasks were learned last; got queries of {len(x)}: give as many")


def classes(labels: Tensor, ways: int) -> Tensor:
    """Return the classes (tasks n,) of labels (tasks, n) when every way of every task is a class of its own."""
    return (labels + ways * torch.arange(len(labels))[:, None]).flatten()
