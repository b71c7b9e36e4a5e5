"""Float layers of QuickNet in integers stay as close to themselves as their grid and the bits of weights allow."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from insitu.backbones.binary.fixed_point import LARGEST_SUM, TOP, quantised
from insitu.backbones.binary.freezing import freeze
from insitu.backbones.binary.frozen import FloatLayer
from insitu.backbones.binary.integer import IntegerNetwork, integer_network
from insitu.backbones.binary.integer_dense import DenseLayer, blurred
from insitu.backbones.inputs import to_batch
from insitu.backbones.quicknet import Quicknet
from insitu.kernels.binary import unpack
from lively import lively

SIZE = 20
FROZEN = freeze(lively(Quicknet((8, 12, 40, 24), (1, 1, 1, 2))))


def whole() -> IntegerNetwork:
    return integer_network(FROZEN, SIZE)


def some_map(channels: int, side: int, most: int = 4000) -> np.ndarray:
    return np.random.default_rng(0).integers(-most, most, (3, side, side, channels))


def as_maps(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(x, np.float64)).permute(0, 3, 1, 2)


@pytest.mark.parametrize("side", [2, 5, 8, 9])
def test_the_blur_is_exact_but_for_one_rounding(side: int) -> None:
    x = np.abs(some_map(3, side, TOP))
    one = torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64)
    kernel = (one[:, None] * one).expand(3, 1, 3, 3)
    sums = F.conv2d(F.max_pool2d(as_maps(x), 2, 1), kernel, None, stride=2, padding=1, groups=3)
    assert np.array_equal(blurred(x), np.floor(sums.permute(0, 2, 3, 1).numpy() / 16 + 0.5))


@pytest.mark.parametrize("shape", [(5, 7), (3, 9, 9), (2, 3000)])
@pytest.mark.parametrize(("top", "largest"), [(127, TOP), (TOP, TOP), (TOP, 255)])
def test_codes_of_weights_are_near_and_their_sums_fit_32_bits(shape: tuple[int, ...], top: int, largest: int) -> None:
    weight = np.random.default_rng(1).normal(0, 1, shape)
    weight[1] = 0
    codes, unit, bound = quantised(weight, top, largest)
    rows, each = np.abs(codes).reshape(len(codes), -1), unit.reshape(-1, *[1] * (len(shape) - 1))
    assert (largest * rows.sum(1) <= bound).all()
    assert bound <= LARGEST_SUM
    assert np.abs(codes * each - weight).max() <= unit.max() / 2 * (1 + 1e-9)
    assert rows.max() <= top
    # no coarser than one of both needs, up to what rounding adds
    assert max(rows.max() / top, largest * (rows.sum(1).max() + rows.shape[1]) / LARGEST_SUM) > 0.99


def test_a_transition_is_as_near_as_its_weights_of_8_bits_allow() -> None:
    network, seen = whole(), 0
    for layer, float_layer in zip(network.layers[1:], FROZEN.layers, strict=True):
        if not isinstance(layer, DenseLayer):
            continue
        seen += 1
        module: Any = float_layer.module  # type: ignore[union-attr]
        x = some_map(layer.channels, 8)
        with torch.inference_mode():
            exact = deepcopy(module).double()(as_maps(x) * network.step).permute(0, 2, 3, 1).numpy()
        y, bits = layer(x, np.empty(0, np.uint64))
        gain = np.abs((module.norm.weight / torch.sqrt(module.norm.running_var + module.norm.eps)).numpy())
        unit = np.abs(module.conv.weight.numpy()).max((1, 2, 3)) / 127
        taken = blurred(np.maximum(x, 0)) if layer.halve else np.maximum(x, 0)
        near = (
            gain * unit / 2 * taken.sum(-1, keepdims=True)
            + 3
            + gain * np.abs(module.conv.weight.numpy()).sum((1, 2, 3))
        )
        assert (np.abs(y - exact / network.step) <= near).all()
        assert np.abs(y).max() < TOP
        assert np.array_equal(unpack(bits, layer.out) > 0, y >= 0)
    assert seen == 3


def test_the_stem_is_as_near_as_its_weights_allow() -> None:
    network = whole()
    pixels = np.random.default_rng(2).integers(0, 256, (4, SIZE, SIZE, 3), dtype=np.uint8)
    x, bits = network.layers[0](*network.stem(pixels))
    first: Any = FROZEN.first
    with torch.inference_mode():
        exact = first.module(to_batch(pixels, SIZE)).permute(0, 2, 3, 1).numpy()
    assert np.abs(x * network.step - exact).max() < 0.01 * np.abs(exact).max()
    assert np.array_equal(unpack(bits, x.shape[-1]) > 0, x >= 0)


def test_signs_behind_float_layers_have_thresholds() -> None:
    limits = np.linspace(-1, 1, 8, dtype=np.float32)
    first: Any = FROZEN.first
    network = integer_network(replace(FROZEN, first=FloatLayer(first.module, limits)), SIZE)
    pixels = np.random.default_rng(2).integers(0, 256, (4, SIZE, SIZE, 3), dtype=np.uint8)
    x, bits = network.layers[0](*network.stem(pixels))
    assert np.array_equal(unpack(bits, 8) > 0, x * network.step >= limits - 1e-9)
