"""Nearest neighbours in float, as scikit-learn's KNeighborsClassifier: the class of the nearest of all examples kept.

Own choices: one neighbour, since there are few examples; of several, the nearest weigh most (weights "distance").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from insitu.core import InsituError
from insitu.learners import Learner
from insitu.protocols import Examples, Protocol, few_shot_sessions, shot_by_shot
from insitu.protocols.few_shot_sessions import FewShotBase, check_base
from insitu.protocols.vectors import check_examples, check_queries

LEAST = 1e-30  # distance, so that an example that is the query itself has a finite vote


@dataclass(frozen=True)
class NearestNeighbours(Learner[FewShotBase, Examples]):
    """The class of the nearest examples, by Euclidean distance, in float."""

    protocols: ClassVar[tuple[Protocol, ...]] = (few_shot_sessions.PROTOCOL, shot_by_shot.PROTOCOL)

    neighbours: int = 1  # number of nearest examples that vote, each by the inverse of its distance

    def __post_init__(self) -> None:
        if self.neighbours < 1:
            raise InsituError(f"neighbours is at least 1; got {self.neighbours}")

    def prepare(self, base: FewShotBase, now_s: float, rng: np.random.Generator) -> Examples:
        """Keep the examples of the base."""
        check_base(base)
        known = slice(None if base.known else 0)
        return Examples(base.examples.x[known], base.examples.labels[known])

    def learn(self, state: Examples, examples: Examples, now_s: float, rng: np.random.Generator) -> Examples:
        """Keep examples (n, features), too."""
        check_examples(examples, state.x.shape[1])
        return Examples(torch.cat([state.x, examples.x]), torch.cat([state.labels, examples.labels]))

    def predict(self, state: Examples, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return the classes (n,) with most votes."""
        classes, votes = self.similarities(state, x, now_s, rng)
        return classes[votes.argmax(1)]

    def similarities(self, state: Examples, x: Tensor, now_s: float, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return the classes (classes,) and their votes (n, classes): sums of inverse distances."""
        check_queries(x, state.x.shape[1])
        if not len(state):
            raise InsituError("no class is learned yet; learn some examples first")
        classes, index = state.labels.unique(return_inverse=True)
        near = torch.cdist(x.double(), state.x.double()).topk(min(self.neighbours, len(state)), largest=False)
        votes = torch.zeros(len(x), len(classes), dtype=torch.float64)
        return classes, votes.scatter_add_(1, index[near.indices], 1 / near.values.clamp_min(LEAST))
