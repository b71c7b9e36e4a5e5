"""Back-propagation in few bits: numbers on grids of b bits, gradients that pass straight through or are rounded.

Values are float32 that stand on a grid, so that any layer can be trained; what a device keeps of them is their codes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from insitu.core import InsituError
from insitu.kernels.quantiser import on_steps

TINY = 1e-30  # a range below counts as none: zeros stay zeros


def rounded(x: Tensor, bits: int, top: float | None = None) -> Tensor:
    """Round x to 2^bits - 1 equidistant values over [-top, top], 0 among them; top None: the largest |x|."""
    if not bits:
        return x
    levels = max((1 << (bits - 1)) - 1, 1)
    step = max(float(x.abs().max()) if top is None else top, TINY) / levels
    return on_steps(x, step, -levels, levels)


class Rounded(torch.autograd.Function):
    """Round to ``bits`` bits over the largest |x|; the gradient passes straight through."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bits: int) -> Tensor:
        """Return x rounded, any shape."""
        return rounded(x, bits)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Pass the gradient as it is."""
        return gradient, None


class RoundedBackward(torch.autograd.Function):
    """Leave x as it is and round its gradient to ``bits`` bits over the largest entry."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bits: int) -> Tensor:
        """Return x."""
        ctx.bits = bits
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Return the rounded gradient."""
        return rounded(gradient, ctx.bits), None


def check_bits(forward: int, update: int) -> None:
    """Raise ``InsituError`` unless both are 1 to 16, or both 0 for float."""
    whole = all(isinstance(bits, int) and 1 <= bits <= 16 for bits in (forward, update))
    if not whole and (forward, update) != (0, 0):
        raise InsituError(f"forward and update bits are 1 to 16 each, or both 0 for float; got {forward} and {update}")
