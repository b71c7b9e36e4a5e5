"""Short tasks of a few classes and shots, each learned from the same meta-trained state, queried after every step.

Examples hold many tasks of equal size, all with all ways: labels are (tasks, n) int64 from 0 to ways - 1, and x is
images in 0..1 (tasks, n, channels, h, w) float32, or features (tasks, n, features) that the network has made of them.

Rows, one per step of adaptation: ``classes``, the ways of a task; ``overall``, the mean accuracy over tasks in percent;
``interval``, half of its 95 % interval over tasks; ``tasks``; and the learner's own totals, divided by the tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from insitu.backbones.conv4 import Conv4Module
from insitu.core import InsituError
from insitu.metrics import Row
from insitu.protocols import Column, Examples, Inputs, Protocol, Session
from insitu.protocols.tasks import check_finite, task_learner, ways_in


@dataclass(frozen=True, eq=False)
class EpisodeBase:
    """What slow meta-training has left."""

    network: Conv4Module
    head: Tensor  # (ways, features)
    calibration: Examples  # tasks of classes that are never tested, for ranges of converters and weights

    def head_of(self, ways: int) -> Tensor:
        """Return the head that tasks of so many ways start from.

        It is the trained one, or, since rows of other tasks stand for no class in particular, as many copies of the
        mean row.
        """
        return self.head if ways == len(self.head) else self.head.double().mean(0).float().repeat(ways, 1)


def check_episode_base(base: EpisodeBase) -> None:
    """Raise ``InsituError`` unless head, network and calibration tasks are finite and fit together."""
    if not isinstance(base, EpisodeBase):
        raise InsituError(f"a learner of short tasks is prepared with an EpisodeBase; got {type(base).__name__}")
    features = base.network.record.features
    if base.head.ndim != 2 or base.head.shape[1] != features or len(base.head) < 2:
        raise InsituError(f"the head is (ways, {features}) of at least 2 ways; got {tuple(base.head.shape)}")
    check_finite([*base.network.state_dict().items(), ("head", base.head)])
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
    return ways_in(examples)


def score(sessions: Sequence[Session], answers: Sequence[Tensor]) -> Row:
    """Return the accuracy over all tasks of these sessions, of ways (tasks, n) that answer their tests."""
    labels = [session.test.labels for session in sessions]
    shares = [(guess == way).double().mean(1).numpy() for guess, way in zip(answers, labels, strict=True)]
    return {"classes": max(int(each.max()) for each in labels) + 1, **over_tasks(np.concatenate(shares))}


def over_tasks(shares: NDArray[np.float64]) -> Row:
    """Return the mean over tasks of their shares (tasks,) of right answers, with its interval from two tasks on."""
    row: Row = {"overall": 100 * float(shares.mean()), "tasks": len(shares)}
    if len(shares) > 1:
        row["interval"] = 100 * 1.96 * float(shares.std(ddof=1)) / len(shares) ** 0.5
    return row


PROTOCOL = Protocol(
    name="episodes",
    title="episodes",
    step="step",
    base=EpisodeBase,
    inputs=(Inputs.FEATURES, Inputs.IMAGES),
    columns=(
        Column("overall", "accuracy", gap=True),
        Column("rewritten", "cells rewritten", "", 0, meaning="by this step, per task"),
    ),
    headline="overall accuracy in percent",
    continues=False,
    score=score,
    verbs=(task_learner,),
)
