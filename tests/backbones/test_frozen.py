"""The frozen form computes what the training form does, and is as small as it should be."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from insitu.backbones.binary.freezing import freeze
from insitu.backbones.binary.frozen import Layer, floats, maps
from insitu.backbones.binary.layers import BinaryConv
from insitu.backbones.binary.units import Unit
from insitu.backbones.binary_resnet import BinaryResnet
from insitu.backbones.quicknet import Quicknet
from insitu.backbones.resnet12 import ResNet12
from insitu.core import InsituError, generator
from insitu.kernels import binary, binary_block
from insitu.kernels import stem as stem_module
from insitu.kernels.binary import binary_conv2d, pack, unpack
from lively import images, lively

NARROW = (4, 8, 8, 72)  # no multiples of 64
RECORDS = [
    pytest.param(BinaryResnet(widths=NARROW), id="reactnet"),
    pytest.param(BinaryResnet("bireal", NARROW, (1, 2, 1, 3)), id="bireal"),
    pytest.param(BinaryResnet(widths=(64, 64, 128, 128), depths=(2, 1, 1, 2), channels=1), id="whole words"),
    pytest.param(Quicknet((4, 10, 6, 70), (2, 1, 1, 2)), id="quicknet"),
    pytest.param(Quicknet((4, 10, 6, 70), (1, 1, 1, 1), channels=2), id="short quicknet"),
]
TINY = BinaryResnet(widths=(4, 8, 8, 24))
BENCH = Path(__file__).resolve().parents[2] / "bench"
CLOSE: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-4}


def share(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one == other).float().mean())


@pytest.mark.parametrize("record", RECORDS)
def test_layer_by_layer_sums_are_equal_and_bits_wherever_no_rounding_decides(record: Any) -> None:
    network = lively(record)
    frozen = freeze(network)
    chain = [*network.units, network.cut]
    with torch.inference_mode():
        x = network.stem(images(3, channels=record.channels))
        made, bits = frozen.first(np.ascontiguousarray(images(3, channels=record.channels).permute(0, 2, 3, 1).numpy()))
        torch.testing.assert_close(maps(made), x, **CLOSE)
        for unit, layer, following in zip(chain, frozen.layers, chain[1:], strict=False):
            y = unit(x)
            bits = pack(floats(x), thresholds(unit, x.shape[1]))
            if isinstance(unit, Unit):
                assert isinstance(layer, Layer)
                sums = binary_conv2d(bits, layer.weight, x.shape[1], layer.stride, 1)
                assert torch.equal(maps(sums.astype(np.float32)), unit.conv(unit.activate(x)))
            made, bits = layer(floats(x).copy(), bits)
            torch.testing.assert_close(maps(made), y, **CLOSE)
            limits = thresholds(following, y.shape[1])
            sure = np.abs(floats(y) - limits) > 1e-4
            assert sure.mean() > 0.9
            assert ((unpack(bits, y.shape[1]) > 0) == (floats(y) >= limits))[sure].all()
            x = y


def thresholds(module: Any, channels: int) -> np.ndarray:
    given = getattr(getattr(module, "activate", module), "threshold", None)
    return np.zeros(channels, np.float32) if given is None else given.detach().numpy()


@pytest.mark.parametrize("record", RECORDS)
def test_the_whole_network_computes_what_its_training_form_does(record: Any) -> None:
    network, batch = lively(record), images(8, channels=record.channels)
    frozen = freeze(network)
    with torch.inference_mode():
        latent = network.latent(batch)
        assert share(frozen.latent(batch), latent) > 0.999
        assert frozen.latent(batch).shape == latent.shape
        same = (frozen.latent(batch) == latent).flatten(1).all(1)
        assert same.sum() >= 6
        torch.testing.assert_close(frozen.features(batch)[same], network.features(batch)[same], **CLOSE)
        torch.testing.assert_close(frozen(batch)[same], network(batch)[same], rtol=1e-4, atol=1e-3)


@settings(max_examples=8)
@given(
    style=st.sampled_from(["reactnet", "bireal", "quicknet"]),
    first=st.sampled_from([4, 8]),
    factors=st.tuples(*[st.integers(1, 3)] * 3),
    depths=st.tuples(*[st.integers(1, 2)] * 4),
    sides=st.tuples(st.sampled_from([8, 24]), st.sampled_from([8, 16])),
)
def test_networks_of_any_shape_freeze(
    style: Any, first: int, factors: Any, depths: Any, sides: tuple[int, int]
) -> None:
    widths = tuple(int(width) for width in np.cumprod((first, *factors)))
    depths = (*depths[:3], depths[3] + 1)
    record: Any = Quicknet(widths, depths) if style == "quicknet" else BinaryResnet(style, widths, depths)  # type: ignore[arg-type]
    network = lively(record)
    frozen = freeze(network)
    batch = torch.nn.functional.interpolate(images(2), sides)
    with torch.inference_mode():
        latent = network.latent(batch)
        assert frozen.latent(batch).shape == (2, widths[-1], sides[0] // 8, sides[1] // 8)
        assert share(frozen.latent(batch), latent) > 0.99
        from_bits = frozen.from_latent(frozen.packed(batch), (sides[0] // 8, sides[1] // 8))
    assert torch.equal(from_bits, frozen.features(batch))


@pytest.mark.parametrize("record", RECORDS)
def test_packed_latents_are_the_words_of_rows_of_pixels(record: Any) -> None:
    frozen, batch = freeze(lively(record)), images(3, channels=record.channels)
    bits = frozen.latent(batch)
    assert set(bits.unique().tolist()) == {-1.0, 1.0}
    expected = pack(bits.permute(0, 2, 3, 1).numpy()).astype("<u8").tobytes()
    packed = frozen.packed(batch)
    assert packed.dtype == np.uint8
    assert packed.shape == (3, 4 * 4 * 8 * -(-record.widths[-1] // 64))
    assert packed.tobytes() == expected
    assert torch.equal(frozen.from_latent(packed), frozen.features(batch))
    assert frozen.from_latent(packed[:0]).shape == (0, record.widths[-1])


@pytest.mark.parametrize("record", RECORDS)
def test_the_tail_is_in_training_form_and_knows_only_signs(record: Any) -> None:
    network, batch = lively(record), images(3, channels=record.channels)
    frozen = freeze(network)
    tail, latent = frozen.tail, frozen.latent(batch)
    assert not tail.training
    assert isinstance(tail.conv, BinaryConv)
    assert tail.conv.weight.abs().unique().tolist() == pytest.approx([0.1])
    with torch.inference_mode():
        assert torch.equal(tail(latent), network.tail(latent))
        torch.testing.assert_close(tail(latent), frozen.features(batch), **CLOSE)
    tail(latent).square().sum().backward()
    assert all(parameter.grad is not None for parameter in tail.parameters())
    with torch.no_grad():
        for value in tail.state_dict().values():
            value.zero_()  # what one learner does to its tail, no other sees
        torch.testing.assert_close(frozen.tail(latent), frozen.features(batch), **CLOSE)


def test_without_compiled_loops_the_references_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen, batch = freeze(lively(TINY)), images(2)
    packed, vectors = frozen.packed(batch), frozen(batch)
    for module in (binary, binary_block, stem_module):
        monkeypatch.setattr(module, "binary_loops", lambda: None)
    assert np.array_equal(frozen.packed(batch), packed)
    assert torch.equal(frozen(batch), vectors)


def test_freezing_leaves_the_network_as_it_was_and_draws_nothing() -> None:
    network = lively(TINY).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    drawn = torch.get_rng_state()
    frozen = freeze(network)
    assert frozen.tail is not frozen.tail
    assert torch.equal(torch.get_rng_state(), drawn)
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_images_and_frozen_weights_are_not_written_to() -> None:
    frozen, batch = freeze(lively(TINY)), images(2)
    kept = batch.clone()
    first = frozen(batch)
    assert torch.equal(batch, kept)
    assert torch.equal(frozen(batch), first)
    assert torch.equal(frozen(batch.to(memory_format=torch.channels_last)), first)


def test_only_binary_networks_are_frozen() -> None:
    for network in (replace(TINY, binary=False).build(), ResNet12((2, 3, 4, 5)).build(), torch.nn.Linear(2, 2)):
        with pytest.raises(InsituError, match="only binary networks are frozen"):
            freeze(network)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_network_that_is_not_finite_is_refused(bad: float) -> None:
    network: Any = TINY.build()
    network.units[1].norm.running_var[2] = bad
    with pytest.raises(InsituError, match=r"units\.1\.norm\.running_var of this binary_resnet is not finite"):
        freeze(network)


@pytest.mark.parametrize(
    ("latents", "sides"),
    [
        (np.zeros((2, 128), np.int8), None),
        (np.zeros(128, np.uint8), None),
        (np.zeros((2, 96), np.uint8), None),  # 12 places are no square
        (np.zeros((2, 127), np.uint8), None),
        (np.zeros((2, 128), np.uint8), (4, 3)),
    ],
)
def test_latents_of_another_shape_are_refused(latents: Any, sides: tuple[int, int] | None) -> None:
    with pytest.raises(InsituError, match=r"latents are .* give uint8 \(n, h \* w \* 8\)"):
        freeze(TINY.build()).from_latent(latents, sides)


@pytest.mark.parametrize("record", [BinaryResnet(), Quicknet()])
@pytest.mark.parametrize("sides", [(28, 28), (20, 36), (8, 10)])
def test_any_even_sides_give_the_latents_of_the_training_form(record: Any, sides: tuple[int, int]) -> None:
    module = record.build().eval()
    images = torch.from_numpy(generator(0, "images").uniform(-1, 1, (2, 3, *sides))).float()
    with torch.no_grad():
        assert torch.equal(freeze(module).latent(images), module.latent(images))


@pytest.mark.parametrize("shape", [(2, 1, 32, 32), (2, 3, 21, 32), (3, 32, 32), (2, 3, 0, 32)])
def test_images_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InsituError, match=r"binary_resnet takes images \(n, 3, h, w\) of even sides from 8 pixels"):
        freeze(TINY.build())(torch.zeros(shape))


def measured(module: Any) -> Any:
    """Return the sizes that ``bench/binary_size.py`` measures."""
    spec = importlib.util.spec_from_file_location("binary_size", BENCH / "binary_size.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    sys.modules["binary_size"] = script  # where its dataclass looks for its types
    spec.loader.exec_module(script)
    return script.size(module)


@pytest.mark.parametrize("record", [BinaryResnet(), BinaryResnet("bireal"), Quicknet()])
def test_files_are_a_sixteenth_and_binary_layers_a_thirty_first_of_the_twin_s(record: Any) -> None:
    found = measured(record.build())
    assert found.file * 16 <= found.twin_file
    assert found.binary_layers * 31 <= found.twin_binary_layers
    assert found.latent * 32 == found.twin_latent
    if isinstance(record, BinaryResnet):  # QuickNet's float parts need as much as its twin
        assert 2 * found.activations < found.twin_activations
