"""ResNet-12: shapes for any size and width, weights from a seed alone, what it cannot take in one line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from insitu.backbones.inputs import to_batch
from insitu.backbones.resnet12 import ResNet12
from insitu.core import InsituError, generator

TINY = ResNet12((2, 3, 4, 5), dim=7)


def images(count: int, size: int, channels: int = 3) -> torch.Tensor:
    return torch.from_numpy(generator(0, "images").uniform(-1, 1, (count, channels, size, size))).float()


@settings(max_examples=15)
@given(size=st.integers(16, 50), count=st.integers(1, 3), channels=st.sampled_from([1, 3]), dim=st.integers(1, 9))
def test_any_size_gives_one_vector_per_image(size: int, count: int, channels: int, dim: int) -> None:
    network = ResNet12((2, 3, 4, 5), dim, channels).build().eval()
    with torch.no_grad():
        assert network.features(images(count, size, channels)).shape == (count, 5)
        assert network(images(count, size, channels)).shape == (count, dim)


def test_images_may_be_oblong() -> None:
    with torch.no_grad():
        assert TINY.build().eval()(torch.zeros(2, 3, 16, 40)).shape == (2, 7)


def test_each_image_is_encoded_by_itself() -> None:
    network, batch = TINY.build().eval(), images(5, 20)
    with torch.no_grad():
        together = network(batch)
        alone = torch.cat([network(batch[i : i + 1]) for i in range(5)])
    torch.testing.assert_close(together, alone)
    assert float((together[0] - together[1]).abs().max()) > 1e-4


def test_the_published_widths_have_twelve_layers() -> None:
    network = ResNet12().build()
    kernels = [tuple(w.shape) for w in network.parameters() if w.ndim == 4]
    assert [shape[0] for shape in kernels if shape[2] == 3] == [w for w in (64, 160, 320, 640) for _ in range(3)]
    assert [shape[0] for shape in kernels if shape[2] == 1] == [64, 160, 320, 640]
    assert tuple(network.project.weight.shape) == (512, 640)


def test_building_is_a_matter_of_the_seed_alone() -> None:
    torch.manual_seed(1)
    first = TINY.build(3).state_dict()
    torch.manual_seed(2)
    second, other = TINY.build(3).state_dict(), TINY.build(4).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["project.weight"], other["project.weight"])


def test_building_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    TINY.build(0)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_gradient_reaches_every_weight() -> None:
    network = TINY.build()
    network(images(4, 20)).square().sum().backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert bool(weight.grad.any()), name


@pytest.mark.parametrize(
    ("batch", "given_"),
    [
        (torch.zeros(2, 3, 15, 40), r"\(2, 3, 15, 40\)"),  # four pools would leave nothing
        (torch.zeros(2, 1, 32, 32), r"\(2, 1, 32, 32\)"),
        (torch.zeros(3, 32, 32), r"\(3, 32, 32\)"),
    ],
)
def test_images_of_another_shape_are_refused(batch: torch.Tensor, given_: str) -> None:
    with pytest.raises(InsituError, match=rf"images \(n, 3, h, w\) of at least 16 pixels; got {given_}"):
        TINY.build()(batch)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"widths": (1, 2, 3)}, "four widths"),
        ({"widths": (1, 2, 0, 3)}, "at least 1"),
        ({"dim": 0}, "got dim 0"),
        ({"channels": 0}, "channels 0"),
    ],
)
def test_wrong_fields_are_refused_where_the_record_is_written(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InsituError, match=message):
        ResNet12(**fields)


def test_pixels_become_numbers_from_minus_one_to_one() -> None:
    pixels = np.array([0, 255], np.uint8).repeat(4 * 4 * 3).reshape(2, 4, 4, 3)
    assert to_batch(pixels, 4).flatten(1).unique(dim=1).flatten().tolist() == [-1.0, 1.0]


def test_pixels_keep_their_places() -> None:
    pixels = generator(0, "pixels").integers(0, 256, (2, 5, 5, 3), np.uint8)
    batch = to_batch(pixels, 5)
    assert batch.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_allclose((batch.permute(0, 2, 3, 1).numpy() + 1) * 127.5, pixels, atol=1e-3)


@pytest.mark.parametrize("size", [3, 8, 21])
def test_resizing_keeps_range_and_mean(size: int) -> None:
    pixels = generator(0, "pixels").integers(0, 256, (2, 12, 12, 3), np.uint8)
    batch = to_batch(pixels, size)
    assert batch.shape == (2, 3, size, size)
    assert float(batch.min()) >= -1
    assert float(batch.max()) <= 1
    assert abs(float(batch.mean()) - float(to_batch(pixels, 12).mean())) < 0.1


@pytest.mark.parametrize("stem", [2, 3])
def test_a_stem_moves_squares_of_pixels_into_channels(stem: int) -> None:
    network = ResNet12((2, 3, 4, 5), dim=7, stem=stem).build().eval()
    x = images(2, 16 * stem)
    with torch.no_grad():
        assert network(x).shape == (2, 7)
        squares = x.unflatten(3, (16, stem)).unflatten(2, (16, stem)).permute(0, 1, 3, 5, 2, 4).flatten(1, 3)
        assert torch.equal(network.features(x), network.blocks(squares).mean((2, 3)))
    with pytest.raises(InsituError, match=f"of at least {16 * stem} pixels"):
        network(images(2, 16 * stem - 1))


def test_a_stem_of_one_leaves_the_image_as_it_is() -> None:
    with torch.no_grad():
        plain, given_ = TINY.build(), ResNet12((2, 3, 4, 5), dim=7, stem=1).build()
        assert torch.equal(plain.eval()(images(2, 20)), given_.eval()(images(2, 20)))
