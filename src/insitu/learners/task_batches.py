"""What learners of short tasks are prepared with and given: a meta-trained network and head, and tasks side by side.

``Examples`` hold many tasks at once: labels (tasks, n) int64 from 0 to ways - 1, and x, which is images in 0..1
(tasks, n, channels, h, w), or features (tasks, n, features) that a network has made of them before. All tasks are of
equal size and have all ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from insitu.backbones.conv4 import Conv4Module
from insitu.core import InsituError
from insitu.learners import Examples

TASKS = ("short tasks of features", "short tasks of images")  # see ``Scenario.session_kind``


@dataclass(frozen=True, eq=False)
class EpisodeBase:
    """What slow meta-training has left: ``network``, ``head`` (ways, features), and a few tasks of its own classes.

    ``calibration`` are such tasks, never of classes that are tested; ranges of converters and weights are fitted to
    them.
    """

    network: Conv4Module
    head: Tensor
    calibration: Examples

    def head_of(self, ways: int) -> Tensor:
        """Return the head that tasks of so many ways start from.

        It is the trained one, or, since rows of other tasks stand for no class in particular, as many copies of the
        mean row.
        """
        return self.head if ways == len(self.head) else self.head.double().mean(0).float().repeat(ways, 1)


@runtime_checkable
class TaskLearner(Protocol):
    """What a learner of short tasks answers beside the verbs of ``Learner``; its ``learn`` starts each task anew."""

    @property
    def steps_asked(self) -> tuple[int, ...]:
        """Steps of adaptation after which it can be asked."""

    def predict_each(self, state: Any, x: Tensor, now_s: float, rng: np.random.Generator) -> list[Tensor]:
        """Return the ways (tasks, n) of queries of the tasks in hand, as they were known after each of these steps."""

    def rewritten(self, state: Any, step: int) -> int:
        """Return how many cells that step has written, in all tasks in hand."""


def check_episode_base(base: EpisodeBase) -> None:
    """Raise ``InsituError`` unless head, network and calibration tasks are finite and fit together."""
    if not isinstance(base, EpisodeBase):
        raise InsituError(f"a learner of short tasks is prepared with an EpisodeBase; got {type(base).__name__}")
    features = base.network.record.features
    if base.head.ndim != 2 or base.head.shape[1] != features or len(base.head) < 2:
        raise InsituError(f"the head is (ways, {features}) of at least 2 ways; got {tuple(base.head.shape)}")
    for name, value in [*base.network.state_dict().items(), ("head", base.head)]:
        if not torch.isfinite(value).all():
            raise InsituError(f"{name} of the base holds NaN or infinity; train it anew")
    try:
        ways_of(base.calibration, base)
    except InsituError as error:
        raise InsituError(f"calibration tasks of the base: {error}") from error


def check_task_inputs(x: Tensor, base: EpisodeBase) -> None:
    """Raise ``InsituError`` unless x is finite float32 of tasks of images, or of features, for the base's network."""
    record = base.network.record
    image = (record.channels, record.size, record.size)
    wanted = f"x is float32 (tasks, n, {', '.join(map(str, image))}) or (tasks, n, {record.features}), at least (1, 1)"
    if not isinstance(x, Tensor) or x.dtype != torch.float32:
        raise InsituError(f"{wanted}; got {getattr(x, 'dtype', type(x).__name__)}; convert it")
    if x.ndim < 3 or tuple(x.shape[2:]) not in (image, (record.features,)) or not x.shape[0] * x.shape[1]:
        raise InsituError(f"{wanted}; got {tuple(x.shape)}; reshape it")
    if not torch.isfinite(x).all():
        task = int((~torch.isfinite(x)).flatten(1).any(1).nonzero()[0])
        raise InsituError(f"x holds NaN or infinity, first in task {task}; drop such tasks")


def ways_of(examples: Examples, base: EpisodeBase) -> int:
    """Return the number of ways; raise ``InsituError`` unless every task has examples of all of them."""
    check_task_inputs(examples.x, base)
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
