"""ReLU and batch norm per task whose double backward is in closed form.

The same map as ``task_norm.normalised`` where no statistics are given or wanted. With y = (max(z, 0) - m) r, upstream
gradient g, bars for means over images and positions, k = mean(g y), and masks where z <= 0:

    z'  = r (g - g_ - y k)                                              masked
    and under a cotangent u of z', masked, with h = mean(u y) and c = mean(u g) - u_ g_:
    g'' = r (u - u_ - y h)
    z'' = -r^2 (k (u - u_) + h (g - g_) + (c - 3 k h) y)                masked

which takes a third of the passes over memory of differentiating the first line operation by operation.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from insitu.backbones.task_norm import _along, _mean, normalised


def relu_norm(z: Tensor) -> Tensor:
    """Return maps z (tasks, n, positions, channels) after ReLU and norm."""
    return _ReluNorm.apply(z)  # type: ignore[no-untyped-call, no-any-return]


class _ReluNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        y, _, inverse = normalised(z.detach())
        ctx.save_for_backward(z, y, inverse)
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        return _Slope.apply(g.contiguous(), *ctx.saved_tensors)  # type: ignore[no-untyped-call, no-any-return]


class _Slope(torch.autograd.Function):
    """The gradient z' from g; y and the inverse deviation belong to z, whose gradient accounts for them."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, z: Tensor, y: Tensor, inverse: Tensor) -> Tensor:
        mean, k = _mean(g), _mean(g * y)
        ctx.save_for_backward(g, z, y, inverse, mean, k)
        return _masked(_combined(z, -mean * inverse, (g, inverse), (y, -k * inverse)), z)

    @staticmethod
    def backward(ctx: Any, u: Tensor) -> tuple[Tensor | None, Tensor, None, None]:
        g, z, y, inverse, g_mean, k = ctx.saved_tensors
        u = _masked(u.contiguous(), z)
        u_mean, h, square = _mean(u), _mean(u * y), -inverse * inverse
        c = _mean(u * g) - u_mean * g_mean
        to_g = None
        if ctx.needs_input_grad[0]:
            to_g = _combined(z, -u_mean * inverse, (u, inverse), (y, -h * inverse))
        constant = -square * (k * u_mean + h * g_mean)
        to_z = _combined(z, constant, (u, square * k), (g, square * h), (y, square * (c - 3 * k * h)))
        return to_g, _masked(to_z, z), None, None


def _combined(z: Tensor, constant: Tensor, *terms: tuple[Tensor, Tensor]) -> Tensor:
    """Return a constant plus maps times factors, constant and factors (tasks, 1, channels)."""
    (maps, factor), *others = terms
    total = torch.addcmul(_along(constant, z), maps.flatten(2), _along(factor, z))
    for maps, factor in others:
        total.addcmul_(maps.flatten(2), _along(factor, z))
    return total.view(z.shape)


def _masked(values: Tensor, z: Tensor) -> Tensor:
    return torch.ops.aten.threshold_backward(values, z, 0)  # type: ignore[no-any-return]
