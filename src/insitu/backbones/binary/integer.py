"""A frozen binary network in integers, from the pixels of an image to features: what a microcontroller computes.

1-bit convolutions are exact integers already. What follows them stands on one grid of 16 bits for the whole network,
``step`` apart, and with per-channel integers is, for a sum s of signs,

    t = clip(((s multiplier + bias) >> shift) + residual)     batch norm, and the knee of RPReLU subtracted
    y = clip((t if t > 0 else t slope >> 12) + lift)            clipped to 16 bits each time
    bit = y >= threshold

``>>`` rounds halves up. Pixels p count as 2 p - 255, so that 255 is 1; the stem has weights of 16 bits. A shortcut that
halves the image is the rounded mean of its window. Features are rounded means over positions, in units of ``step``.
``export/c/insitu_network.c`` computes the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from insitu.backbones.binary.frozen import Frozen, Layer, floats
from insitu.core import InsituError, generator
from insitu.kernels.binary import binary_conv2d, pack_reference, unpack
from insitu.kernels.packed_weights import WORD, Prepared, Words

TOP = 2**15 - 1
SLOPE_BITS = 12
SUM_BITS, STEM_BITS = 30, 46  # of a scaled sum
TEXTURES, MARGIN = 100, 2.0  # random images that show how large numbers become, and the factor that the grid leaves
PIXEL = 255  # code of the value 1

Wide = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Affine:
    """What follows a sum, per output channel; see above."""

    multiplier: Wide
    bias: Wide
    shift: int

    def __call__(self, sums: Wide) -> Wide:
        """Return the scaled sums (..., out)."""
        return (sums * self.multiplier + self.bias + ((1 << self.shift) >> 1)) >> self.shift


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


@dataclass(frozen=True, eq=False)
class IntegerNetwork:
    """A binary residual network for images (n, size, size, channels) of bytes."""

    size: int
    step: float  # of the grid that numbers stand on
    stem_weight: NDArray[np.int16]  # (out, 3, 3, channels)
    stem_after: Affine
    stem_threshold: Wide
    layers: tuple[IntegerLayer, ...]
    last: IntegerLayer
    scale: Wide  # (features,) of the shortcut of the last layer
    signs: Wide  # (features,) threshold of the sign of a feature that a memory holds
    flipped: NDArray[np.bool_]  # (features,) where the sign is + below the threshold

    def latents(self, pixels: NDArray[np.uint8]) -> Words:
        """Return the bits (n, h, w, words) that the last layer takes."""
        given = 2 * pixels.astype(np.int64) - PIXEL
        sums = _convolved(given, self.stem_weight)
        largest = sums.reshape(len(sums), sums.shape[1] // 2, 2, sums.shape[2] // 2, 2, -1).max((2, 4))
        x = np.clip(self.stem_after(largest), -TOP, TOP)
        bits = pack_reference(x - self.stem_threshold)
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
    held = getattr(getattr(network, "first", None), "keywords", {}).get("held")
    if not isinstance(network, Frozen) or not isinstance(network.first, partial) or held is None:
        name = getattr(network, "name", type(network).__name__)
        raise InsituError(f"{name} has float layers, which are not exported; give a binary_resnet")
    layers = [layer for layer in network.layers if isinstance(layer, Layer)]
    step = _largest(network, size) * MARGIN / TOP
    weight = held.tiles.transpose(1, 0, 2).reshape(3, 3, held.channels, -1)[..., : held.out].transpose(3, 0, 1, 2)
    if held.channels > 8:
        raise InsituError(f"a stem takes images of up to 8 channels; got {held.channels}")
    scale, shift, threshold = held.factors[:, : held.out].astype(np.float64)
    unit = np.abs(weight).max((1, 2, 3)).astype(np.float64)
    unit = np.where(unit > 0, unit, 1.0) / TOP
    codes = np.rint(weight / unit[:, None, None, None]).astype(np.int16)
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
        codes,
        _affine(scale * unit / PIXEL, shift, 9 * held.channels * TOP * PIXEL, step, STEM_BITS),
        _limited(np.ceil(threshold / step)),
        tuple(_layer(layer, step) for layer in layers),
        _layer(network.last, step),
        np.rint(network.scale.astype(np.float64) / step).astype(np.int64),
        _limited(limit),
        flipped,
    )


def _layer(layer: Layer, step: float) -> IntegerLayer:
    floor, scale, shift, knee, slope, lift, threshold = layer.after.rows[:, : layer.after.out].astype(np.float64)
    return IntegerLayer(
        layer.weight,
        layer.channels,
        layer.stride,
        _affine(scale, shift - knee, 9 * layer.channels, step),
        bool(np.isfinite(floor).any()),
        np.clip(np.rint(slope * (1 << SLOPE_BITS)), -TOP, TOP).astype(np.int64),
        _limited(np.rint(lift / step)),
        _limited(np.ceil(threshold / step)),
    )


def _affine(scale: Any, shift: Any, largest: int, step: float, sum_bits: int = SUM_BITS) -> Affine:
    """Return integers of scale and shift (out,) for sums up to ``largest``, as fine as ``sum_bits`` allow."""
    reach = np.abs(scale / step) * largest + np.abs(shift / step) + 1
    bits = int(np.floor(sum_bits - np.log2(reach.max())))
    if not 0 <= bits <= 40:
        raise InsituError("the numbers of a layer do not fit 32 bits; train the network again with weight decay")
    factor = 2.0**bits
    return Affine(
        np.rint(scale / step * factor).astype(np.int64), np.rint(shift / step * factor).astype(np.int64), bits
    )


def _limited(values: Any) -> Wide:
    limited: Wide = np.clip(values, -TOP, TOP).astype(np.int64)
    return limited


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


def _convolved(x: Wide, weight: NDArray[np.int16]) -> Wide:
    height, width = x.shape[1:3]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    taps = np.ndindex(3, 3)
    sums = np.zeros((*x.shape[:3], len(weight)))  # exact: products in float64 stay below 2^53
    for r, c in taps:
        sums += padded[:, r : r + height, c : c + width].astype(np.float64) @ weight[:, r, c].T.astype(np.float64)
    return sums.astype(np.int64)


def _largest(network: Frozen, size: int) -> float:
    """Return the largest number between layers for random textures, coarse and fine."""
    rng, channels = generator(0, "textures"), network.record.channels
    most = 0.0
    for k in range(TEXTURES):
        side = min(size, 2 << k % 5)
        coarse = torch.from_numpy(rng.random((1, channels, side, side), dtype=np.float32) * 2 - 1)
        x, bits = network.first(floats(F.interpolate(coarse, size=(size, size), mode="bilinear")))
        most = max(most, float(np.abs(x).max()))
        for layer in network.layers:
            x, bits = layer(x, bits)
            most = max(most, float(np.abs(x).max()))
    return most


def words32(bits: Words, channels: int) -> NDArray[np.uint32]:
    """Return words (..., words) of 64 channels as words of 32, those beyond the last channel left out."""
    assert bits.shape[-1] == -(-channels // WORD)
    halves = bits.astype("<u8").view("<u4").reshape(*bits.shape[:-1], -1)
    return np.ascontiguousarray(halves[..., : -(-channels // 32)]).astype(np.uint32)
