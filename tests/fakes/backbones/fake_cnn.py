"""One convolution and a mean: the smallest backbone, to show that a backbone is one file."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from insitu.backbones import Backbone
from insitu.core import InsituError, seed_of


@dataclass(frozen=True)
class FakeCnn(Backbone):
    """One convolution and a mean; the memory holds the activations themselves."""

    filters: int = 8  # filters of the convolution
    channels: int = 3  # channels of an image

    def build(self, seed: int = 0) -> nn.Module:
        """See ``Backbone.build``."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of(seed, "fake_cnn"))
            return FakeCnnModule(self)


class FakeCnnModule(nn.Module):
    """The trainable network."""

    def __init__(self, record: FakeCnn) -> None:
        super().__init__()
        self.record = record
        self.conv = nn.Conv2d(record.channels, record.filters, 3, stride=2)

    def features(self, x: Tensor) -> Tensor:
        """Map images (n, channels, h, w) to activations (n, filters)."""
        if x.ndim != 4 or x.shape[1] != self.record.channels or min(x.shape[2:]) < 3:
            raise InsituError(f"fake_cnn takes images (n, {self.record.channels}, h, w); got {tuple(x.shape)}")
        out: Tensor = self.conv(x).relu().mean((2, 3))
        return out

    forward = features
