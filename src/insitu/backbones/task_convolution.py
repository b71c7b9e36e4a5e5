"""3x3 convolutions of stride 2 and padding 1 with weights per task, all tasks in one batched matrix product.

torch offers grouped convolutions for this, whose gradients are slow on a processor. Here windows are laid out as rows
(im2col) and multiplied task by task in one batch. The three products of a convolution, out of maps and weights, of the
gradient of either, are derivatives of each other, so that gradients of gradients cost no more than gradients:

    forward(x, w) -> y      towards_maps(g, w) -> x'      towards_weights(x, g) -> w'

Shapes: maps x (tasks, n, height, width, channels), weights w (tasks, 3, 3, channels, filters), y and g (tasks, n, rows,
columns, filters) with half the pixels per side, rounded up. Windows of x are laid out once and kept for all of them.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

# which of the nine weights joins a neighbour's gradient with a pixel, by parity of its row and column. Neighbours come
# in the order (0, 1), (0, 0), (1, 0), (1, 1), of which each parity needs consecutive ones: first, last, weights
PARITIES = {
    (0, 0): (1, 2, (4,)),
    (0, 1): (0, 2, (3, 5)),
    (1, 0): (1, 3, (7, 1)),
    (1, 1): (0, 4, (6, 8, 2, 0)),
}


def windows(x: Tensor) -> Tensor:
    """Return the window of each output position, (tasks, n x rows x columns, 9 x channels)."""
    tasks, n, height, width, channels = x.shape
    rows, columns = -(-height // 2), -(-width // 2)
    padded = F.pad(x, (0, 0, 1, 1, 1, 1))
    a, b, c, d, e = padded.stride()
    seen = padded.as_strided((tasks, n, rows, columns, 3, 3, channels), (a, b, 2 * c, 2 * d, c, d, e))
    return seen.reshape(tasks, n * rows * columns, 9 * channels)


def convolved(x: Tensor, weights: Tensor, seen: Tensor | None = None) -> Tensor:
    """Convolve maps with the weights of their task; ``seen`` is ``windows(x)`` where it is known already."""
    return _Forward.apply(x, weights, windows(x.detach()) if seen is None else seen)  # type: ignore[no-untyped-call, no-any-return]


def _forward(shape: torch.Size, weights: Tensor, seen: Tensor) -> Tensor:
    tasks, n, height, width, _ = shape
    return (seen @ weights.flatten(1, 3)).view(tasks, n, -(-height // 2), -(-width // 2), -1)


class _Forward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weights: Tensor, seen: Tensor) -> Tensor:
        ctx.save_for_backward(x, weights, seen)
        return _forward(x.shape, weights, seen)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weights, seen = ctx.saved_tensors
        to_x, to_weights, _ = ctx.needs_input_grad
        return (
            _TowardsMaps.apply(g, weights, x.shape) if to_x else None,  # type: ignore[no-untyped-call]
            _TowardsWeights.apply(x, g, seen) if to_weights else None,  # type: ignore[no-untyped-call]
            None,
        )


class _TowardsMaps(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, g: Tensor, weights: Tensor, shape: torch.Size) -> Tensor:
        ctx.save_for_backward(g, weights)
        tasks, n, rows, columns, filters = g.shape
        channels = weights.shape[3]
        padded = F.pad(g, (0, 0, 0, 1, 0, 1))
        around = [padded[:, :, i : i + rows, j : j + columns] for i, j in ((0, 1), (0, 0), (1, 0), (1, 1))]
        near = torch.cat(around, -1).view(tasks, -1, 4 * filters)
        taps = weights.flatten(1, 2).transpose(2, 3)
        out = g.new_empty(tasks, n, rows, 2, columns, 2, channels)
        for (i, j), (first, last, which) in PARITIES.items():
            matrix = torch.cat([taps[:, tap] for tap in which], 1)
            part = near[:, :, first * filters : last * filters] @ matrix
            out[:, :, :, i, :, j] = part.view(tasks, n, rows, columns, channels)
        whole = out.view(tasks, n, 2 * rows, 2 * columns, channels)
        return whole[:, :, : shape[2], : shape[3]].contiguous()

    @staticmethod
    def backward(ctx: Any, u: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        g, weights = ctx.saved_tensors
        seen = windows(u.detach())
        to_g, to_weights, _ = ctx.needs_input_grad
        return (
            _Forward.apply(u, weights, seen) if to_g else None,  # type: ignore[no-untyped-call]
            _TowardsWeights.apply(u, g, seen) if to_weights else None,  # type: ignore[no-untyped-call]
            None,
        )


class _TowardsWeights(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, g: Tensor, seen: Tensor) -> Tensor:
        ctx.save_for_backward(x, g, seen)
        return (seen.transpose(1, 2) @ g.flatten(1, 3)).view(len(x), 3, 3, x.shape[-1], g.shape[-1])

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, g, seen = ctx.saved_tensors
        to_x, to_g, _ = ctx.needs_input_grad
        return (
            _TowardsMaps.apply(g, v, x.shape) if to_x else None,  # type: ignore[no-untyped-call]
            _Forward.apply(x, v, seen) if to_g else None,  # type: ignore[no-untyped-call]
            None,
        )
