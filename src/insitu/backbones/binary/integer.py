"""A frozen binary network in integers, from the pixels of an image to features: what a microcontroller computes.

1-bit convolutions are exact integers already. What follows them stands on one grid of 16 bits for the whole network,
``step`` apart, and with per-channel integers is, for a sum s of signs,

    t = clip(((s multiplier + bias) >> shift) + residual)     batch norm, and the knee of RPReLU subtracted
    y = clip((t if t > 0 else t slope >> 12) + lift)            clipped to 16 bits each time
    bit = y >= threshold

``>>`` rounds halves up. A shortcut that halves the image is the rounded mean of its window. Features are rounded means
over positions, in units of ``step``. ``integer_stem.py`` has what comes before, ``integer_dense.py`` QuickNet's other
layers. ``export/c/insitu_network.c`` computes the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from insitu.backbones.binary.fixed_point import SUM_BITS, TOP, Affine, Wide, affine, limited
from insitu.backbones.binary.frozen import FloatLayer, Frozen, Layer, floats, maps
from insitu.backbones.binary.integer_dense import DenseLayer, transition
from insitu.backbones.binary.integer_stem import Stem, integer_stem
from insitu.backbones.binary.units import Transition
from insitu.core import InsituError, generator
from insitu.kernels.binary import binary_conv2d, pack_reference, unpack
from insitu.kernels.binary_block import Floats
from insitu.kernels.packed_weights import WORD, Prepared, Words

SLOPE_BITS = 12
TEXTURES, MARGIN = 100, 2.0  # random images that show how large numbers become, and the factor that the grid leaves


@dataclass(frozen=True, eq=False)
class IntegerLayer:
    """A 1-bit 3x3 convolution and what follows it; every array is (out,)."""

    weight: Prepared
    channels: int  # of the input
    stride: int
    after: Affine
    rectify: bool
    slope: Wide
    lift: Wide
    threshold: Wide

    def __call__(self, x: Wide, bits: Words) -> tuple[Wide, Words]:
        """Map a residual (n, h, w, channels) and bits to those of the next layer."""
        sums = binary_conv2d(bits, self.weight, self.channels, self.stride, 1).astype(np.int64)
        short = np.tile(pooled(x) if self.stride > 1 else x, self.weight.out // x.shape[-1])
        return self.finished(sums, short)

    def finished(self, sums: Wide, short: Wide) -> tuple[Wide, Words]:
        """Return the map and its bits."""
        scaled = self.after(np.maximum(sums, 0) if self.rectify else sums)
        t = np.clip(scaled + short, -TOP, TOP)
        half = 1 << (SLOPE_BITS - 1)
        y = np.clip(np.where(t > 0, t, (t * self.slope + half) >> SLOPE_BITS) + self.lift, -TOP, TOP)
        return y, pack_reference(y - self.threshold)

    @property
    def out(self) -> int:
        """Channels of the output."""
        return self.weight.out

    def side(self, side: int) -> int:
        """Return the positions a side of what comes of a map with ``side`` of them."""
        return (side - 1) // self.stride + 1


@dataclass(frozen=True, eq=False)
class IntegerNetwork:
    """A binary network for images (n, size, size, channels) of bytes."""

    size: int
    step: float  # of the grid that numbers stand on
    stem: Stem
    layers: tuple[IntegerLayer | DenseLayer, ...]
    last: IntegerLayer
    scale: Wide  # (features,) of the shortcut of the last layer
    signs: Wide  # (features,) threshold of the sign of a feature that a memory holds
    flipped: NDArray[np.bool_]  # (features,) where the sign is + below the threshold

    @property
    def sides(self) -> tuple[int, ...]:
        """Positions a side of the maps behind the stem and behind each layer; the last is that of latents."""
        out = [self.size // 2]
        for layer in self.layers:
            out.append(layer.side(out[-1]))
        return tuple(out)

    def latents(self, pixels: NDArray[np.uint8]) -> Words:
        """Return the bits (n, h, w, words) that the last layer takes."""
        x, bits = self.stem(pixels)
        for layer in self.layers:
            x, bits = layer(x, bits)
        return bits

    def from_latents(self, bits: Words) -> Wide:
        """Return features (n, features) of bits (n, h, w, words), in units of ``step``."""
        sums = binary_conv2d(bits, self.last.weight, self.last.channels, 1, 1).astype(np.int64)
        y, _ = self.last.finished(sums, unpack(bits, self.last.channels) * self.scale)
        positions = y.shape[1] * y.shape[2]
        features: Wide = (2 * y.sum((1, 2)) + positions) // (2 * positions)
        return features

    def features(self, pixels: NDArray[np.uint8]) -> Wide:
        """Return features (n, features) of images, in units of ``step``."""
        return self.from_latents(self.latents(pixels))

    def codes(self, pixels: NDArray[np.uint8]) -> NDArray[np.int16]:
        """Return the signs (n, features) of normalised features, +1 or -1, which a memory of this backbone takes."""
        above = self.features(pixels) >= self.signs
        return np.where(above ^ self.flipped, 1, -1).astype(np.int16)


def integer_network(network: Any, size: int) -> IntegerNetwork:
    """Return a frozen network in integers, for images of ``size`` pixels a side."""
    if not isinstance(network, Frozen):
        name = getattr(network, "name", type(network).__name__)
        raise InsituError(
            f"{name} is no frozen binary network, and is not exported; give a binary_resnet or a quicknet"
        )
    step = _largest(network, size) * MARGIN / TOP
    stem, rest = integer_stem(network, step)
    norm: Any = network.norm
    gain = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).double().numpy()
    zero = norm.running_mean.double().numpy() - norm.bias.double().numpy() / np.where(gain == 0, np.inf, gain)
    flipped = gain < 0
    # above or at a threshold, and below or at it where flipped; 0 counts as +
    limit = np.where(flipped, np.floor(zero / step) + 1, np.ceil(zero / step))
    limit = np.where(gain == 0, np.where(norm.bias.double().numpy() >= 0, -np.inf, np.inf), limit)
    return IntegerNetwork(
        size,
        step,
        stem,
        (*rest, *(_layer(layer, step) for layer in network.layers)),
        _binary_layer(network.last, step),
        np.rint(network.scale.astype(np.float64) / step).astype(np.int64),
        limited(limit),
        flipped,
    )


def _layer(layer: Layer | FloatLayer, step: float) -> IntegerLayer | DenseLayer:
    if isinstance(layer, Layer):
        return _binary_layer(layer, step)
    if not isinstance(layer.module, Transition):
        raise InsituError(f"a float {type(layer.module).__name__} is not exported; give a binary_resnet or a quicknet")
    return transition(layer.module, layer.thresholds, step)


def _binary_layer(layer: Layer, step: float) -> IntegerLayer:
    floor, scale, shift, knee, slope, lift, threshold = layer.after.rows[:, : layer.after.out].astype(np.float64)
    return IntegerLayer(
        layer.weight,
        layer.channels,
        layer.stride,
        affine(scale, shift - knee, 9 * layer.channels, step, SUM_BITS),
        bool(np.isfinite(floor).any()),
        np.clip(np.rint(slope * (1 << SLOPE_BITS)), -TOP, TOP).astype(np.int64),
        limited(np.rint(lift / step)),
        limited(np.ceil(threshold / step)),
    )


def pooled(x: Wide) -> Wide:
    """Return rounded means over windows of 2 x 2, those at the border of what lies within."""
    n, height, width, channels = x.shape
    rows, columns = -(-height // 2), -(-width // 2)
    padded = np.zeros((n, 2 * rows, 2 * columns, channels), np.int64)
    padded[:, :height, :width] = x
    sums = padded.reshape(n, rows, 2, columns, 2, channels).sum((2, 4))
    high = np.minimum(2, height - 2 * np.arange(rows))[:, None, None]
    count = high * np.minimum(2, width - 2 * np.arange(columns))[:, None]
    means: Wide = (2 * sums + count) // (2 * count)
    return means


def _largest(network: Frozen, size: int) -> float:
    """Return the largest number between layers for random textures, coarse and fine."""
    rng, channels = generator(0, "textures"), network.record.channels
    most = 0.0
    for k in range(TEXTURES):
        side = min(size, 2 << k % 5)
        coarse = torch.from_numpy(rng.random((1, channels, side, side), dtype=np.float32) * 2 - 1)
        x = floats(F.interpolate(coarse, size=(size, size), mode="bilinear"))
        most = max(most, _largest_within(network.first, x))
        x, bits = network.first(x)
        most = max(most, float(np.abs(x).max()))
        for layer in network.layers:
            x, bits = layer(x, bits)
            most = max(most, float(np.abs(x).max()))
    return most


def _largest_within(stem: Any, images: Floats) -> float:
    """Return the largest number behind the batch norms of a float stem."""
    x, most = maps(images), 0.0
    layers: Any = stem.module if isinstance(stem, FloatLayer) else ()
    for layer in layers:
        x = layer(x)
        if isinstance(layer, nn.BatchNorm2d):
            most = max(most, float(x.abs().max()))
    return most


def words32(bits: Words, channels: int) -> NDArray[np.uint32]:
    """Return words (..., words) of 64 channels as words of 32, those beyond the last channel left out."""
    assert bits.shape[-1] == -(-channels // WORD)
    halves = bits.astype("<u8").view("<u4").reshape(*bits.shape[:-1], -1)
    return np.ascontiguousarray(halves[..., : -(-channels // 32)]).astype(np.uint32)
