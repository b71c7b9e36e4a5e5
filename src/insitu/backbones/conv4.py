"""Four strided convolutions for tasks of a few images, normalised after ReLU by statistics of each task's own images.

Ortner, Petschenig et al., Nat. Commun. 16 (2025): four times [3x3 convolution of stride 2 and padding 1 without bias,
ReLU, batch norm without scale and offset], then a 2x2 max pool. 56 filters, so that 9 x 56 = 504 rows fit two cores of
256 rows. Images are grey in 0..1, paper is 1. Statistics are never averaged over tasks:

- ``batch``, as published: images that are encoded together are normalised together. The queries of a task help each
  other, so the numbers it gives hold for queries that come as one batch (transductive).
- ``support``: queries are normalised by the statistics of their task's support, so that a query is encoded the same
  alone or among others (inductive); the numbers to quote for one image at a time.

Own choices: the constant 1e-5 added to the variance, weights drawn uniformly with variance 1 / fan-in x 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from insitu.backbones import Backbone
from insitu.backbones.task_norm import Statistics, normalised
from insitu.core import InsituError, seed_of

LAYERS = 4
LEAST = 17  # pixels per side, of which four strides leave two for the pool


@dataclass(frozen=True)
class Conv4(Backbone):
    """Four convolutions of stride 2 that turn an image of a task into a vector."""

    width: int = 56  # filters of each convolution
    channels: int = 1  # channels of an image: 1 for grey, 3 for colour
    size: int = 28  # pixels per side of an image
    statistics: Literal["batch", "support"] = "batch"  # images whose mean and variance normalise the queries

    def __post_init__(self) -> None:
        if self.width < 1 or self.channels < 1:
            raise InsituError(f"width and channels are at least 1; got {self.width} and {self.channels}")
        if self.size < LEAST:
            raise InsituError(f"conv4 takes images of at least {LEAST} pixels per side; got size {self.size}")
        if self.statistics not in ("batch", "support"):
            raise InsituError(f"statistics is batch or support; got {self.statistics!r}")

    @property
    def serves(self) -> tuple[str, ...]:
        """See ``Backbone.serves``."""
        return ("tasks",)

    @property
    def sides(self) -> tuple[int, ...]:
        """Pixels per side after each convolution."""
        return tuple(-(-self.size // 2**layer) for layer in range(1, LAYERS + 1))

    @property
    def features(self) -> int:
        """Length of the vector of an image: 56 for 28 pixels."""
        return self.width * (self.sides[-1] // 2) ** 2

    def build(self, seed: int = 0) -> Conv4Module:
        """See ``Backbone.build``."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of(seed, "conv4"))
            return Conv4Module(self).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


class Conv4Module(nn.Module):
    """The trainable network; ``forward`` encodes a task's support, ``queries`` its queries."""

    def __init__(self, record: Conv4) -> None:
        super().__init__()
        self.record = record
        inputs = [record.channels, *[record.width] * (LAYERS - 1)]
        self.convs = nn.ModuleList(nn.Conv2d(i, record.width, 3, stride=2, padding=1, bias=False) for i in inputs)
        for conv in self.convs:
            nn.init.kaiming_uniform_(conv.weight, nonlinearity="relu")  # type: ignore[arg-type]

    def forward(self, images: Tensor, given: Statistics | None = None) -> tuple[Tensor, Statistics]:
        """Map images (tasks, n, channels, size, size) to features (tasks, n, features), with statistics.

        The images of a task are normalised together, layer by layer, or by the statistics ``given``: of every layer
        the mean and the inverse deviation (tasks, 1, width).
        """
        side, channels = self.record.size, self.record.channels
        if images.ndim != 5 or images.shape[2:] != (channels, side, side) or not images.shape[0] * images.shape[1]:
            raise InsituError(
                f"conv4 takes images (tasks, n, {channels}, {side}, {side}), at least one; got {tuple(images.shape)}"
            )
        tasks, n = images.shape[:2]
        # channels last in memory, in a way that can be mapped over
        x = images.permute(0, 1, 3, 4, 2).reshape(tasks * n, side, side, channels).permute(0, 3, 1, 2)
        statistics: Statistics = []
        for layer, conv in enumerate(self.convs):
            x = conv(x)
            if images.dtype == torch.float64:  # a layer on a substrate gives float32
                x = x.double()
            height, width = x.shape[2:]
            maps = x.permute(0, 2, 3, 1).reshape(tasks, n, height * width, -1)
            maps, mean, inverse = normalised(maps, None if given is None else given[layer])
            statistics.append((mean, inverse))
            x = maps.reshape(tasks * n, height, width, -1).permute(0, 3, 1, 2)
        features = F.max_pool2d(x, 2).reshape(tasks, n, -1)
        return features.float() if features.dtype == torch.bfloat16 else features, statistics

    def queries(self, images: Tensor, support: Statistics | None) -> Tensor:
        """Map queries (tasks, n, channels, size, size) to features, given the statistics of each task's support."""
        features, _ = self(images, support if self.record.statistics == "support" else None)
        return features  # type: ignore[no-any-return]
