"""ResNet-12 of any widths, for images of any size: four residual blocks, mean pool, one linear layer to the memory.

Source: the network of C-FSCIL (Hersche et al., CVPR 2022), whose published widths are 64/160/320/640. A block is
three 3x3 convolutions with batch norm and LeakyReLU(0.1), a 1x1 shortcut with batch norm, and a 2x2 max pool.
Own choice: ``stem`` moves squares of neighbouring pixels into channels (space to depth) before the first block, so that
the network sees a larger image at the cost of a smaller one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from insitu.backbones import Backbone, StateDict, Storage
from insitu.core import InsituError, seed_of

SLOPE = 0.1
LEAST = 16  # pixels per side, which four pools make one


@dataclass(frozen=True)
class ResNet12(Backbone):
    """Residual network of four blocks that turns an image into a vector (C-FSCIL's controller, any widths)."""

    storage: ClassVar[Storage] = StateDict(torch.float16)

    widths: tuple[int, int, int, int] = (64, 160, 320, 640)  # channels of each block
    dim: int = 512  # length of the vector that the memory holds
    channels: int = 3  # channels of an image: 1 for grey, 3 for colour
    stem: int = 1  # side of the pixel squares that become channels before the first block; 1 keeps the image as it is

    def __post_init__(self) -> None:
        if len(self.widths) != 4 or min(self.widths) < 1:
            raise InsituError(f"resnet12 has four widths of at least 1; got {self.widths}")
        if min(self.dim, self.channels, self.stem) < 1:
            raise InsituError(
                f"dim, channels and stem are at least 1; got dim {self.dim}, channels {self.channels}, stem {self.stem}"
            )

    def build(self, seed: int = 0) -> ResNet12Module:
        """See ``Backbone.build``."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of(seed, "resnet12"))
            return ResNet12Module(self).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


class Block(nn.Module):
    """Three 3x3 convolutions in parallel with a 1x1 shortcut, then a 2x2 max pool."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        steps = [(inputs, outputs), (outputs, outputs), (outputs, outputs)]
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1, bias=False) for i, o in steps)
        self.norms = nn.ModuleList(nn.BatchNorm2d(outputs) for _ in steps)
        self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        for layer in [*self.convs, self.shortcut[0]]:
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", a=SLOPE)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, inputs, h, w) to (n, outputs, h // 2, w // 2)."""
        y = x
        for conv, norm in zip(self.convs, self.norms, strict=True):
            y = norm(conv(F.leaky_relu(y, SLOPE) if y is not x else y))
        return F.max_pool2d(F.leaky_relu(y + self.shortcut(x), SLOPE), 2)


class ResNet12Module(nn.Module):
    """The trainable network; ``features`` stops before the linear layer, ``forward`` gives what the memory holds."""

    def __init__(self, record: ResNet12) -> None:
        super().__init__()
        self.record = record
        self.stem = nn.PixelUnshuffle(record.stem) if record.stem > 1 else nn.Identity()
        self.least = LEAST * record.stem
        widths = (record.channels * record.stem**2, *record.widths)
        self.blocks = nn.Sequential(*(Block(i, o) for i, o in zip(widths, widths[1:], strict=False)))
        self.project = nn.Linear(record.widths[-1], record.dim)

    def features(self, x: Tensor) -> Tensor:
        """Map images (n, channels, h, w) to mean-pooled activations (n, widths[-1])."""
        if x.ndim != 4 or x.shape[1] != self.record.channels or min(x.shape[2:]) < self.least:
            raise InsituError(
                f"resnet12 takes images (n, {self.record.channels}, h, w) of at least {self.least} pixels; "
                f"got {tuple(x.shape)}"
            )
        out: Tensor = self.blocks(self.stem(x)).mean((2, 3))
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Map images (n, channels, h, w) to vectors (n, dim), before any tanh or sign."""
        out: Tensor = self.project(self.features(x))
        return out
