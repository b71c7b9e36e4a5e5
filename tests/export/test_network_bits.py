"""The exported binary network gives the bits of the Python reference, and stays close to the float network."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from targets import HERE, TARGETS
from torch import nn

from insitu.backbones.binary.freezing import freeze
from insitu.backbones.binary.frozen import FloatLayer, Frozen
from insitu.backbones.binary.integer import IntegerNetwork, integer_network, words32
from insitu.backbones.binary.integer_dense import DenseLayer
from insitu.backbones.binary_resnet import BinaryResnet
from insitu.backbones.inputs import to_batch
from insitu.backbones.quicknet import Quicknet
from insitu.core import InsituError
from insitu.export import export_network

SOURCES = ["replay_network.c", "insitu_network.c", "network.c"]
IMAGES = 30
# a map of 5 x 5 is halved on the way of 20 pixels
CASES = pytest.mark.parametrize(("style", "size"), [("reactnet", 16), ("bireal", 20), ("quicknet", 20)])


@cache
def frozen(style: str, size: int) -> tuple[Frozen, IntegerNetwork]:
    """Return a small network with numbers as they are after training, and its integer form."""
    widths = (8, 40, 80, 80)
    record: Any = (
        Quicknet(widths, depths=(2, 1, 2, 1))  # a transition leads to the latent
        if style == "quicknet"
        else BinaryResnet(style=style, widths=widths, depths=(2, 1, 2, 3), channels=3)  # type: ignore[arg-type]
    )
    module = record.build()
    torch.manual_seed(1)
    for name, value in module.state_dict().items():
        if value.dtype.is_floating_point and value.ndim == 1:
            value.copy_(torch.rand(value.shape) + 0.2 if "var" in name else torch.randn(value.shape) * 0.5)
    network = freeze(module)
    return network, integer_network(network, size)


def images(size: int) -> np.ndarray:
    rng = np.random.default_rng(4)
    coarse = rng.integers(0, 256, (IMAGES, 4, 4, 3), dtype=np.uint8)
    out = np.kron(coarse, np.ones((1, 8, 8, 1), np.uint8))[:, :size, :size]
    out[::3] = rng.integers(0, 256, out[::3].shape)
    digits = np.kron(load_digits().images[: IMAGES // 3] * 15, np.ones((1, 2, 2))).astype(np.uint8)
    out[2::3] = 0
    out[2::3, :16, :16] = digits[..., None]
    out[0], out[1] = 0, 255
    return np.ascontiguousarray(out)


@CASES
@pytest.mark.parametrize("target", TARGETS)
def test_every_latent_feature_and_sign_is_equal(target: str, style: str, size: int, tmp_path: Path) -> None:
    TARGETS[target].require()
    network = frozen(style, size)[1]
    pixels = images(size)
    export_network(network, tmp_path)
    shutil.copy(HERE / "replay_network.c", tmp_path)
    (tmp_path / "script").write_bytes(pixels.tobytes())
    sources = [*SOURCES, *(["insitu_dense.c"] if style == "quicknet" else [])]
    assert (tmp_path / "insitu_dense.c").exists() == (style == "quicknet")
    TARGETS[target].run(TARGETS[target].compile(tmp_path, sources))
    bits = network.latents(pixels)
    latents = words32(bits, network.last.channels).reshape(IMAGES, -1).astype("<u4")
    features, signs = network.from_latents(bits).astype("<i2"), network.codes(pixels).astype("<i2")
    expected = b"".join(b"".join(part[k].tobytes() for part in (latents, features, signs)) for k in range(IMAGES))
    assert len(np.unique(latents, axis=0)) > IMAGES // 2
    assert (tmp_path / "answers").read_bytes() == expected


def test_constants_without_effect_are_not_written(tmp_path: Path) -> None:
    for style, size in (("reactnet", 16), ("quicknet", 20)):
        network = frozen(style, size)[1]
        export_network(network, tmp_path / style)
        written = (tmp_path / style / "network.c").read_text()
        for number, layer in enumerate(network.layers):
            has = [name for name in ("slope", "lift", "threshold") if f"int16_t {name}_{number}[" in written]
            if isinstance(layer, DenseLayer):
                assert has == ["threshold"]
            else:
                assert has == (["slope", "lift", "threshold"] if style == "reactnet" else [])


@CASES
def test_features_are_those_of_the_float_network(style: str, size: int) -> None:
    network, whole = frozen(style, size)
    pixels = images(size)
    bits = whole.latents(pixels)
    packed = np.ascontiguousarray(bits).astype("<u8").reshape(IMAGES, -1).view(np.uint8)
    side = bits.shape[1]
    # from equal latents features are equal up to the grid; latents differ where a number is near its threshold
    exact = network.from_latent(packed, (side, side)).numpy()
    assert np.abs(whole.from_latents(bits) * whole.step - exact).max() < 3 * whole.step
    apart = np.bitwise_count(packed ^ network.packed(to_batch(pixels, size))).mean() / 8
    assert apart < (0.1 if style == "quicknet" else 0.05)  # its 1x1 convolutions have weights of 8 bits


def test_other_float_layers_are_refused() -> None:
    network = frozen("quicknet", 20)[0]
    with pytest.raises(InsituError, match="quicknet is no frozen binary network"):
        integer_network(Quicknet(binary=False).build(), 20)
    flat = FloatLayer(nn.Identity(), np.zeros(80, np.float32))
    with pytest.raises(InsituError, match="float Identity is not exported"):
        integer_network(replace(network, layers=(*network.layers, flat)), 20)
    shorter = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1)).requires_grad_(False)
    stem = FloatLayer(shorter, np.zeros(8, np.float32))
    with pytest.raises(InsituError, match="float stem of this quicknet is not exported"):
        integer_network(replace(network, first=stem), 20)
