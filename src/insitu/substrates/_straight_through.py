"""Forward: what the hardware gave. Backward: the gradient of the exact product with the mean weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def straight_through(x: Tensor, out: Tensor, matrix: Callable[[], Tensor]) -> Tensor:
    """Return ``out`` (batch, out) with the gradient that x (batch, in) times ``matrix()`` (in, out) has."""
    if not (torch.is_grad_enabled() and x.requires_grad):
        return out
    result: Tensor = _StraightThrough.apply(x, out, matrix)  # type: ignore[no-untyped-call]
    return result


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, out: Tensor, matrix: Callable[[], Tensor]) -> Tensor:
        ctx.matrix, ctx.dtype = matrix, x.dtype
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return (grad @ ctx.matrix().T.to(grad.device)).to(ctx.dtype), None, None
