"""Linear discriminant analysis in float, refitted to all examples after each session: what scikit-learn offers.

Own choices: all classes are equally likely beforehand, since a few shots are not a rare class; the examples of the
base and every shot are kept, which a memory need not do.
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
class LinearDiscriminant(Learner[FewShotBase, State]):
    """Linear discriminant with a shrunk covariance that all classes share (scikit-learn), in float."""

    protocols: ClassVar[tuple[Protocol, ...]] = (few_shot_sessions.PROTOCOL, shot_by_shot.PROTOCOL)

    shrinkage: float | None = None  # of the covariance, 0 (none) to 1 (diagonal); None: Ledoit and Wolf's estimate

    def __post_init__(self) -> None:
        if self.shrinkage is not None and not 0 <= self.shrinkage <= 1:
            raise InsituError(f"shrinkage is 0..1, or None for an estimate; got {self.shrinkage}")

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
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        classes = len(np.unique(labels))
        if len(x) == classes:  # nothing shows a spread, so all directions weigh the same
            means = x[np.argsort(labels)]
            return means, -np.square(means).sum(1) / 2
        shrinkage = "auto" if self.shrinkage is None else self.shrinkage
        head = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage, priors=np.full(classes, 1 / classes))
        with warnings.catch_warnings():
            # a class of one example adds nothing to the spread, which is right
            warnings.filterwarnings("ignore", "Only one sample available")
            head.fit(x, labels)
        return head.coef_, head.intercept_
