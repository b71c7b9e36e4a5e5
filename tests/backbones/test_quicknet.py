"""QuickNet for small images: its parts in their order, transitions that halve, a cut of one bit, wrong fields."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from insitu.backbones.binary.layers import BinaryConv
from insitu.backbones.binary.units import Transition, Unit
from insitu.backbones.quicknet import Quicknet
from insitu.core import InsituError
from lively import images, lively

TINY = Quicknet((8, 12, 5, 9), (2, 1, 1, 2))


def test_sections_stand_between_transitions_and_the_last_unit_is_the_tail() -> None:
    units = list(TINY.build().units)
    assert [type(unit) for unit in units] == [Unit, Unit, Transition, Unit, Transition, Unit, Transition, Unit]
    assert [unit.halve for unit in units if isinstance(unit, Transition)] == [True, True, False]


def test_the_defaults_have_float_convolutions_in_stem_and_transitions_only() -> None:
    network = Quicknet().build()
    convs = {name: layer for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d)}
    kernels = {name: layer.kernel_size[0] for name, layer in convs.items() if not isinstance(layer, BinaryConv)}
    assert sorted(kernels.values()) == [1, 1, 1, 1, 3, 3]
    assert sum(isinstance(layer, BinaryConv) for layer in convs.values()) == 14
    assert convs["stem.0"].stride == (2, 2)
    assert convs["stem.3"].groups == 16
    with torch.no_grad():
        assert network.eval().latent(images(1)).shape == (1, 512, 4, 4)


def test_a_unit_rectifies_before_its_batch_norm_and_adds_what_came_in() -> None:
    network = lively(TINY)
    unit, x = network.units[0], torch.randn(2, 8, 6, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        sums = unit.conv(torch.where(x >= 0, 1.0, -1.0))
        torch.testing.assert_close(unit(x), unit.norm(sums.clamp_min(0)) + x)


def test_a_transition_blurs_what_it_thins_out() -> None:
    transition = Transition(1, 1, halve=True).eval()
    nn.init.ones_(transition.conv.weight)
    flat = torch.ones(1, 1, 8, 8)
    impulse = torch.zeros(1, 1, 8, 8)
    impulse[0, 0, 4, 4] = 1
    with torch.no_grad():
        assert transition(flat).shape == (1, 1, 4, 4)
        torch.testing.assert_close(transition(flat)[0, 0, 1:3, 1:3], torch.ones(2, 2), rtol=0, atol=1e-4)
        moved = torch.stack([transition(impulse.roll((a, b), (2, 3))).sum() for a in (0, 1) for b in (0, 1)])
    # wherever the impulse stands, as much of it arrives
    torch.testing.assert_close(moved, torch.ones(4), rtol=0, atol=1e-4)


def test_the_latent_is_one_bit_and_all_that_the_tail_sees() -> None:
    network, batch = lively(TINY), images(3)
    with torch.no_grad():
        latent = network.latent(batch)
        assert latent.shape == (3, 9, 4, 4)
        assert set(latent.unique().tolist()) == {-1.0, 1.0}
        assert torch.equal(network.tail(latent), network.features(batch))
        assert float(network.features(batch).min()) >= 0


def test_the_twin_has_the_same_shape_and_no_binary_layer() -> None:
    twin = Quicknet(TINY.widths, TINY.depths, binary=False).build()
    shapes = [{name: value.shape for name, value in one.state_dict().items()} for one in (TINY.build(), twin)]
    assert shapes[0] == shapes[1]
    assert not any(isinstance(layer, BinaryConv) for layer in twin.modules())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"widths": (4, 8, 16)}, "four widths"),
        ({"widths": (4, 8, 0, 16)}, "four widths"),
        ({"channels": 0}, "some channels"),
        ({"widths": (6, 8, 8, 8)}, "a multiple of 4"),
        ({"depths": (1, 1, 1)}, "four depths"),
        ({"depths": (1, 1, 0, 1)}, "at least 1"),
    ],
)
def test_wrong_fields_are_refused_where_the_record_is_written(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InsituError, match=message):
        Quicknet(**fields)


@pytest.mark.parametrize("shape", [(2, 3, 21, 32), (2, 1, 32, 32), (3, 32, 32)])
def test_images_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InsituError, match=r"quicknet takes images \(n, 3, h, w\) of even sides from 8 pixels; got \("):
        TINY.build().latent(torch.zeros(shape))
