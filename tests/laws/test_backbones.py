"""Laws that every backbone obeys: adding a file to the room adds it to these tests."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from insitu import catalog
from insitu.core import InsituError, generator

# small variants of a backbone by name; a new backbone is tested as its defaults make it
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "resnet12": [{"widths": (4, 6, 8, 10), "dim": 7}],
    "binary-resnet": [
        {"widths": (4, 8, 8, 24)},
        {"widths": (4, 8, 8, 24), "style": "bireal", "depths": (1, 2, 1, 3)},
        {"widths": (4, 8, 8, 24), "binary": False},
    ],
    "quicknet": [{"widths": (8, 12, 5, 9)}, {"widths": (8, 12, 5, 9), "binary": False}],
    "conv4": [{"width": 6}],
}
EVERY: list[Any] = [
    pytest.param(catalog.load(part)(**fields), id=f"{part.name}-{number}")
    for part in catalog.parts("backbones")
    for number, fields in enumerate(VARIANTS.get(part.name, [{}]))
]
# those that encode images one by one; others normalise the images of a task together
ENCODERS = [param for param in EVERY if hasattr(type(param.values[0].build()), "features")]
SIDE = 32  # pixels


def images(count: int, channels: int = 3) -> Tensor:
    drawn = generator(0, "images").uniform(-1, 1, (count, channels, SIDE, SIDE))
    return torch.from_numpy(drawn.astype(np.float32))


def outputs(network: nn.Module, batch: Tensor) -> list[Tensor]:
    with torch.no_grad():
        return [network.features(batch), network(batch)]  # type: ignore[operator]


@pytest.mark.parametrize("record", EVERY)
def test_the_same_seed_gives_the_same_weights_whatever_the_global_generator(record: Any) -> None:
    torch.manual_seed(1)
    one = record.build(3).state_dict()
    torch.manual_seed(2)
    again, other = record.build(3).state_dict(), record.build(4).state_dict()
    assert list(one) == list(again)
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("record", ENCODERS)
def test_running_leaves_the_global_generator_alone(record: Any) -> None:
    network = record.build(0).eval()
    before = torch.get_rng_state()
    outputs(network, images(1))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("record", EVERY)
def test_building_leaves_the_global_generator_alone(record: Any) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    record.build(0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("record", ENCODERS)
def test_every_image_becomes_a_row_of_finite_numbers(record: Any) -> None:
    network = record.build().eval()
    widths = [out.shape[1] for out in outputs(network, images(1))]
    for count in (1, 3):
        for out, width in zip(outputs(network, images(count)), widths, strict=True):
            assert out.shape == (count, width)
            assert out.dtype == torch.float32
            assert torch.isfinite(out).all()


@pytest.mark.parametrize("record", ENCODERS)
def test_each_image_is_encoded_by_itself(record: Any) -> None:
    network, batch = record.build().eval(), images(4)
    together = outputs(network, batch)
    singly = [torch.cat(rows) for rows in zip(*(outputs(network, one[None]) for one in batch), strict=True)]
    for one, other in zip(together, singly, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
        assert float((one[0] - one[1]).abs().max()) > 1e-4


@pytest.mark.parametrize("record", ENCODERS)
def test_running_changes_nothing(record: Any) -> None:
    network = record.build().eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    first, second = outputs(network, images(2)), outputs(network, images(2))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("record", ENCODERS)
def test_a_gradient_reaches_every_weight(record: Any) -> None:
    network = record.build()
    network(images(4)).square().sum().backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name


@pytest.mark.parametrize("record", ENCODERS)
@pytest.mark.parametrize("shape", [(2, 2, SIDE, SIDE), (3, SIDE, SIDE), (2, 3, 0, SIDE)])
def test_what_is_no_batch_of_images_is_refused_in_one_line(record: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(InsituError) as caught:
        record.build().eval()(torch.zeros(shape))
    assert "\n" not in str(caught.value)
    assert str(tuple(shape)) in str(caught.value)


@pytest.mark.parametrize("record", EVERY)
def test_the_record_is_hashable_and_does_not_change(record: Any) -> None:
    assert hash(record) == hash(dataclasses.replace(record))
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(record, dataclasses.fields(record)[0].name, None)
