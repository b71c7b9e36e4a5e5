"""The inner loop over a linear head alone, for many tasks at once, with the gradient in closed form.

Softmax cross-entropy with probabilities p of n support vectors x and one-hot labels y has the full-batch step
W <- W - rate (p - y)^T x / n, a delta rule (Ortner, Petschenig et al., 2025; ANIL: Raghu et al., ICLR 2020). The steps
are ordinary operations, so an outer gradient flows through them, into the vectors and into the first head;
``second_order`` False cuts off its part through the slopes. Shapes: heads (..., ways, features), x (..., n, features),
labels (..., n).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from insitu.core import InsituError


def slope(logits: Tensor, x: Tensor, labels: Tensor) -> Tensor:
    """Return the gradient (..., ways, features) of the mean cross-entropy, given the logits (..., n, ways) of x."""
    error = logits.softmax(-1) - F.one_hot(labels, logits.shape[-1])
    return error.transpose(-1, -2) @ x / x.shape[-2]


def adapted(
    head: Tensor,
    x: Tensor,
    labels: Tensor,
    rate: float,
    steps: int,
    second_order: bool = True,
    keep: Callable[[Tensor], Tensor] = lambda head: head,
) -> list[Tensor]:
    """Return the heads (tasks, ways, features) after 0, 1 ... ``steps`` steps from ``head`` (ways, features).

    ``keep`` maps a head to what is held of it, such as its rounded values.
    """
    heads = [keep(head.expand(len(x), -1, -1))]
    for step in range(1, steps + 1):
        change = slope(x @ heads[-1].transpose(-1, -2), x, labels)
        check_finite(change, step, rate)
        heads.append(keep(heads[-1] - rate * (change if second_order else change.detach())))
    return heads


def check_finite(change: Tensor, step: int, rate: float) -> None:
    """Raise ``InsituError`` where an inner step would move weights beyond what float32 holds."""
    held = (change.detach() * rate).float().flatten()
    if not (finite := torch.isfinite(held)).all():
        value = float(held[~finite][0])
        raise InsituError(f"adaptation diverged at step {step}: a change is {value}; take a learning_rate below {rate}")
