"""Softmax regression mini-batch by mini-batch, and the extremes that are met on the way.

Computed in float64 and rounded to float32 at the end, so that results do not depend on the order of sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from insitu.kernels.quantiser import Array

DECAY, SECOND_DECAY, TINY = 0.9, 0.999, 1e-8  # of Adam, as its paper has them


@dataclass(frozen=True)
class Met:
    """Extremes over all mini-batches: of inputs, and the largest probability, |p - y| and |gradient|."""

    lowest: float
    highest: float
    probability: float
    error: float
    gradient: float


def train_float(
    x: Array, rows: NDArray[np.int64], order: NDArray[np.int64], batch: int, start: Array, rate: float, adam: bool
) -> tuple[Array, Met]:
    """Return the weights (rows, features) after training from ``start`` by Adam or plain descent, and what was met.

    ``x`` is (n, features), ``rows`` (n,) the row of each example, ``order`` (epochs, n) their order.
    """
    x, weight = x.astype(np.float64), start.astype(np.float64)
    mean, square = np.zeros_like(weight), np.zeros_like(weight)
    probability = error = gradient = 0.0
    steps = 0
    for turn in order:
        for begin in range(0, len(turn), batch):
            taken = turn[begin : begin + batch]
            given = x[taken]
            logits = given @ weight.T
            p = np.exp(logits - logits.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            probability = max(probability, float(p.max()))
            p[np.arange(len(taken)), rows[taken]] -= 1
            slope = p.T @ given / len(taken)
            error, gradient = max(error, float(np.abs(p).max())), max(gradient, float(np.abs(slope).max()))
            steps += 1
            if adam:
                mean = DECAY * mean + (1 - DECAY) * slope
                square = SECOND_DECAY * square + (1 - SECOND_DECAY) * slope * slope
                unbiased = np.sqrt(square / (1 - SECOND_DECAY**steps)) + TINY
                slope = mean / (1 - DECAY**steps) / unbiased
            weight -= rate * slope
    return weight.astype(np.float32), Met(float(x.min()), float(x.max()), probability, error, gradient)
