"""Residual network with 1-bit weights and activations, Bi-Real or ReActNet style, and its float twin.

Sources: Bi-Real Net (Liu et al., ECCV 2018): a shortcut around every binary convolution, plain signs; ReActNet (Liu et
al., ECCV 2020): signs and PReLUs whose thresholds are learned. Own choices: a float stem that halves the image;
shortcuts that pool and repeat channels, so that no float convolution is left but the stem; and a cut before the last
convolution that passes signs only, so that an activation kept for replay is one bit per channel and position (as in
Vorabbi et al., arXiv 2401.09916, whose latents are 4 x 4 x 512 bits).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import nn

from insitu.backbones import Backbone, Storage
from insitu.backbones.binary.packing import SignBits
from insitu.backbones.binary.units import CutNetwork, Style, Tail, Unit
from insitu.core import InsituError, seed_of


@dataclass(frozen=True)
class BinaryResnet(Backbone):
    """Binary residual network; an image of 32 x 32 becomes a latent of widths[-1] x 4 x 4 bits, then a vector."""

    storage: ClassVar[Storage] = SignBits()

    style: Literal["reactnet", "bireal"] = "reactnet"  # learned thresholds and PReLUs, or plain signs
    widths: tuple[int, int, int, int] = (64, 128, 256, 512)  # channels of each stage, a multiple of those before
    depths: tuple[int, int, int, int] = (4, 4, 4, 2)  # binary convolutions of each stage; the last one is the tail
    channels: int = 3  # channels of an image: 1 for grey, 3 for colour
    binary: bool = True  # 1-bit weights and activations; otherwise the float twin, with ReLU and float weights

    def __post_init__(self) -> None:
        if self.style not in ("reactnet", "bireal"):
            raise InsituError(f"style is reactnet or bireal; got {self.style!r}")
        if len(self.widths) != 4 or min(self.widths) < 1 or self.channels < 1:
            raise InsituError(f"binary_resnet has four widths and some channels; got {self.widths}, {self.channels}")
        if any(after % before for before, after in zip(self.widths, self.widths[1:], strict=False)):
            raise InsituError(f"shortcuts repeat channels: a width is a multiple of the one before; got {self.widths}")
        if len(self.depths) != 4 or min(self.depths) < 1 or self.depths[-1] < 2:
            raise InsituError(f"four depths of at least 1, the last of at least 2; got {self.depths}")

    @property
    def serves(self) -> tuple[str, ...]:
        """See ``Backbone.serves``."""
        return ("images", "latents") if self.binary else ("images",)

    def build(self, seed: int = 0) -> BinaryResnetModule:
        """See ``Backbone.build``."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of(seed, "binary_resnet"))
            return BinaryResnetModule(self).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    def tail(self) -> Tail:
        """Return a new tail: what leads from a latent to features."""
        return Tail(self.widths[-1], self._units())

    def _units(self) -> Style:
        shifted = self.style == "reactnet"
        return Style(self.binary, shifted, act="rprelu" if shifted else "none")


class BinaryResnetModule(CutNetwork):
    """The trainable network: ``latent`` up to the cut, ``tail`` from there to features, ``forward`` to vectors."""

    name = "binary_resnet"

    def __init__(self, record: BinaryResnet) -> None:
        super().__init__()
        self.record = record
        style, first, last = record._units(), record.widths[0], record.widths[-1]
        self.stem = nn.Sequential(
            nn.Conv2d(record.channels, first, 3, padding=1, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(first)
        )
        units, inputs = [], first
        for stage, (width, depth) in enumerate(zip(record.widths, record.depths, strict=True)):
            for position in range(depth - (stage == 3)):  # the tail is the last unit of the last stage
                units.append(Unit(inputs, width, 2 if stage in (1, 2) and position == 0 else 1, style))
                inputs = width
        self.units = nn.Sequential(*units)
        self.cut = style.activate(last)
        self.tail = record.tail()
        self.norm = nn.BatchNorm1d(last)
