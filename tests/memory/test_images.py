"""Images through a shipped backbone: validation, predictions, storage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from insitu import Memory
from insitu.core import InsituError, generator

Pixels = NDArray[np.uint8]


def drawings(figures: list[int], each: int = 3, seed: int = 0) -> tuple[Pixels, list[str]]:
    """Strokes of black on white, 64 x 64: each figure has corners of its own, which wander a little."""
    rng, out = generator(seed, "drawings"), []
    for figure in figures:
        corners = generator(figure, "corners").uniform(10, 54, (5, 2))
        for _ in range(each):
            page, wander = np.full((64, 64), 255, np.uint8), corners + rng.normal(0, 1.5, corners.shape)
            for start, end in zip(wander, wander[1:], strict=False):
                for share in np.linspace(0, 1, 80):
                    row, column = np.clip(start + share * (end - start), 1, 62).astype(int)
                    page[row - 1 : row + 2, column - 1 : column + 2] = 0
            out.append(page)
    return np.stack(out), [f"figure {figure}" for figure in figures for _ in range(each)]


FIGURES = [0, 1, 2, 3, 4, 5]


def test_drawings_are_learned_from_three_and_forgotten() -> None:
    memory = Memory(encoder="omniglot").fit(*drawings(FIGURES[:4]))
    memory.partial_fit(*drawings(FIGURES[4:]))
    assert memory.score(*drawings(FIGURES, 5, seed=1)) > 0.9
    assert 0.3 < memory.predict_proba(drawings(FIGURES, 5, seed=1)[0]).max(1).mean() < 1
    memory.forget("figure 2")
    assert "figure 2" not in memory.predict(drawings([2])[0])
    assert memory.age(3e8).score(*drawings([0, 1, 3, 4, 5], 5, seed=1)) > 0.9


def test_grey_colour_and_one_channel_are_the_same_drawing() -> None:
    pixels, labels = drawings(FIGURES[:3])
    memory = Memory("digital", encoder="omniglot").fit(pixels, labels)
    expected = memory.predict_proba(pixels)
    np.testing.assert_allclose(memory.predict_proba(pixels[..., None]), expected, atol=1e-3)
    np.testing.assert_allclose(memory.predict_proba(pixels[..., None].repeat(3, 3)), expected, atol=1e-3)
    for backbone in ("miniimagenet", "binary"):
        assert Memory("digital", encoder=backbone).fit(pixels, labels).score(pixels, labels) > 0.9


def test_two_memories_superpose_and_are_like_one() -> None:
    first, second = drawings([0, 1, 2]), drawings([2, 3, 4], seed=5)
    memory = Memory(encoder="omniglot").fit(*first)
    before = memory.cost()
    memory.merge(Memory("digital", encoder="omniglot").fit(*second))
    assert memory._model.counts.tolist() == [3, 3, 6, 3, 3]
    assert memory.score(*drawings([0, 1, 2, 3, 4], 5, seed=1)) > 0.9
    assert not (memory.cost() - before).counts["reset_pulse"], "added in place, nothing is written anew"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (np.zeros((2, 8, 8)), "uint8"),
        (np.zeros((2, 64), np.uint8), "uint8"),
        (np.zeros((2, 8, 8, 2), np.uint8), "uint8"),
        ([np.zeros((8, 8), np.uint8), np.zeros((8, 8))], "item 1 of X: .*uint8"),
        ([], "nothing to encode"),
        ("text", "text: it cannot be read"),
    ],
)
def test_what_is_no_image_is_refused(wrong: object, words: str) -> None:
    memory = Memory("digital", encoder="omniglot").fit(*drawings([0, 1]))
    with pytest.raises(InsituError, match=words):
        memory.predict(wrong)


def test_files_pillow_images_and_arrays_of_several_sizes_are_the_same_drawings(tmp_path: Path) -> None:
    pixels, labels = drawings(FIGURES[:3])
    memory = Memory("digital", encoder="omniglot").fit(pixels, labels)
    expected = memory.predict_proba(pixels)
    pictures = [Image.fromarray(page) for page in pixels]
    for number, picture in enumerate(pictures):
        picture.save(tmp_path / f"{number}.png")
    for given in (pictures, sorted(tmp_path.iterdir()), [str(file) for file in sorted(tmp_path.iterdir())], tmp_path):
        np.testing.assert_allclose(memory.predict_proba(given), expected, atol=1e-3)
    larger = [*pixels[:-1], pixels[-1].repeat(2, 0).repeat(2, 1)]
    assert memory.predict(larger).tolist() == labels
    assert Memory("digital", encoder="omniglot").fit(tmp_path, labels).score(larger, labels) == 1
    vectors = memory.encode(tmp_path)
    np.testing.assert_allclose(vectors, memory.encode(pixels), atol=1e-3)
    assert vectors.shape == (len(labels), memory.settings.encoder.dim)  # type: ignore[union-attr]


def test_other_invalid_arguments_are_rejected() -> None:
    pixels, labels = drawings([0, 1])
    with pytest.raises(InsituError, match="one label per item"):
        Memory(encoder="omniglot").fit(pixels, labels[:-1])
    listed = (
        "for images: efficientnet-lite0, binary, miniimagenet, omniglot, omniglot_background.*; for sounds: wakeword"
    )
    with pytest.raises(InsituError, match=f"no encoder nothing; there are, {listed}") as error:
        Memory(encoder="nothing").fit(pixels, labels)
    assert "keywords" not in str(error.value), "made of spectrograms, not of pictures"
    with pytest.raises(InsituError, match="at least 2 pixels"):
        Memory(encoder="omniglot").fit(pixels[:, :1], labels)
    with pytest.raises(InsituError, match="same encoder"):
        Memory(encoder="omniglot").fit(pixels, labels).merge(Memory(encoder="miniimagenet").fit(pixels, labels))


def test_a_file_keeps_images_and_replays_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, asked = tmp_path / "drawn.insitu", drawings(FIGURES, 5, seed=1)
    with Memory.open(path, encoder="omniglot") as memory:
        for figure in FIGURES:
            memory.partial_fit(*drawings([figure]))
        expected = memory.predict_proba(asked[0])
    with Memory.open(path) as memory:
        assert np.array_equal(memory.predict_proba(asked[0]), expected)
        assert memory.replay("pcm-hermes2022").score(*asked) > 0.9
    assert path.stat().st_size < 3 * 2**20
    monkeypatch.setattr("insitu.encoders.trained_backbone.TrainedBackbone.digest", lambda self: "other")
    with Memory.open(path) as memory, pytest.raises(InsituError, match="other weights"):
        memory.partial_fit(*drawings([9]))


@pytest.mark.images
def test_five_drawings_of_each_of_ten_characters_are_enough() -> None:
    from insitu.data.omniglot import BASE, Omniglot

    try:
        images = Omniglot().drawings()
    except InsituError as error:
        pytest.skip(str(error))
    # of the evaluation set, only characters that the backbone was not trained on either
    new, rng = np.arange(BASE, len(images.background)), generator(0, "characters")
    assert not images.background[new].any()
    shares = []
    for _ in range(5):
        rows = rng.choice(new, 10, replace=False)[:, None] * 20 + np.stack([rng.permutation(20) for _ in range(10)])
        pixels = np.asarray(images.images.pixels)
        y = np.arange(10).repeat(20).reshape(10, 20)
        memory = Memory(encoder="omniglot").fit(pixels[rows[:, :5].ravel()], y[:, :5].ravel())
        shares.append(memory.score(pixels[rows[:, 5:15].ravel()], y[:, 5:15].ravel()))
    assert np.mean(shares) > 0.9
