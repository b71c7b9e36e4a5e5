"""What protocols of short tasks share: many tasks at once, each learned from the prepared state, by a few steps."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from insitu.core import InsituError
from insitu.protocols import Examples

State = typing.TypeVar("State", contravariant=True)


@dataclass(frozen=True, eq=False)
class StepAnswers:
    """What a learner answers after one step of adaptation; step 0 is the prepared state."""

    step: int
    answers: Tensor  # (tasks, n, ...)
    totals: Mapping[str, float] = field(default_factory=dict)  # measures, summed over the tasks


@typing.runtime_checkable
class TaskLearner(typing.Protocol[State]):
    """The verb that a learner of short tasks needs; its ``learn`` forgets the tasks learned before."""

    def predict_each(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> list[StepAnswers]:
        """Return the answers to queries x (tasks, n, ...) of the tasks learned last, after every step of adaptation."""


def task_learner(learner: object) -> TaskLearner[typing.Any]:
    """Return ``learner`` as a learner of short tasks; raise ``InsituError`` where it is none."""
    if not isinstance(learner, TaskLearner):
        raise InsituError(
            f"{type(learner).__name__} has no predict_each; learners of short tasks answer after every step of "
            "adaptation: see insitu/protocols/tasks.py"
        )
    return learner


def check_finite(tensors: Iterable[tuple[str, Tensor]]) -> None:
    """Raise ``InsituError`` where one of the meta-trained tensors of a base, each with its name, is not finite."""
    for name, value in tensors:
        if not torch.isfinite(value).all():
            raise InsituError(f"{name} of the base holds NaN or infinity; train it again")


def ways_in(examples: Examples) -> int:
    """Return the number of ways of labels (tasks, n); raise ``InsituError`` unless every task has all of them."""
    labels, shape = examples.labels, tuple(examples.x.shape[:2])
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64 or tuple(labels.shape) != shape:
        given = tuple(labels.shape) if isinstance(labels, Tensor) else type(labels).__name__
        raise InsituError(f"labels are int64 {shape}, one per example of each task; got {given}")
    ways = int(labels.max()) + 1
    if int(labels.min()) < 0 or ways < 2:
        raise InsituError(
            f"labels of tasks go from 0 to ways - 1, at least 2 ways; got {int(labels.min())}..{ways - 1}"
        )
    for way in range(ways):
        if not (there := (labels == way).any(1)).all():
            task = int((~there).nonzero()[0])
            raise InsituError(f"task {task} has no example of way {way}; all tasks have all {ways} ways")
    return ways
