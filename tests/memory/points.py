"""Classes in 24 dimensions, and a memory's probabilities for new examples of four of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from insitu import Memory
from insitu.core import generator

CENTRES = generator(0, "centres").standard_normal((12, 24)) * 2


def some(classes: list[int], each: int = 5, seed: int = 0) -> tuple[NDArray[np.float64], list[str]]:
    y = np.repeat(classes, each)
    return CENTRES[y] + generator(seed, "some").standard_normal((len(y), 24)), [f"class {number}" for number in y]


def answers(memory: Memory) -> NDArray[np.float64]:
    return memory.predict_proba(some([0, 1, 2, 3], 5, seed=3)[0])
