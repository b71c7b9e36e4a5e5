"""Synaptic operations are those that a plain loop over taps counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from insitu.backbones.binary.layers import BinaryConv, sign
from insitu.backbones.binary_resnet import BinaryResnet
from insitu.backbones.operations import image_work
from insitu.backbones.resnet12 import ResNet12

SIDE = 6


class Tiny(nn.Module):
    """A convolution that sees zeros, a 1-bit one, and a linear layer."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(2, 3, 3, stride, padding=1)
        self.bits = BinaryConv(3, 4)
        self.last = nn.Linear(4, 5)
        with torch.no_grad():
            self.first.weight[0, 0] = 0

    def features(self, x: Tensor) -> Tensor:
        """Map images (n, 2, h, w) to (n, 5)."""
        out: Tensor = self.last(self.bits(sign(self.first(x.clamp_min(0)))).mean((2, 3)))
        return out


def taps(x: Tensor, layer: Any) -> tuple[int, int]:
    """Count weights that meet the image, and those where neither weight nor pixel is 0, one by one."""
    _, rows, columns = x.shape
    dense = effective = 0
    for weight in layer.weight:
        for row in range(0, rows, layer.stride[0]):
            for column in range(0, columns, layer.stride[1]):
                for (channel, down, right), value in np.ndenumerate(weight.detach().numpy()):
                    at = row + down - 1, column + right - 1
                    if 0 <= at[0] < rows and 0 <= at[1] < columns:
                        dense += 1
                        effective += int(value != 0 and bool(x[channel, at[0], at[1]] != 0))
    return dense, effective


@pytest.mark.parametrize("stride", [1, 2])
def test_operations_are_those_of_a_loop_over_taps(stride: int) -> None:
    network, rng = Tiny(stride), np.random.default_rng(stride)
    pixels = rng.integers(0, 256, (1, SIDE, SIDE, 2), np.uint8)
    first, bits, last = image_work(network, None, SIDE, pixels)
    x = (torch.from_numpy(pixels[0]).permute(2, 0, 1) / 127.5 - 1).clamp_min(0)
    dense, effective = taps(x, network.first)
    assert (first.dense, first.macs, first.acs) == (dense, effective, 0)
    assert first.nonzero == first.weights - 9
    assert 0.2 < first.zeros == pytest.approx(float((x == 0).float().mean()))
    side = -(-SIDE // stride)
    dense, _ = taps(torch.ones(3, side, side), network.bits)
    assert (bits.dense, bits.macs, bits.acs, bits.binary) == (dense, 0, dense, True)
    assert (last.dense, last.inputs, last.outputs, last.products) == (20, 4, 5, 1)


@pytest.mark.parametrize("record", [ResNet12((4, 8, 8, 16)), BinaryResnet(widths=(8, 8, 16, 16))])
def test_matrices_hold_the_weights_of_the_network(record: Any) -> None:
    network = record.build()
    layers = image_work(network.eval(), record, 32)
    held = sum(m.weight.numel() for m in network.modules() if isinstance(m, nn.Conv2d))
    assert sum(layer.weights for layer in layers) == held
    for layer in layers:
        # the border makes operations fewer than those of whole patches
        assert 0.6 < layer.dense / (layer.products * layer.weights) <= 1
