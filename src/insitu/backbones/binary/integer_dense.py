"""Layers between 1-bit convolutions in integers: the second half of QuickNet's stem, and its transitions.

Maps stand on the grid of the whole network (``integer.py``). A layer is, per position,

    x = max(x, 0)
    x = clip(filter(x))                      in the stem: 3x3 filters, one per channel, and their batch norm
    x = (blur(max pool(x)) + 8) >> 4         where a transition halves: 1-2-1 in both directions has the sum 16
    y = clip((weight x multiplier + bias) >> shift),  bit = y >= threshold

with weights of 8 bits, those of filters of 16, sums of 32 bits and scaled sums of 64.
``export/c/insitu_dense.c`` computes the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.backbones.binary.fixed_point import TOP, Affine, Wide, affine, limited, norm_factors, quantised, taps
from insitu.backbones.binary.units import Transition
from insitu.kernels.binary import pack_reference
from insitu.kernels.packed_weights import Words

WEIGHT_TOP = 127


@dataclass(frozen=True, eq=False)
class Filters:
    """A 3x3 filter per channel, zeros at the border, and what follows it."""

    weight: NDArray[np.int16]  # (channels, 3, 3)
    after: Affine

    def __call__(self, x: Wide) -> Wide:
        """Return the filtered map (n, h, w, channels)."""
        sums = np.zeros_like(x)
        for row, column, moved in taps(x):
            sums += moved * self.weight[:, row, column]
        return limited(self.after(sums))


@dataclass(frozen=True, eq=False)
class DenseLayer:
    """ReLU, filters or a blurred max pool or neither, and a 1x1 convolution; arrays are (out,)."""

    filters: Filters | None
    halve: bool
    weight: NDArray[np.int8]  # (out, channels)
    after: Affine
    threshold: Wide

    def __call__(self, x: Wide, _: Words) -> tuple[Wide, Words]:
        """Map a map (n, h, w, channels) to that of the next layer and its bits."""
        x = np.maximum(x, 0)
        if self.filters is not None:
            x = self.filters(x)
        if self.halve:
            x = blurred(x)
        # exact: float64 holds sums of 32 bits
        sums = (x.astype(np.float64) @ self.weight.T.astype(np.float64)).astype(np.int64)
        y = limited(self.after(sums))
        return y, pack_reference(y - self.threshold)

    @property
    def channels(self) -> int:
        """Channels of the input."""
        return int(self.weight.shape[1])

    @property
    def out(self) -> int:
        """Channels of the output."""
        return len(self.weight)

    def side(self, side: int) -> int:
        """Return the positions a side of what comes of a map with ``side`` of them."""
        return side // 2 if self.halve else side


def blurred(x: Wide) -> Wide:
    """Return the largest of each 2x2 window, blurred by 1-2-1 in both directions, at every second position."""
    top = np.maximum(np.maximum(x[:, :-1, :-1], x[:, :-1, 1:]), np.maximum(x[:, 1:, :-1], x[:, 1:, 1:]))
    sums = np.zeros((len(x), x.shape[1] // 2, x.shape[2] // 2, x.shape[3]), np.int64)
    for row, column, moved in taps(top):
        sums += (1 + row % 2) * (1 + column % 2) * moved[:, ::2, ::2]
    return (sums + 8) >> 4


def transition(module: Transition, thresholds: Any, step: float) -> DenseLayer:
    """Return a float transition in integers; ``thresholds`` (out,) are those of the signs behind it."""
    return dense_layer(module.conv, module.norm, thresholds, step, halve=module.halve)


def dense_layer(
    conv: Any, norm: Any, thresholds: Any, step: float, filters: Filters | None = None, halve: bool = False
) -> DenseLayer:
    """Return a float 1x1 convolution and its batch norm in integers, with what precedes them.

    ``thresholds`` (out,) are those of the signs behind them.
    """
    codes, unit, bound = quantised(conv.weight.detach().numpy()[:, :, 0, 0], WEIGHT_TOP, TOP)
    gain, shift = norm_factors(norm)
    after = affine(gain * unit * step, shift, bound, step)
    return DenseLayer(filters, halve, codes.astype(np.int8), after, limited(np.ceil(thresholds / step)))
