"""Conv4: shapes for any size, norm after ReLU by each task's own images, queries that do or do not see each other."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from insitu.backbones.conv4 import Conv4
from insitu.backbones.task_norm import normalised
from insitu.core import InsituError, generator
from insitu.devices.ideal import Ideal
from insitu.placement import place
from insitu.substrates.crossbar import Crossbar

SMALL = Conv4(width=6)


def images(tasks: int, n: int, record: Conv4 = SMALL, seed: int = 0) -> Tensor:
    shape = (tasks, n, record.channels, record.size, record.size)
    return torch.from_numpy(generator(seed, "images").uniform(0, 1, shape)).float()


def plain(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    y = z.relu()
    variance, mean = torch.var_mean(y, (1, 2), correction=0)
    mean, inverse = mean[:, None], (variance[:, None] + 1e-5).rsqrt()
    return (y - mean[:, :, None]) * inverse[:, :, None], mean, inverse


def test_it_is_the_published_network() -> None:
    record = Conv4()
    assert [tuple(w.shape) for w in record.build().parameters()] == [(56, 1, 3, 3)] + [(56, 56, 3, 3)] * 3
    assert record.sides == (14, 7, 4, 2)
    assert record.features == 56


def test_each_layer_is_convolution_then_relu_then_norm() -> None:
    network, given_ = SMALL.build(), images(1, 5)
    x = given_[0]
    for conv in network.convs:
        x = F.batch_norm(F.relu(F.conv2d(x, conv.weight, stride=2, padding=1)), None, None, training=True)  # type: ignore[arg-type]
    torch.testing.assert_close(network(given_)[0][0], F.max_pool2d(x, 2).flatten(1), rtol=1e-4, atol=1e-4)


@settings(max_examples=10)
@given(size=st.integers(17, 50), tasks=st.integers(1, 3), n=st.integers(1, 3), channels=st.sampled_from([1, 3]))
def test_any_size_gives_one_vector_per_image(size: int, tasks: int, n: int, channels: int) -> None:
    record = Conv4(4, channels, size)
    features, statistics = record.build()(images(tasks, n, record))
    assert features.shape == (tasks, n, record.features)
    assert [tuple(part.shape) for pair in statistics for part in pair] == [(tasks, 1, 4)] * 8


def test_tasks_do_not_see_each_other() -> None:
    network, batch = SMALL.build(), images(4, 5)
    together = network(batch)[0]
    alone = torch.cat([network(batch[i : i + 1])[0] for i in range(4)])
    torch.testing.assert_close(together, alone)


def test_published_queries_are_normalised_together() -> None:
    network = SMALL.build()
    _, support = network(images(2, 5))
    asked = images(2, 4, seed=1)
    torch.testing.assert_close(network.queries(asked, support), network(asked)[0])
    moved = network.queries(asked[:, :1], support) - network.queries(asked, support)[:, :1]
    assert float(moved.detach().abs().max()) > 0.01


def test_inductive_queries_do_not_depend_on_others() -> None:
    network = Conv4(width=6, statistics="support").build()
    taught, support = network(images(2, 5))
    asked = images(2, 4, seed=1)
    together = network.queries(asked, support)
    alone = torch.cat([network.queries(asked[:, i : i + 1], support) for i in range(4)], 1)
    torch.testing.assert_close(together, alone)
    # what was learned is encoded as it was when it was learned
    torch.testing.assert_close(network.queries(images(2, 5), support), taught, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("channels_last", [True, False])
def test_the_norm_and_its_gradients_are_those_of_plain_operations(channels_last: bool) -> None:
    z = torch.from_numpy(generator(0, "maps").standard_normal((2, 3, 4, 3)))
    z = (z if channels_last else z.transpose(2, 3).contiguous().transpose(2, 3)).requires_grad_()
    for fast, slow in zip(normalised(z), plain(z), strict=True):
        torch.testing.assert_close(fast, slow)
    assert torch.autograd.gradcheck(normalised, (z,))
    assert torch.autograd.gradgradcheck(normalised, (z,))


def test_a_channel_that_is_always_dark_stays_finite() -> None:
    out, mean, _ = normalised(torch.full((1, 2, 4, 3), -1.0))
    assert not out.any()
    assert not mean.any()


def test_building_is_a_matter_of_the_seed_alone() -> None:
    torch.manual_seed(1)
    first = SMALL.build(3).state_dict()
    torch.manual_seed(2)
    second, other = SMALL.build(3).state_dict(), SMALL.build(4).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["convs.0.weight"], other["convs.0.weight"])


def test_it_can_be_placed_on_a_crossbar() -> None:
    network, batch = SMALL.build(), images(2, 5)
    exact = Crossbar(Ideal(), pairs=1, input_bits=0, adc_bits=0)
    placed = place(network, exact, 0.0, generator(0, "place"), example=batch)
    with torch.no_grad():
        torch.testing.assert_close(placed(batch)[0], network(batch)[0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("shape", [(2, 1, 28, 28), (2, 5, 3, 28, 28), (2, 5, 1, 27, 28), (2, 0, 1, 28, 28)])
def test_images_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InsituError, match=r"images \(tasks, n, 1, 28, 28\), at least one; got"):
        SMALL.build()(torch.zeros(shape))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"width": 0}, "at least 1; got 0"),
        ({"channels": 0}, "at least 1"),
        ({"size": 16}, "at least 17 pixels"),
        ({"statistics": "running"}, "batch or support"),
    ],
)
def test_wrong_fields_are_refused_where_the_record_is_written(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InsituError, match=message):
        Conv4(**fields)
