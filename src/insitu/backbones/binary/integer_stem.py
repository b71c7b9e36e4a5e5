"""The stem of a binary network in integers: from pixels to the first map, which is half as large.

Pixels p count as 2 p - 255, so that 255 is 1. A 3x3 convolution with weights of 16 bits comes first, and takes the
largest of each 2x2 window or has a stride of 2. What follows it in QuickNet's stem is a layer of ``integer_dense.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from insitu.backbones.binary.fixed_point import TOP, Affine, Wide, affine, limited, norm_factors, quantised, taps
from insitu.backbones.binary.frozen import FloatLayer, Frozen
from insitu.backbones.binary.integer_dense import DenseLayer, Filters, dense_layer
from insitu.core import InsituError
from insitu.kernels.binary import pack_reference
from insitu.kernels.packed_weights import Words

PIXEL = 255  # code of the value 1
MOST_CHANNELS = 8  # of an image
QUICKNET = [nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.Conv2d, nn.BatchNorm2d, nn.Conv2d, nn.BatchNorm2d]


@dataclass(frozen=True, eq=False)
class Stem:
    """A 3x3 convolution of pixels that halves the image; arrays are (out,)."""

    weight: NDArray[np.int16]  # (out, 3, 3, channels)
    after: Affine
    threshold: Wide
    pools: bool  # the largest of each 2x2 window; otherwise the first

    def __call__(self, pixels: NDArray[np.uint8]) -> tuple[Wide, Words]:
        """Map images (n, size, size, channels) to a map and its bits."""
        sums = _convolved(2 * pixels.astype(np.int64) - PIXEL, self.weight)
        windows = sums.reshape(len(sums), sums.shape[1] // 2, 2, sums.shape[2] // 2, 2, -1)
        x = limited(self.after(windows.max((2, 4)) if self.pools else windows[:, :, 0, :, 0]))
        return x, pack_reference(x - self.threshold)


def integer_stem(network: Frozen, step: float) -> tuple[Stem, list[DenseLayer]]:
    """Return the first convolution of a frozen network in integers, and what follows it up to the first signs."""
    first: Any = network.first
    if not isinstance(first, FloatLayer):
        held = first.keywords["held"]
        weight = held.tiles.transpose(1, 0, 2).reshape(3, 3, held.channels, -1)[..., : held.out].transpose(3, 0, 1, 2)
        scale, shift, threshold = held.factors[:, : held.out].astype(np.float64)
        return _convolution(weight, scale, shift, threshold, step, pools=True), []
    layers: Any = [*first.module.children()]
    if [type(layer) for layer in layers] != QUICKNET:
        raise InsituError(f"the float stem of this {network.name} is not exported; give a binary_resnet or a quicknet")
    conv, norm, _, depthwise, between, pointwise, last = layers
    weight = conv.weight.detach().permute(0, 2, 3, 1).numpy()
    scale, shift = norm_factors(norm)
    stem = _convolution(weight, scale, shift, np.zeros(len(weight)), step, pools=False)
    codes, unit, bound = quantised(depthwise.weight.detach().numpy()[:, 0], TOP, TOP)
    gain, shift = norm_factors(between)
    filters = Filters(codes.astype(np.int16), affine(gain * unit * step, shift, bound, step))
    return stem, [dense_layer(pointwise, last, first.thresholds, step, filters)]


def _convolution(weight: Any, scale: Any, shift: Any, threshold: Any, step: float, pools: bool) -> Stem:
    channels = weight.shape[3]
    if channels > MOST_CHANNELS:
        raise InsituError(f"a stem takes images of up to {MOST_CHANNELS} channels; got {channels}")
    codes, unit, _ = quantised(weight, TOP, PIXEL)
    after = affine(scale * unit / PIXEL, shift, 9 * channels * TOP * PIXEL, step)
    return Stem(codes.astype(np.int16), after, limited(np.ceil(threshold / step)), pools)


def _convolved(x: Wide, weight: NDArray[np.int16]) -> Wide:
    sums = np.zeros((*x.shape[:3], len(weight)))  # exact: products in float64 stay below 2^53
    for row, column, moved in taps(x):
        sums += moved.astype(np.float64) @ weight[:, row, column].T.astype(np.float64)
    return sums.astype(np.int64)
