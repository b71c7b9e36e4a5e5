"""Nearest centroid in float, as scikit-learn's NearestCentroid: the class whose mean is at the least distance.

Vectors are compared as they are, without the projection of ``nearest_mean``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from insitu.learners import Learner
from insitu.learners._heads import State, learned, predicted, prepared, scored
from insitu.protocols import Examples, Protocol, few_shot_sessions, shot_by_shot
from insitu.protocols.few_shot_sessions import FewShotBase


@dataclass(frozen=True)
class NearestCentroid(Learner[FewShotBase, State]):
    """Least Euclidean distance to the mean of a class, in float."""

    protocols: ClassVar[tuple[Protocol, ...]] = (few_shot_sessions.PROTOCOL, shot_by_shot.PROTOCOL)

    def prepare(self, base: FewShotBase, now_s: float, rng: np.random.Generator) -> State:
        """Average the examples of the base."""
        return prepared(base, _fit)

    def learn(self, state: State, examples: Examples, now_s: float, rng: np.random.Generator) -> State:
        """Average all examples so far and ``examples`` (n, features)."""
        return learned(state, examples, _fit)

    def predict(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return the classes (n,) of the nearest means."""
        return predicted(state, x)

    def similarities(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return the classes (classes,) and half the negative squared distances (n, classes) to their means."""
        return state.classes, scored(state, x) - x.double().square().sum(1, keepdim=True) / 2


def _fit(x: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
    means = np.stack([x[labels == label].mean(0) for label in np.unique(labels)])
    return means, -np.square(means).sum(1) / 2
