"""Building blocks of binary networks in training form: units with a shortcut, float transitions, a tail.

A network of these has a float ``stem``, ``units`` (transitions among them), a ``cut`` that passes signs only, a
``tail`` from there to features, and a ``norm`` that turns these into vectors; ``freezing.py`` freezes any such network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from insitu.backbones.binary.layers import Binarise, BinaryConv, Rectify, ShiftedPReLU
from insitu.core import InsituError

SMALLEST = 8  # pixels per side of an image, of which three halvings leave one


@dataclass(frozen=True)
class Style:
    """The layers of a unit around its 1-bit convolution, or around the float one of the twin."""

    binary: bool = True  # False: the float twin, with ReLU in place of signs and float weights
    shifted: bool = False  # thresholds of signs are learned (RSign of ReActNet)
    rectified: bool = False  # ReLU between convolution and batch norm (QuickNet)
    act: Literal["none", "relu", "rprelu"] = "none"  # after the shortcut

    def activate(self, channels: int) -> nn.Module:
        """Return the layer in front of a convolution: signs, or in the float twin ReLU."""
        return (Binarise if self.binary else Rectify)(channels, self.shifted)

    def conv(self, inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
        """Return a 3x3 convolution of 1-bit weights, or in the float twin of float ones."""
        if self.binary:
            return BinaryConv(inputs, outputs, stride=stride)
        return nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)

    def rectify(self) -> nn.Module:
        """Return the layer between convolution and batch norm."""
        return nn.ReLU() if self.rectified else nn.Identity()

    def last(self, channels: int) -> nn.Module:
        """Return the layer after the shortcut."""
        if self.act == "rprelu":
            return ShiftedPReLU(channels)
        return nn.ReLU() if self.act == "relu" else nn.Identity()


class Unit(nn.Module):
    """Sign, 1-bit 3x3 convolution, batch norm, shortcut around all three, and in ReActNet style an RPReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int, style: Style) -> None:
        super().__init__()
        self.repeats, self.stride = outputs // inputs, stride
        self.activate = style.activate(inputs)
        self.conv = style.conv(inputs, outputs, stride)
        self.rectify = style.rectify()
        self.norm = nn.BatchNorm2d(outputs)
        self.act = style.last(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        short = F.avg_pool2d(x, self.stride, ceil_mode=True) if self.stride > 1 else x
        if self.repeats > 1:
            short = torch.cat([short] * self.repeats, 1)
        out: Tensor = self.act(self.norm(self.rectify(self.conv(self.activate(x)))) + short)
        return out


class Tail(nn.Module):
    """From a latent to features: 1-bit convolution, batch norm, shortcut that scales the bits, mean over positions."""

    def __init__(self, width: int, style: Style) -> None:
        super().__init__()
        self.conv = style.conv(width, width)
        self.rectify = style.rectify()
        self.norm = nn.BatchNorm2d(width)
        self.scale = nn.Parameter(torch.ones(width))
        self.act = style.last(width)

    def forward(self, latent: Tensor) -> Tensor:
        """Map latents (n, width, h, w) to features (n, width)."""
        scaled = self.scale.to(latent.dtype)[:, None, None] * latent
        out: Tensor = self.act(self.norm(self.rectify(self.conv(latent))) + scaled).mean((2, 3))
        return out


class Transition(nn.Module):
    """ReLU, max pool with blur before subsampling (where ``halve``), float 1x1 convolution, batch norm."""

    def __init__(self, inputs: int, outputs: int, halve: bool) -> None:
        super().__init__()
        self.halve = halve
        self.conv = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        nn.init.kaiming_normal_(self.conv.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, inputs, h, w), even sides, to (n, outputs, h / 2, w / 2), or keep the sides."""
        x = F.relu(x)
        if self.halve:
            x = _blurred_subsample(F.max_pool2d(x, 2, 1))
        out: Tensor = self.norm(self.conv(x))
        return out


class CutNetwork(nn.Module):
    """The passes that all these networks share; a subclass builds the parts."""

    name: str  # of the architecture, for error messages
    record: Any
    stem: nn.Module
    units: nn.Module
    cut: nn.Module
    tail: Tail
    norm: nn.Module

    def latent(self, x: Tensor) -> Tensor:
        """Map images (n, channels, h, w) in [-1, 1] to -1 and +1 (n, widths[-1], h / 8, w / 8); >= 0 in the twin."""
        check_images(self.name, x, self.record.channels)
        out: Tensor = self.cut(self.units(self.stem(x)))
        return out

    def features(self, x: Tensor) -> Tensor:
        """Map images to features (n, widths[-1]), the activations that a head learns from."""
        out: Tensor = self.tail(self.latent(x))
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Map images to normalised features (n, widths[-1]), whose signs an explicit memory may hold."""
        out: Tensor = self.norm(self.features(x))
        return out


def check_images(name: str, x: Tensor, channels: int) -> None:
    """Raise ``InsituError`` unless x is images (n, channels, h, w) whose sides the stem and two stages can halve."""
    if x.ndim != 4 or x.shape[1] != channels or any(side < SMALLEST or side % 2 for side in x.shape[2:]):
        raise InsituError(
            f"{name} takes images (n, {channels}, h, w) of even sides from {SMALLEST} pixels; got {tuple(x.shape)}"
        )


def _blurred_subsample(x: Tensor) -> Tensor:
    """Blur by the binomial 1-2-1 in both directions and keep every second pixel (Zhang, ICML 2019)."""
    one = x.new_tensor([0.25, 0.5, 0.25])
    kernel = (one[:, None] * one).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(x, kernel, None, stride=2, padding=1, groups=x.shape[1])
