"""Random crops, colours, rotations and mixes: what they keep, what they change, and that one generator draws it all."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from insitu.core import generator
from insitu.training import augment

RNG = generator


def pixels(n: int = 6, height: int = 20, width: int = 24, channels: int = 3) -> np.ndarray:
    return generator(0, "pixels").integers(0, 256, (n, height, width, channels), np.uint8)


def batch(n: int = 6, size: int = 8) -> Tensor:
    return torch.from_numpy(generator(0, "batch").uniform(-1, 1, (n, 3, size, size))).float()


@settings(max_examples=20)
@given(seed=st.integers(0, 999), size=st.integers(3, 30), least=st.floats(0.05, 1.0), channels=st.sampled_from([1, 3]))
def test_crops_keep_shape_and_range(seed: int, size: int, least: float, channels: int) -> None:
    out = augment.random_crops(pixels(channels=channels), size, RNG(seed), (least, 1.0))
    assert out.shape == (6, channels, size, size)
    assert -1 <= float(out.min()) <= float(out.max()) <= 1


def test_crops_of_one_colour_stay_that_colour() -> None:
    out = augment.random_crops(np.full((5, 9, 9, 3), 51, np.uint8), 7, RNG(0), (0.1, 1.0))
    torch.testing.assert_close(out, torch.full_like(out, 51 / 127.5 - 1))


def ramp(n: int) -> np.ndarray:
    """Return images that grow brighter to the right and, twice as fast, to the bottom."""
    right, down = np.meshgrid(np.arange(24), np.arange(24))
    return np.repeat((3 * right + 6 * down).astype(np.uint8)[None, ..., None], n, 0)


def slopes(out: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean slope of every image to the right and downwards."""
    return out.diff(dim=3).mean((1, 2, 3)), out.diff(dim=2).mean((1, 2, 3))


def test_without_flips_no_image_is_mirrored() -> None:
    right, down = slopes(augment.random_crops(ramp(60), 8, RNG(0), (0.3, 1.0), flip=False))
    assert bool((right > 0).all())
    assert bool((down > 0).all())


def test_with_flips_about_half_are_mirrored_and_none_is_upside_down() -> None:
    right, down = slopes(augment.random_crops(ramp(400), 8, RNG(0), (0.3, 1.0)))
    assert abs(int((right < 0).sum()) - 200) < 3 * 10  # deviation sqrt(400 / 4)
    assert bool((down > 0).all())


def test_small_crops_see_a_small_share_of_the_image() -> None:
    # a crop's height shows in the range of the ramp: 138 levels over the whole image
    spans = []
    for area in (0.05, 0.3, 1.0):
        out = augment.random_crops(ramp(50), 8, RNG(0), (area, area))[:, 0]
        spans.append(float((out.amax((1, 2)) - out.amin((1, 2))).mean()))
    assert spans == sorted(spans)
    assert spans[0] < 0.4 * spans[2]


@settings(max_examples=20)
@given(seed=st.integers(0, 999), strength=st.floats(0, 1))
def test_colours_keep_shape_and_range(seed: int, strength: float) -> None:
    out = augment.jitter_colours(batch(), RNG(seed), strength)
    assert out.shape == batch().shape
    assert -1 <= float(out.min()) <= float(out.max()) <= 1


def test_colours_change_with_the_strength_only() -> None:
    torch.testing.assert_close(augment.jitter_colours(batch(), RNG(0), 0.0), batch(), atol=1e-6, rtol=0)
    weak, strong = (float((augment.jitter_colours(batch(), RNG(0), s) - batch()).abs().mean()) for s in (0.1, 0.4))
    assert 0 < weak < strong


def test_rotated_images_are_classes_of_their_own() -> None:
    images, labels = batch(200), torch.arange(200) % 5
    turned = images.clone()
    given_ = augment.rotate(turned, labels, 5, RNG(0), 0.6)
    quarters = given_ // 5
    assert torch.equal(given_ % 5, labels)
    assert set(quarters.tolist()) == {0, 1, 2, 3}
    back = torch.stack([torch.rot90(image, -int(k), (1, 2)) for image, k in zip(turned, quarters, strict=True)])
    assert torch.equal(back, images)
    assert abs(int((quarters > 0).sum()) - 120) < 3 * 7  # deviation sqrt(200 x 0.6 x 0.4)


