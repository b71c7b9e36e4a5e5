"""Layers of binary networks in training form: signs with a surrogate gradient, 1-bit convolutions, shifted activations.

Sources: ApproxSign of Bi-Real Net (Liu et al., ECCV 2018), whose gradient is 2 (1 - |x|) for |x| <= 1; RSign and RPReLU
of ReActNet (Liu et al., ECCV 2020). Latent float weights exist in training only; what is shipped are their signs.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.grad import conv2d_input

from insitu.kernels import exact

CODES = (1 << 15) - 1  # largest code of a gradient of 16 bits
EXACT = 1 << 24  # float32 holds whole numbers up to here
TINY = 1e-30  # gradients below count as none


class ApproxSign(torch.autograd.Function):
    """Sign with values -1 and +1, sign(0) = +1; backward the gradient of a piecewise quadratic that resembles it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return the signs of x, any shape."""
        ctx.save_for_backward(x)
        return sign(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Scale the gradient by 2 (1 - |x|) where |x| <= 1, else by 0."""
        (x,) = ctx.saved_tensors
        out: Tensor = x.abs().mul_(-2).add_(2).clamp_min_(0).mul_(gradient)
        return out


class ClippedSign(torch.autograd.Function):
    """Sign with a straight-through gradient that is 0 where |x| > 1, which keeps latent weights small."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return the signs of x, any shape."""
        ctx.save_for_backward(x)
        return sign(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Pass the gradient where |x| <= 1."""
        (x,) = ctx.saved_tensors
        out: Tensor = gradient * (x.abs() <= 1)
        return out


class ExactConvolution(torch.autograd.Function):
    """Convolution of signs given in float64: float32 holds their sums exactly, and is several times as fast.

    The gradient of the weights is a product of signs and of gradients rounded to 16 bits over the largest of them,
    exact as well. That of the inputs is a sum in float64. Neither depends on the order of its terms.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, signs: Tensor, stride: int, padding: int) -> Tensor:
        """Convolve x (n, inputs, h, w) with signs (outputs, inputs, kh, kw)."""
        x, signs = x.float(), signs.float()
        ctx.save_for_backward(x, signs)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, signs, None, stride, padding).double()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        """Return the gradients of both in float64."""
        x, signs = ctx.saved_tensors
        of_x = of_signs = None
        if ctx.needs_input_grad[0]:
            rounded = exact.on_grid(gradient, 1)
            of_x = conv2d_input(list(x.shape), signs.double(), rounded, ctx.stride, ctx.padding)
        if ctx.needs_input_grad[1]:
            step = gradient.abs().max().clamp_min(TINY) / CODES
            codes = (gradient / step).round_().float()
            # positions whose sums float32 holds exactly
            each = EXACT // (CODES + 1)
            seen = F.unfold(x, signs.shape[2:], 1, ctx.padding, ctx.stride).transpose(1, 2).flatten(0, 1).split(each)
            parts = codes.transpose(0, 1).flatten(1).split(each, 1)
            whole = sum((one @ other).double() for one, other in zip(parts, seen, strict=True))
            of_signs = torch.as_tensor(whole).view(signs.shape) * step
        return of_x, of_signs, None, None


def sign(x: Tensor) -> Tensor:
    """Return -1 where x < 0 and +1 elsewhere, in the dtype of x."""
    return (x >= 0).to(x.dtype).mul_(2).sub_(1)


class Binarise(nn.Module):
    """RSign: the sign of x - threshold, one learned threshold per channel; without ``shifted`` the plain sign."""

    def __init__(self, channels: int, shifted: bool) -> None:
        super().__init__()
        self.threshold = nn.Parameter(torch.zeros(channels)) if shifted else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, h, w) to -1 and +1 of that shape."""
        if self.threshold is not None:
            x = x - _across(self.threshold, x)
        out: Tensor = ApproxSign.apply(x)  # type: ignore[no-untyped-call]
        return out


class Rectify(nn.Module):
    """ReLU of x - threshold, in place of ``Binarise`` in the float twin."""

    def __init__(self, channels: int, shifted: bool) -> None:
        super().__init__()
        self.threshold = nn.Parameter(torch.zeros(channels)) if shifted else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, h, w) to values of at least 0 of that shape."""
        return F.relu(x if self.threshold is None else x - _across(self.threshold, x))


class BinaryConv(nn.Conv2d):
    """Convolution without bias that multiplies by the signs of its latent weights; the border is padded with zeros."""

    def __init__(self, inputs: int, outputs: int, size: int = 3, stride: int = 1) -> None:
        super().__init__(inputs, outputs, size, stride, padding=size // 2, bias=False)
        nn.init.uniform_(self.weight, -0.1, 0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, inputs, h, w) of -1 and +1 to integers (n, outputs, h', w')."""
        signs = ClippedSign.apply(self.weight)  # type: ignore[no-untyped-call]
        if x.dtype == torch.float64:
            out: Tensor = ExactConvolution.apply(x, signs, self.stride[0], self.padding[0])  # type: ignore[no-untyped-call]
            return out
        return F.conv2d(x, signs, None, self.stride, self.padding)


class ShiftedPReLU(nn.Module):
    """RPReLU: a PReLU with a learned knee, x -> prelu(x - at) + lift, with a slope, at and lift per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.at = nn.Parameter(torch.zeros(channels))
        self.lift = nn.Parameter(torch.zeros(channels))
        self.slope = nn.Parameter(torch.full((channels,), 0.25))

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, h, w) to that shape."""
        return F.prelu(x - _across(self.at, x), self.slope.to(x.dtype)) + _across(self.lift, x)


def _across(values: Tensor, x: Tensor) -> Tensor:
    """One value per channel in the dtype of x: mixed precision would otherwise widen every map."""
    return values.to(x.dtype)[:, None, None]
