"""Episodes: classes without replacement, queries of their own, the same for a seed, never a class of meta-training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from blobs import same
from insitu.backbones import trained, weights_file
from insitu.backbones.conv4 import Conv4
from insitu.core import InsituError, generator
from insitu.data import FewShotImages, Images
from insitu.data.miniimagenet import MiniImageNet
from insitu.data.omniglot import Drawings, Omniglot
from insitu.protocols import Examples
from insitu.scenarios import episodes, task_features
from insitu.scenarios.episodes import Episodes
from insitu.scenarios.task_pools import pools
from insitu.scenarios.tasks import Pool, draw, pool_of

SIDE = 17


def numbered(classes: int, each: int, first: int = 0, channels: int = 1) -> Images:
    """Make images whose corner pixel tells them apart: the number of the image, counted from ``first``."""
    count = classes * each
    pixels = np.zeros((count, SIDE, SIDE, channels), np.uint8)
    pixels[:, 0, 0] = (np.arange(count) + first)[:, None]
    return Images(pixels, np.arange(classes).repeat(each), tuple(f"c{c}" for c in range(classes)))


def numbers(x: torch.Tensor) -> np.ndarray[Any, Any]:
    """Return the number of every image (tasks, n), whichever corner a turn has brought it to."""
    return np.asarray((x * 255).round().amax((2, 3, 4)).to(torch.int64))


@settings(max_examples=30)
@given(
    ways=st.integers(2, 6),
    shots=st.integers(1, 3),
    queries=st.integers(1, 3),
    seed=st.integers(0, 999),
    t=st.booleans(),
)
def test_classes_and_images_of_a_task_are_all_different(
    ways: int, shots: int, queries: int, seed: int, t: bool
) -> None:
    pool = pool_of(numbered(6, 6, first=1), SIDE, 1, rotations=t)
    support, asked = draw(pool, 9, ways, shots, queries, generator(seed, "draw"))
    assert support.x.shape == (9, ways * shots, 1, SIDE, SIDE)
    assert asked.x.shape == (9, ways * queries, 1, SIDE, SIDE)
    for task in range(9):
        shown = np.concatenate([numbers(support.x)[task], numbers(asked.x)[task]])
        labels = np.concatenate([support.labels[task], asked.labels[task]])
        corner = np.concatenate([_turn(part.x[task]) for part in (support, asked)])
        classes = (shown - 1) // 6 * 4 + corner
        of_way = [set(classes[labels == way].tolist()) for way in range(ways)]
        assert all(len(found) == 1 for found in of_way)
        assert len(set.union(*of_way)) == ways
        assert len(set((shown * 4 + corner).tolist())) == ways * (shots + queries)


def _turn(x: torch.Tensor) -> np.ndarray[Any, Any]:
    """Return by how many quarters each image (n, 1, side, side) is turned."""
    corners = torch.stack([x[:, 0, 0, 0], x[:, 0, -1, 0], x[:, 0, -1, -1], x[:, 0, 0, -1]], 1)
    return np.asarray(corners.argmax(1))


def test_turned_characters_are_characters_of_their_own() -> None:
    pool = pool_of(numbered(3, 8, first=1), SIDE, 1, rotations=True)
    assert pool.classes == 12
    support, _ = draw(pool, 300, 12, 2, 2, generator(0, "draw"))
    turns = np.stack([_turn(task) for task in support.x])
    drawn = (numbers(support.x) - 1) // 8 * 4 + turns
    assert (np.sort(drawn, 1) == np.arange(12).repeat(2)).all()  # each once, both shots turned alike
    assert (drawn[:, ::2] == drawn[:, 1::2]).all()
    assert pool.upright().classes == 3


def test_classes_of_unequal_size_are_drawn_from_what_they_have() -> None:
    images = numbered(2, 10)
    uneven = images.take(np.r_[0:4, 10:20])
    support, asked = draw(pool_of(uneven, SIDE, 1), 200, 2, 2, 2, generator(0, "draw"))
    assert set(numbers(support.x).ravel()) | set(numbers(asked.x).ravel()) == {*range(4), *range(10, 20)}


def test_every_class_and_image_comes_equally_often() -> None:
    support, _ = draw(pool_of(numbered(5, 4), SIDE, 1), 3000, 2, 1, 1, generator(0, "draw"))
    counts = np.bincount(numbers(support.x).ravel(), minlength=20)
    assert np.abs(counts - 300).max() < 4 * 300**0.5


def test_pixels_are_grey_from_0_to_1_and_paper_is_1() -> None:
    colours = np.zeros((2, 40, 40, 3), np.uint8)
    colours[0], colours[1] = 255, (255, 0, 0)
    images = Images(colours, np.array([0, 1]), ("paper", "red"))
    pool = pool_of(images, SIDE, 1)
    assert pool.pixels.flatten(1).unique(dim=1).flatten().tolist() == [255, 76]
    assert pool_of(numbered(1, 2), SIDE, 3).pixels.shape == (2, 3, SIDE, SIDE)


# -- data sets -----------------------------------------------------------------------------------------------------


@pytest.fixture
def omniglot(monkeypatch: pytest.MonkeyPatch) -> None:
    images = numbered(10, 20)
    drawn = Drawings(images, np.array([True] * 6 + [False] * 4))
    monkeypatch.setattr(Omniglot, "drawings", lambda _: drawn)
    episodes._pools.cache_clear()


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    record = Conv4(width=4, size=SIDE)
    weights_file.save(tmp_path / "small", record.build(), {}, torch.zeros(3, record.features))
    monkeypatch.setattr(trained, "stem", lambda name: tmp_path / name)
    return tmp_path / "small"


SMALL = Episodes(backbone="small", ways=3, shots=2, queries=2, tasks=7, batch_size=3)


@pytest.mark.usefixtures("omniglot", "weights")
def test_tests_are_evaluation_characters_only() -> None:
    calibration = SMALL.base("images").calibration
    assert set((numbers(calibration.x).ravel() // 20).tolist()) <= set(range(6))
    for session in SMALL.sessions("images", 0):
        for part in (session.train, session.test):
            if part is not None:
                assert set((numbers(part.x).ravel() // 20).tolist()) <= set(range(6, 10))
    assert "6 background characters in four rotations to train, 4 evaluation characters" in SMALL.describe("images")


@pytest.mark.usefixtures("omniglot", "weights")
def test_sessions_share_out_the_tasks() -> None:
    sessions = list(SMALL.sessions("images", 0))
    assert [len(s.train.x) for s in sessions if s.train is not None] == [3, 3, 1]


@pytest.mark.usefixtures("omniglot", "weights")
def test_statistics_of_the_support_can_be_asked_for() -> None:
    assert SMALL.base("images").network.record.statistics == "batch"
    assert replace(SMALL, statistics="support").base("images").network.record.statistics == "support"


@pytest.mark.usefixtures("omniglot")
def test_features_of_the_package_are_those_of_the_images(weights: Path) -> None:
    found, whole = pools("omniglot", SIDE, 1), SMALL.base("images")
    tasks = draw(found.test, 5, 3, 2, 2, generator(0, "shipped"))
    task_features.ship(weights, episodes.calibration(found, 3, 2, 2), tasks, "made up")
    [first, second] = SMALL.sessions("package", 0)
    assert first.train is not None
    with torch.no_grad():
        expected = whole.network(tasks[0].x[:3])[0]
    assert torch.allclose(first.train.x, expected, atol=2e-3, rtol=2e-3)
    assert same(first.train.labels, tasks[0].labels[:3])
    assert len(second.test) == 2
    assert SMALL.base("package").calibration.x.shape == (episodes.CALIBRATION, 6, 4)
    assert SMALL.describe("package") == "made up; 5 tasks of 3 ways, 2 shots, 2 queries per class"


@pytest.mark.usefixtures("omniglot")
def test_features_of_the_package_are_refused_for_other_tasks_and_other_weights(weights: Path) -> None:
    found = pools("omniglot", SIDE, 1)
    tasks = draw(found.test, 2, 3, 2, 2, generator(0, "shipped"))
    with pytest.raises(InsituError, match=r"no features of tasks come with small; use --data images"):
        SMALL.base("package")
    task_features.ship(weights, episodes.calibration(found, 3, 2, 2), tasks, "made up")
    with pytest.raises(InsituError, match="3 ways, 2 shots and 2 queries per class; for 3, 1 and 2 get"):
        next(replace(SMALL, shots=1).sessions("package", 0))
    with pytest.raises(InsituError, match="use --data images"):
        replace(SMALL, statistics="support").base("package")
    weights_file.save(weights, Conv4(width=4, size=SIDE).build(seed=1), {}, torch.zeros(3, 4))
    with pytest.raises(InsituError, match="made by other weights"):
        SMALL.base("package")


@pytest.mark.usefixtures("omniglot", "weights")
def test_the_same_seed_gives_the_same_tasks() -> None:
    first, second, other = (list(SMALL.sessions("images", seed)) for seed in (5, 5, 6))
    assert same(first, second)
    assert not same(first, other)
    assert SMALL.drawn("images") == "sets of tasks"
    assert SMALL.drawn("package") == ""


@pytest.mark.usefixtures("omniglot", "weights")
def test_all_seeds_share_their_tasks_where_they_should() -> None:
    shared = replace(SMALL, drawn_for="all-seeds")
    assert same(list(shared.sessions("images", 6)), list(SMALL.sessions("images", 0)))
    assert shared.drawn("images") == ""
    assert "drawn for each seed" in SMALL.describe("images")
    assert "seed" not in shared.describe("images")
    with pytest.raises(InsituError, match="drawn_for is each-seed or all-seeds; got 'seed'"):
        replace(SMALL, drawn_for="seed")


def test_miniimagenet_tests_novel_classes_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = numbered(5, 20, channels=3)
    session = np.where(everything.labels < 3, 0, everything.labels - 2)
    data = FewShotImages(everything, session, numbered(5, 4, first=100, channels=3))
    monkeypatch.setattr(MiniImageNet, "read", lambda _: data)
    found = pools("miniimagenet", SIDE, 3)
    assert found.training is not None
    assert found.training.names == ("c0", "c1", "c2")
    assert found.test.names == ("c3", "c4")
    assert found.test.counts.tolist() == [24, 24]
    assert "3 base classes to train, 2 novel classes to test (not the usual 64/16/20" in found.note


def _folder(path: Path, counts: dict[str, int]) -> Path:
    for name, count in counts.items():
        (path / name).mkdir(parents=True)
        for k in range(count):
            Image.fromarray(np.full((20, 30, 3), 10 * k, np.uint8)).save(path / name / f"{k}.png")
    return path


def test_a_folder_of_yours_is_tested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSITU_CACHE", str(tmp_path / "cache"))
    found = pools("omniglot", SIDE, 1, _folder(tmp_path / "mine", {"ant": 3, "bee": 5, "cat": 4}))
    assert found.training is None
    assert found.test.counts.tolist() == [3, 5, 4]
    support, asked = draw(found.test, 4, 3, 2, 1, generator(0, "draw"))
    assert isinstance(support, Examples)
    assert asked.x.shape == (4, 3, 1, SIDE, SIDE)


def test_a_class_of_one_image_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSITU_CACHE", str(tmp_path / "cache"))
    with pytest.raises(InsituError, match="class bee has 1 image in"):
        pools("omniglot", SIDE, 1, _folder(tmp_path / "mine", {"ant": 3, "bee": 1}))


def _pool() -> Pool:
    return pool_of(numbered(3, 4), SIDE, 1)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((4, 1, 1), "tasks of 4 ways need as many classes; there are 3"),
        ((2, 4, 1), "tasks of 4 shots and 1 queries need 5 different images of a class; class c0 has 4"),
    ],
)
def test_tasks_larger_than_the_data_are_refused(size: tuple[int, int, int], message: str) -> None:
    with pytest.raises(InsituError, match=message):
        draw(_pool(), 2, *size, generator(0, "draw"))


def test_an_unknown_data_set_is_refused() -> None:
    with pytest.raises(InsituError, match="omniglot or miniimagenet, or from a folder of your own; got 'mnist'"):
        pools("mnist", SIDE, 1)


def test_weights_that_are_damaged_or_of_another_shape_are_refused(weights: Path) -> None:
    network, card, head = weights_file.load(weights)
    assert card["architecture"] == "conv4"
    weights_file.save(weights, Conv4(width=5, size=SIDE).build(), {"record": card["record"]}, head)
    with pytest.raises(InsituError, match=r"another architecture than Conv4\(width=4"):
        weights_file.load(weights)
    weights.with_suffix(".safetensors").write_bytes(b"none")
    with pytest.raises(InsituError, match="not a complete backbone"):
        weights_file.load(weights)
    assert same(dict(network.state_dict()), dict(Conv4(width=4, size=SIDE).build().state_dict()))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ways": 1}, "ways are at least 2"),
        ({"shots": 0}, "shots is at least 1"),
        ({"statistics": "mean"}, "batch, support or none"),
    ],
)
def test_wrong_fields_are_refused_where_the_record_is_written(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InsituError, match=message):
        Episodes(**fields)