def test_a_share_of_zero_rotates_nothing() -> None:
    images, labels = batch(), torch.arange(6)
    assert torch.equal(augment.rotate(images, labels, 9, RNG(0), 0.0), labels)
    assert torch.equal(images, batch())


Mix = Callable[[Tensor, np.random.Generator], tuple[Tensor, Tensor, float]]


@pytest.mark.parametrize("mix", [augment.cut_mix, augment.mix_up])
@settings(max_examples=20)
@given(seed=st.integers(0, 999), n=st.integers(1, 7), size=st.integers(1, 9))
def test_mixing_keeps_shape_and_says_what_share_is_kept(mix: Mix, seed: int, n: int, size: int) -> None:
    # image i is all i: the mean of the mixed image is then kept * i + (1 - kept) * partner
    images = torch.arange(float(n))[:, None, None, None].expand(n, 3, size, size).clone()
    mixed, partner, kept = mix(images, RNG(seed))
    assert mixed.shape == images.shape
    assert sorted(partner.tolist()) == list(range(n))
    assert 0 <= kept <= 1
    expected = kept * torch.arange(float(n)) + (1 - kept) * partner
    torch.testing.assert_close(mixed.mean((1, 2, 3)), expected, atol=1e-4, rtol=1e-4)


def test_cut_mix_pastes_and_mix_up_blends() -> None:
    images = batch()
    pasted, partner, kept = augment.cut_mix(images, RNG(4))
    assert 0 < kept < 1
    assert bool(((pasted == images) | (pasted == images[partner])).all())
    blended, partner, kept = augment.mix_up(images, RNG(4))
    torch.testing.assert_close(blended, kept * images + (1 - kept) * images[partner])


def test_mixing_leaves_the_batch_it_was_given() -> None:
    for mix in (augment.cut_mix, augment.mix_up):
        images = batch()
        mix(images, RNG(0))
        assert torch.equal(images, batch())


def test_every_draw_comes_from_the_generator() -> None:
    def all_of_it(seed: int) -> Tensor:
        rng = RNG(seed)
        out = augment.jitter_colours(augment.random_crops(pixels(), 9, rng, (0.2, 1.0)), rng, 0.3)
        augment.rotate(out, torch.arange(6), 6, rng, 0.5)
        out = augment.mix_up(augment.cut_mix(out, rng)[0], rng)[0]
        assert isinstance(out, Tensor)
        return out

    torch.manual_seed(0)
    first = all_of_it(1)
    torch.manual_seed(1)
    assert torch.equal(first, all_of_it(1))
    assert not torch.equal(first, all_of_it(2))


@settings(max_examples=20)
@given(seed=st.integers(0, 999), strength=st.floats(0, 0.4), channels=st.sampled_from([1, 3]))
def test_a_warp_keeps_shape_and_range(seed: int, strength: float, channels: int) -> None:
    given_ = batch()[:, :channels]
    out = augment.warp(given_, RNG(seed), strength)
    assert out.shape == given_.shape
    assert float(out.min()) >= float(given_.min()) - 1e-5
    assert float(out.max()) <= float(given_.max()) + 1e-5


def test_a_warp_of_no_strength_changes_nothing() -> None:
    torch.testing.assert_close(augment.warp(batch(), RNG(0), 0.0), batch(), atol=1e-5, rtol=0)


def test_a_stronger_warp_moves_more_and_each_image_differently() -> None:
    one = batch(1, 32).repeat(40, 1, 1, 1)
    moved = [float((augment.warp(one, RNG(0), strength) - one).abs().mean()) for strength in (0.02, 0.1, 0.3)]
    assert moved == sorted(moved)
    assert moved[0] > 0
    assert len(augment.warp(one, RNG(0), 0.1).flatten(1).unique(dim=0)) == 40
