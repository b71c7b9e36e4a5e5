"""The binary residual network: signs with the published gradients, a cut of one bit, styles, wrong fields."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from insitu.backbones.binary.layers import ApproxSign, Binarise, BinaryConv, ClippedSign, ShiftedPReLU, sign
from insitu.backbones.binary_resnet import BinaryResnet
from insitu.core import InsituError
from lively import images, lively

TINY = BinaryResnet(widths=(4, 8, 8, 24))
NUMBERS = st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=20)


@given(values=NUMBERS)
def test_signs_and_their_gradients_are_the_published_ones(values: list[float]) -> None:
    x = torch.tensor(values, requires_grad=True)
    ApproxSign.apply(x).sum().backward()  # type: ignore[no-untyped-call]
    assert sign(x.detach()).tolist() == [1.0 if value >= 0 else -1.0 for value in values]
    assert x.grad is not None
    torch.testing.assert_close(x.grad, torch.tensor([max(0.0, 2 - 2 * abs(value)) for value in values]))
    x.grad = None
    ClippedSign.apply(x).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert x.grad.tolist() == [float(abs(value) <= 1) for value in values]


def test_zero_and_minus_zero_count_as_plus_one() -> None:
    assert sign(torch.tensor([0.0, -0.0])).tolist() == [1.0, 1.0]
    shifted = Binarise(1, shifted=True)
    assert shifted.threshold is not None
    shifted.threshold.data.fill_(0.5)
    assert shifted(torch.tensor([[[[0.5, 0.4]]]])).flatten().tolist() == [1.0, -1.0]


def test_a_binary_convolution_sees_only_signs_of_its_weights() -> None:
    conv, x = BinaryConv(5, 3).requires_grad_(False), sign(images(2, 8, 5))
    out = conv(x)
    conv.weight.mul_(torch.linspace(0.1, 1, conv.weight.numel()).view_as(conv.weight))
    assert torch.equal(conv(x), out)
    assert torch.equal(out, out.round())
    assert float(out.abs().max()) <= 5 * 9
    assert ((out[:, :, 1:-1, 1:-1] - 5 * 9) % 2 == 0).all()  # 45 taps; at the border fewer


def test_an_rprelu_bends_at_its_knee() -> None:
    act = ShiftedPReLU(1)
    for name, value in (("at", 1.0), ("lift", 10.0), ("slope", 0.5)):
        getattr(act, name).data.fill_(value)
    with torch.no_grad():
        assert act(torch.tensor([[[[3.0, 1.0, -1.0]]]])).flatten().tolist() == [12.0, 10.0, 9.0]


@pytest.mark.parametrize("style", ["reactnet", "bireal"])
def test_the_latent_is_one_bit_and_all_that_the_tail_sees(style: Any) -> None:
    network, batch = lively(BinaryResnet(style, (4, 8, 8, 24))), images(3)
    with torch.no_grad():
        latent = network.latent(batch)
        assert latent.shape == (3, 24, 4, 4)
        assert set(latent.unique().tolist()) == {-1.0, 1.0}
        assert torch.equal(network.tail(latent), network.features(batch))
        assert torch.equal(network.norm(network.features(batch)), network(batch))


def test_thresholds_are_learned_in_reactnet_style_only() -> None:
    names = {name for name, _ in BinaryResnet("bireal", TINY.widths).build().named_parameters()}
    assert not {name for name in names if name.rsplit(".", 1)[1] in ("threshold", "at", "lift", "slope")}
    more = {name for name, _ in TINY.build().named_parameters()} - names
    assert {name.rsplit(".", 1)[1] for name in more} == {"threshold", "at", "lift", "slope"}


def test_the_twin_has_the_same_shape_and_no_binary_layer() -> None:
    network, twin = TINY.build(), BinaryResnet(widths=TINY.widths, binary=False).build()
    shapes = [{name: value.shape for name, value in one.state_dict().items()} for one in (network, twin)]
    assert shapes[0] == shapes[1]
    assert not any(isinstance(layer, BinaryConv) for layer in twin.modules())
    with torch.no_grad():
        assert float(twin.latent(images(2)).min()) >= 0


def test_the_defaults_are_six_million_bits_and_a_latent_of_a_kibibyte() -> None:
    bits = sum(layer.weight.numel() for layer in BinaryResnet().build().modules() if isinstance(layer, BinaryConv))
    assert 6_200_000 < bits < 6_300_000
    with torch.no_grad():
        assert BinaryResnet().build().eval().latent(images(1)).shape == (1, 512, 4, 4)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"style": "xnor"}, "reactnet or bireal; got 'xnor'"),
        ({"widths": (1, 2, 4)}, "four widths"),
        ({"widths": (0, 2, 4, 8)}, "four widths"),
        ({"channels": 0}, "some channels"),
        ({"widths": (4, 6, 12, 24)}, "a width is a multiple of the one before"),
        ({"depths": (1, 1, 1)}, "four depths"),
        ({"depths": (1, 0, 1, 2)}, "at least 1"),
        ({"depths": (1, 1, 1, 1)}, "the last of at least 2"),
    ],
)
def test_wrong_fields_are_refused_where_the_record_is_written(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InsituError, match=message):
        BinaryResnet(**fields)


@pytest.mark.parametrize("shape", [(2, 3, 21, 32), (2, 1, 32, 32), (3, 32, 32)])
def test_images_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InsituError, match=r"takes images \(n, 3, h, w\) of even sides from 8 pixels; got \("):
        TINY.build().latent(torch.zeros(shape))
