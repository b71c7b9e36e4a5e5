"""Nearest class mean in float: the baseline of every memory, with its projection and its correction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from insitu.learners import Learner
from insitu.learners.array_columns import State
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.projections import Kind
from insitu.protocols import Examples, Protocol, few_shot_sessions, shot_by_shot
from insitu.protocols.few_shot_sessions import FewShotBase
from insitu.substrates.digital import Digital


@dataclass(frozen=True)
class NearestMean(Learner[FewShotBase, State]):
    """Exact cosine to class means in float: an explicit memory on ideal numbers."""

    protocols: ClassVar[tuple[Protocol, ...]] = (few_shot_sessions.PROTOCOL, shot_by_shot.PROTOCOL)

    projection: Kind = "whitened"  # from activations to the vectors that are compared
    dim: int = 512  # length of the vectors where activations are whitened
    shrink: float = 1.0  # shrinkage of the whitening covariance, in units of its mean variance
    correction: float = 0.5  # fraction of the excess length of few-shot means that is removed
    base_mix: float = 0.0  # share of the scores of a new class that comes from base classes similar to it; 0 is off
    base_sharpness: float = 16.0  # factor of the similarities to base classes in the softmax that weighs them

    def __post_init__(self) -> None:
        self._memory()  # which checks the fields

    def prepare(self, base: FewShotBase, now_s: float, rng: np.random.Generator) -> State:
        """Return the means of the base classes."""
        return self._memory().prepare(base, now_s, rng)

    def learn(self, state: State, examples: Examples, now_s: float, rng: np.random.Generator) -> State:
        """Average examples (n, features) into the means of their classes."""
        return self._memory().learn(state, examples, now_s, rng)

    def predict(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return the classes (n,) of the nearest means."""
        return self._memory().predict(state, x, now_s, rng)

    def similarities(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return the classes (columns,) and the similarities (n, columns) of x (n, features) to their means."""
        return self._memory().similarities(state, x, now_s, rng)

    def _memory(self) -> ExplicitMemory:
        return ExplicitMemory(
            substrate=Digital(),
            projection=self.projection,
            dim=self.dim,
            shrink=self.shrink,
            support="program",
            correction=self.correction,
            base_mix=self.base_mix,
            base_sharpness=self.base_sharpness,
        )
