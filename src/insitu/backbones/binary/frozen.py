"""The frozen form of a binary network: packed words for weights and activations, batch norms folded, no gradients."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from insitu.backbones.binary.units import Tail, check_images
from insitu.core import InsituError
from insitu.kernels.binary import pack, unpack
from insitu.kernels.binary_block import Epilogue, Floats, binary_block
from insitu.kernels.packed_weights import WORD, Prepared, Words

WEIGHT = 0.1  # magnitude that a sign starts from where the tail is trained further


@dataclass(frozen=True, eq=False)
class Layer:
    """A 1-bit 3x3 convolution with all that follows it up to the signs of the next layer."""

    weight: Prepared
    channels: int  # of the input
    after: Epilogue
    stride: int = 1
    repeats: int = 1  # times that the shortcut's channels are concatenated

    def __call__(self, x: Floats, bits: Words) -> tuple[Floats, Words]:
        """Map floats (n, h, w, channels), whose memory is reused, and their bits to those of the next layer."""
        short = x if self.stride == 1 else pooled(x, self.stride)
        if self.repeats > 1:
            short = np.concatenate([short] * self.repeats, -1)
        return binary_block(bits, self.weight, self.channels, self.after, short, self.stride, 1, out=short)


@dataclass(frozen=True, eq=False)
class FloatLayer:
    """A float part between binary ones, and the thresholds of the signs behind it."""

    module: nn.Module
    thresholds: Floats  # (channels,)

    def __call__(self, x: Floats, bits: Words | None = None) -> tuple[Floats, Words]:
        """Map the floats (n, h, w, channels) to those of the next layer and their bits."""
        out = floats(self._wide(maps(x).double()).float())
        return out, pack(out, self.thresholds)

    @cached_property
    def _wide(self) -> nn.Module:
        """The module in float64, so that the order of its sums decides no sign."""
        return copy.deepcopy(self.module).double()


@dataclass(frozen=True, eq=False)
class Frozen:
    """A binary network that only infers; its training form is ``record.build()``.

    Images are (n, channels, h, w) float32 in [-1, 1]. Latents, packed, are (n, bytes) uint8: the little-endian words
    of (h, w, words), bit 1 for +1.
    """

    record: Any
    name: str  # of the architecture, for error messages
    first: Callable[[Floats], tuple[Floats, Words]]  # the stem
    layers: tuple[Layer | FloatLayer, ...]
    last: Layer  # the tail's
    scale: Floats  # (features,): the tail's shortcut
    tail_floats: dict[str, Tensor]  # of the tail's state, all but the weights that ``last`` holds
    norm: nn.Module  # makes vectors of features

    @property
    def tail(self) -> Tail:
        """A new tail in training form, eval mode, its latent weights at -0.1 and +0.1: only their signs are known."""
        signs = unpack(self.last.weight.words, self.last.channels).transpose(0, 3, 1, 2)
        with torch.device("meta"):  # draws nothing
            tail: Tail = self.record.tail()
        weight = torch.from_numpy(signs.astype(np.float32) * np.float32(WEIGHT))
        state = {name: value.clone() for name, value in self.tail_floats.items()} | {"conv.weight": weight}
        tail.load_state_dict(state, assign=True)
        return tail.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload,no-any-return]

    def packed(self, images: Tensor) -> NDArray[np.uint8]:
        """Return the latents of images, packed (n, bytes)."""
        return as_bytes(self._bits(images))

    def latent(self, images: Tensor) -> Tensor:
        """Return the latents of images as -1 and +1, (n, features, h / 8, w / 8) float32."""
        return maps(unpack(self._bits(images), self.last.channels).astype(np.float32))

    def features(self, images: Tensor) -> Tensor:
        """Return the activations (n, features) float32 that a head learns from."""
        return self._tail(self._bits(images))

    def from_latent(self, packed: NDArray[np.uint8], sides: tuple[int, int] | None = None) -> Tensor:
        """Return the features (n, features) of packed latents (n, bytes), square ones unless ``sides`` are given."""
        packed, words = np.ascontiguousarray(packed), -(-self.last.channels // WORD)
        positions = packed.shape[-1] // (8 * words)
        height, width = sides or (math.isqrt(positions), math.isqrt(positions))
        if packed.dtype != np.uint8 or packed.ndim != 2 or packed.shape[1] != height * width * words * 8:
            raise InsituError(
                f"latents are {packed.dtype} {packed.shape}; give uint8 (n, h * w * {8 * words}), and sides (h, w) "
                "where they differ"
            )
        if not len(packed):
            return torch.empty(0, self.last.channels)
        return self._tail(packed.view("<u8").astype(np.uint64, copy=False).reshape(-1, height, width, words))

    def vectors(self, images: Tensor) -> Tensor:
        """Return normalised features (n, features), whose signs an explicit memory may hold."""
        out: Tensor = self._wide_norm(self.features(images).double())
        return out.float()

    __call__ = vectors

    @cached_property
    def _wide_norm(self) -> nn.Module:
        return copy.deepcopy(self.norm).double()

    def _bits(self, images: Tensor) -> Words:
        check_images(self.name, images, self.record.channels)
        x, bits = self.first(floats(images.detach().float()))
        for layer in self.layers:
            x, bits = layer(x, bits)
        return bits

    def _tail(self, bits: Words) -> Tensor:
        scaled = unpack(bits, self.last.channels) * self.scale
        out, _ = self.last(scaled, bits)
        return torch.from_numpy(out.mean((1, 2), np.float64).astype(np.float32))


def as_bytes(bits: Words) -> NDArray[np.uint8]:
    """Return words (n, h, w, words) as bytes (n, h * w * words * 8), each word's lowest byte first."""
    return bits.astype("<u8", copy=False).reshape(len(bits), -1).view(np.uint8)


def maps(x: NDArray[np.float32]) -> Tensor:
    """Return numbers (n, h, w, channels) as torch's (n, channels, h, w) in the same memory."""
    return torch.from_numpy(x).permute(0, 3, 1, 2)


def floats(x: Tensor) -> Floats:
    """Return torch's (n, channels, h, w) as numbers (n, h, w, channels), a view where it is channels last."""
    return np.ascontiguousarray(x.permute(0, 2, 3, 1).numpy())


def pooled(x: Floats, stride: int) -> Floats:
    """Return means over windows of stride x stride, those at the border of what lies within."""
    return floats(F.avg_pool2d(maps(x), stride, ceil_mode=True))
