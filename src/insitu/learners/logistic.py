"""Logistic regression in float, refitted to all examples after each session: what scikit-learn offers.

Own choices: each feature is scaled to unit variance over the examples kept; classes weigh the same however many
examples they have, or a few shots would drown in the base.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from insitu.core import InsituError
from insitu.learners import Learner
from insitu.learners._heads import State, learned, predicted, prepared, scored
from insitu.protocols import Examples, Protocol, few_shot_sessions, shot_by_shot
from insitu.protocols.few_shot_sessions import FewShotBase


@dataclass(frozen=True)
class Logistic(Learner[FewShotBase, State]):
    """Multinomial logistic regression with balanced classes (scikit-learn), in float."""

    protocols: ClassVar[tuple[Protocol, ...]] = (few_shot_sessions.PROTOCOL, shot_by_shot.PROTOCOL)

    strength: float = 1.0  # inverse of the penalty on weights (scikit-learn's C)
    iterations: int = 300  # most steps of the solver; where they do not suffice, the head stays where it got to

    def __post_init__(self) -> None:
        if not 0 < self.strength < np.inf or self.iterations < 1:
            raise InsituError(
                f"strength is above 0 and finite, iterations are at least 1; got {self.strength} and {self.iterations}"
            )

    def prepare(self, base: FewShotBase, now_s: float, rng: np.random.Generator) -> State:
        """Fit the examples of the base."""
        return prepared(base, self._fit)

    def learn(self, state: State, examples: Examples, now_s: float, rng: np.random.Generator) -> State:
        """Fit all examples so far and ``examples`` (n, features)."""
        return learned(state, examples, self._fit)

    def predict(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return the likeliest classes (n,) of x (n, features)."""
        return predicted(state, x)

    def similarities(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return the classes (classes,) and the linear scores (n, classes) of x (n, features)."""
        return state.classes, scored(state, x)

    def _fit(self, x: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        mean, scale = x.mean(0), x.std(0)
        scale[scale == 0] = 1  # a feature that never changes carries no information, at any scale
        head = LogisticRegression(C=self.strength, class_weight="balanced", max_iter=self.iterations)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            head.fit((x - mean) / scale, labels)
        weight = head.coef_ / scale
        return weight, head.intercept_ - weight @ mean
