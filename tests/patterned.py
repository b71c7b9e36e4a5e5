"""Short tasks whose classes are patterns of their own, seen through noise, and a small network for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar

import numpy as np
import torch

from insitu import metrics, run
from insitu.backbones.conv4 import Conv4
from insitu.core import generator
from insitu.experiments import Claim, Experiment, Variant
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.maml import Maml
from insitu.learners.task_memory import TaskMemory
from insitu.metrics import Row
from insitu.protocols import Examples, Protocol, Session, episodes
from insitu.protocols.episodes import EpisodeBase
from insitu.scenarios import Scenario
from insitu.substrates.digital import Digital

RECORD = Conv4(width=24, size=17)
WAYS = 3


def tasks(count: int, each: int, seed: int = 0) -> Examples:
    """Make tasks whose classes are patterns of their own, seen through noise."""
    coarse = generator(7, "patterns").integers(0, 2, (50, WAYS, 1, 5, 5))[:count]
    patterns = np.repeat(coarse.repeat(4, 3).repeat(4, 4)[..., : RECORD.size, : RECORD.size], each, 1)
    x = patterns + 0.05 * generator(seed, "tasks").standard_normal(patterns.shape)
    labels = torch.arange(WAYS).repeat_interleave(each).expand(count, -1)
    return Examples(torch.from_numpy(x).float(), labels)


@cache
def base(statistics: Any = "batch") -> EpisodeBase:
    head = torch.from_numpy(generator(0, "head").standard_normal((WAYS, RECORD.features)) * 0.1).float()
    return EpisodeBase(replace(RECORD, statistics=statistics).build(), head, tasks(2, 5, seed=9))


@dataclass(frozen=True)
class Patterns(Scenario[EpisodeBase]):
    """Two sets of tasks of patterns."""

    protocol: ClassVar[Protocol] = episodes.PROTOCOL

    shots: int = 5

    def base(self, data: str) -> EpisodeBase:
        return base()

    def sessions(self, data: str, seed: int) -> Iterator[Session]:
        for number, count in enumerate((4, 2)):
            parts = (tasks(count, each, seed=10 * seed + number + k) for each, k in ((self.shots, 0), (2, 5)))
            yield Session(number, 0.0, next(parts), next(parts), 0)

    def describe(self, data: str) -> str:
        return "patterns"


EXPERIMENT = Experiment(
    paper="none",
    scenario=Patterns(),
    learner=Maml(steps=2),
    baseline=Maml(steps=2, substrate=Digital()),
    names=("software", "PCM"),
    variants=(
        Variant("one shot", Maml(steps=2, substrate=Digital()), (("shots", 1),)),
        Variant("memory", TaskMemory(memory=ExplicitMemory(dim=64))),
    ),
    ages_s=(60.0, 3600.0),
    claims=(Claim("gap", "none", metrics.gap_between("baseline", "learner", 2, 60.0, 60.0), at_most=100.0),),
)


@cache
def rows() -> list[Row]:
    """Return the rows of two seeds."""
    return [row for seed in range(2) for row in run.rows(EXPERIMENT, seed)]
