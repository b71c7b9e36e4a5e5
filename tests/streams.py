"""A class stream that any learner of one learns in milliseconds: latents of bits around a pattern per class."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from insitu.backbones.binary.layers import BinaryConv
from insitu.core import generator
from insitu.protocols import Examples
from insitu.protocols.class_stream import StreamBase

LATENT, FEATURES = (24, 2, 2), 24  # 24 channels: a word is not full
PATTERNS = torch.from_numpy(generator(0, "patterns").standard_normal((400, *LATENT))).float()


class Tail(nn.Module):
    """A 1-bit convolution with latent weights, batch norm, mean over places."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = BinaryConv(LATENT[0], FEATURES)
        start = generator(0, "tail").choice([-0.1, 0.1], self.conv.weight.shape)
        self.conv.weight.data = torch.from_numpy(start).float()
        self.norm = nn.BatchNorm2d(FEATURES)
        self.norm.running_var.fill_(100.0)  # type: ignore[union-attr]
        self.norm.bias.data.fill_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = torch.relu(self.norm(self.conv(x))).mean((2, 3))
        return out


def packed(values: Tensor) -> Tensor:
    """Return packed latents (n, bytes) uint8 of latents (n, channels, height, width): bit 1 where one is >= 0."""
    bits = (values >= 0).permute(0, 2, 3, 1).numpy()
    bits = np.pad(bits, ((0, 0), (0, 0), (0, 0), (0, -values.shape[1] % 64)))
    return torch.from_numpy(np.packbits(bits, axis=3, bitorder="little").reshape(len(values), -1))


def latents(classes: list[int], each: int = 20, seed: int = 1, noise: float = 0.5) -> Examples:
    """Return packed latents (n, bytes): the signs of the class's pattern with noise."""
    labels = torch.tensor(classes).repeat_interleave(each)
    drawn = torch.from_numpy(generator(seed, "latents").standard_normal((len(labels), *LATENT))).float()
    return Examples(packed(PATTERNS[labels] + noise * drawn), labels)


def stream_base() -> StreamBase:
    tail = Tail().eval()
    base = StreamBase(tail, LATENT, FEATURES, torch.zeros(1, FEATURES))
    return StreamBase(tail, LATENT, FEATURES, base.of(latents(list(range(300, 340)), 2).x))
