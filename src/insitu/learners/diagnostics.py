"""Learners that can be watched at work: what happens within while they answer, and all of it of one task."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from torch import Tensor


@runtime_checkable
class Watched(Protocol):
    """What a learner of short tasks may answer beside the verbs of ``TaskLearner``."""

    def watched(
        self, state: Any, x: Tensor, now_s: float, rng: np.random.Generator
    ) -> tuple[list[Tensor], list[dict[str, float]]]:
        """Return what ``predict_each`` returns, and of each step measures of what went on, means over the tasks."""

    def traces(self, state: Any, task: int, now_s: float, rng: np.random.Generator) -> dict[str, Any]:
        """Return arrays and numbers that show one of the tasks in hand from within, for figures."""
