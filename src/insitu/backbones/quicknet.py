"""QuickNet for small images: residual binary 3x3 convolutions between float transitions, and its float twin.

Source: Bannink et al., "Larq Compute Engine", MLSys 2021: a light float stem (strided 3x3, depthwise 3x3, 1x1),
sections of units sign - 1-bit 3x3 convolution - ReLU - batch norm with a shortcut around, and between sections ReLU, an
antialiased max pool and a float 1x1 convolution. Own choices, to suit 32 pixels: only the first convolution of the stem
and two of the three transitions halve the image; the last section is shorter; the border is padded with zeros, not
ones; and a cut before the last convolution lets nothing but signs through, as in ``binary_resnet``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from insitu.backbones import Backbone, Storage
from insitu.backbones.binary.packing import SignBits
from insitu.backbones.binary.units import CutNetwork, Style, Tail, Transition, Unit
from insitu.core import InsituError, seed_of

STEM_REDUCTION = 4  # the stem works on a quarter of the channels until its last convolution


@dataclass(frozen=True)
class Quicknet(Backbone):
    """QuickNet; an image of 32 x 32 becomes a latent of widths[-1] x 4 x 4 bits, then a vector."""

    storage: ClassVar[Storage] = SignBits()

    widths: tuple[int, int, int, int] = (64, 128, 256, 512)  # channels of each section
    depths: tuple[int, int, int, int] = (4, 4, 4, 2)  # binary convolutions of each section; the last one is the tail
    channels: int = 3  # channels of an image: 1 for grey, 3 for colour
    binary: bool = True  # 1-bit weights and activations; otherwise the float twin, with ReLU and float weights

    def __post_init__(self) -> None:
        if len(self.widths) != 4 or min(self.widths) < 1 or self.channels < 1:
            raise InsituError(f"quicknet has four widths and some channels; got {self.widths}, {self.channels}")
        if self.widths[0] % STEM_REDUCTION:
            raise InsituError(f"the first width is a multiple of {STEM_REDUCTION}; got {self.widths}")
        if len(self.depths) != 4 or min(self.depths) < 1:
            raise InsituError(f"four depths of at least 1; got {self.depths}")

    @property
    def serves(self) -> tuple[str, ...]:
        """See ``Backbone.serves``."""
        return ("images", "latents") if self.binary else ("images",)

    def build(self, seed: int = 0) -> QuicknetModule:
        """See ``Backbone.build``."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of(seed, "quicknet"))
            return QuicknetModule(self).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    def tail(self) -> Tail:
        """Return a new tail: what leads from a latent to features."""
        return Tail(self.widths[-1], Style(self.binary, rectified=True, act="relu"))


class QuicknetModule(CutNetwork):
    """The trainable network: ``latent`` up to the cut, ``tail`` from there to features, ``forward`` to vectors."""

    name = "quicknet"

    def __init__(self, record: Quicknet) -> None:
        super().__init__()
        self.record = record
        first, last = record.widths[0], record.widths[-1]
        thin = first // STEM_REDUCTION
        style = Style(record.binary, rectified=True)
        self.stem = nn.Sequential(
            nn.Conv2d(record.channels, thin, 3, 2, padding=1, bias=False),
            nn.BatchNorm2d(thin),
            nn.ReLU(),
            nn.Conv2d(thin, thin, 3, padding=1, groups=thin, bias=False),
            nn.BatchNorm2d(thin, affine=False),
            nn.Conv2d(thin, first, 1, bias=False),
            nn.BatchNorm2d(first),
        )
        units: list[nn.Module] = []
        for section, (width, depth) in enumerate(zip(record.widths, record.depths, strict=True)):
            if section:
                units.append(Transition(record.widths[section - 1], width, halve=section < 3))
            units += [Unit(width, width, 1, style) for _ in range(depth - (section == 3))]  # the last one is the tail
        self.units = nn.Sequential(*units)
        self.cut = style.activate(last)
        self.tail = record.tail()
        self.norm = nn.BatchNorm1d(last)
