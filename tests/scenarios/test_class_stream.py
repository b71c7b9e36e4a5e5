"""Streams of experiences: how data sets are cut, where latents come from, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

from insitu import catalog, run
from insitu.backbones import trained, weights_file
from insitu.backbones.binary_resnet import BinaryResnet
from insitu.backbones.inputs import to_batch
from insitu.core import InsituError
from insitu.data import FewShotImages, Images
from insitu.data.core50 import Core50
from insitu.experiments import Experiment
from insitu.learners.cwr_star import CwrStar
from insitu.scenarios import latents
from insitu.scenarios.class_stream import ClassStream
from numbered import numbers
from numbered_stream import CLASSES, LISTED, TESTS, encoded

RECORD = BinaryResnet(widths=(4, 8, 8, 72))  # 72 channels: two words to a place


@pytest.fixture
def numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latents, "features", lambda *_: encoded(np.float16))


@pytest.mark.usefixtures("numbered")
def test_new_classes_in_equal_shares() -> None:
    sessions = list(ClassStream(experiences=2, order="listed", spacing_s=7.0).sessions("package", 0))
    assert [session.time_s for session in sessions] == [0.0, 7.0]
    for session, classes in zip(sessions, ([0, 1], [2, 3]), strict=True):
        assert session.train is not None
        assert np.bincount(session.train.labels, minlength=CLASSES)[classes].tolist() == [LISTED] * 2
        assert len(session.train) == 2 * LISTED
    assert sessions[1].groups is not None
    assert sessions[1].groups.tolist() == [0] * 2 * TESTS + [1] * 2 * TESTS


@pytest.mark.usefixtures("numbered")
def test_the_order_of_classes_is_drawn_for_each_seed() -> None:
    def order(seed: int) -> list[int]:
        sessions = ClassStream(experiences=CLASSES).sessions("package", seed)
        return [int(session.train.labels[0]) for session in sessions if session.train]

    orders = [order(seed) for seed in range(8)]
    assert all(sorted(each) == list(range(CLASSES)) for each in orders)
    assert len({tuple(each) for each in orders}) > 3
    assert order(1) == orders[1]


@pytest.mark.usefixtures("numbered")
@pytest.mark.parametrize("experiences", [1, 3, 5, LISTED])
def test_new_instances_of_all_classes(experiences: int) -> None:
    sessions = list(ClassStream(kind="ni", experiences=experiences).sessions("package", 3))
    taken = []
    for session in sessions:
        assert session.train is not None
        counts = np.bincount(session.train.labels)
        assert len(counts) == CLASSES
        assert LISTED // experiences <= counts.min() == counts.max() <= -(-LISTED // experiences)
        assert len(session.test) == CLASSES * TESTS
        assert session.groups is not None
        assert set(session.groups.tolist()) == {0}
        taken += numbers(session.train.x)
    assert sorted(taken) == list(range(1, 1 + CLASSES * LISTED))
    other = next(ClassStream(kind="ni", experiences=2).sessions("package", 4))
    assert other.train is not None
    assert numbers(other.train.x) != numbers(next(ClassStream(kind="ni", experiences=2).sessions("package", 5)).test.x)


@pytest.mark.usefixtures("numbered")
def test_both_as_the_lists_say(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def batches(_: Core50, run: int) -> tuple[list[np.ndarray], np.ndarray]:
        asked.append(run)
        return [np.array([20, 3, 0]), np.array([1]), np.array([40, 15])], np.arange(2, 18)

    monkeypatch.setattr(Core50, "batches", batches)
    sessions = list(ClassStream(data_set="core50", kind="nicv2").sessions("package", 13))
    assert asked == [3]  # runs 0 to 9 serve the seeds in turn
    assert [numbers(session.train.x) for session in sessions if session.train] == [[21, 4, 1], [2], [41, 16]]
    assert [session.test.labels.unique().tolist() for session in sessions] == [[0, 1], [0, 1], [0, 1, 3]]
    assert [len(session.test) for session in sessions] == [8, 8, 11]
    assert sessions[2].groups is not None
    assert sorted(set(sessions[2].groups.tolist())) == [0, 2]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"kind": "nic"}, "kind is one of nc, ni, nicv2; got 'nic'"),
        ({"order": "random"}, "order is one of drawn, listed"),
        ({"give": "images"}, "give is one of features, latents"),
        ({"kind": "nicv2"}, "lists of core50 only; got data_set 'cifar10'"),
        ({"experiences": 0}, "experiences is at least 1; got 0"),
        ({"spacing_s": -1.0}, "spacing_s is 0 or more"),
        ({"spacing_s": float("nan")}, "spacing_s is 0 or more"),
    ],
)
def test_what_is_refused_at_once(given: dict[str, object], says: str) -> None:
    with pytest.raises(InsituError, match=says):
        ClassStream(**given)  # type: ignore[arg-type]


@pytest.mark.usefixtures("numbered")
def test_experiences_that_would_be_empty_or_unequal() -> None:
    with pytest.raises(InsituError, match=r"4 classes of cifar10 make 1, 2, 4 experiences.* got 3"):
        next(ClassStream(experiences=3).sessions("package", 0))
    with pytest.raises(InsituError, match=f"at most {LISTED}, the images of a class; got 13"):
        next(ClassStream(kind="ni", experiences=13).sessions("package", 0))


@dataclass(frozen=True)
class Pictures:
    """Five classes, of which the last came in a session and is none of the base."""

    reads: ClassVar[int] = 0
    few_shot: ClassVar[bool] = True

    def read(self) -> FewShotImages:
        Pictures.reads += 1
        rng = np.random.default_rng(0)

        def images(each: int) -> Images:
            labels = np.arange(5).repeat(each)
            return Images(rng.integers(0, 256, (len(labels), 40, 40, 3), np.uint8), labels, tuple("abcde"))

        train = images(6)
        return FewShotImages(train, np.where(train.labels == 4, 1, 0), images(4), "pictures: drawn by a generator")


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of weights with one binary backbone, its calibration, and a data set of pictures."""
    monkeypatch.setattr(trained, "FOLDER", tmp_path)
    monkeypatch.setenv("INSITU_CACHE", str(tmp_path / "cache"))
    part = catalog.Part("data", "pictures", tmp_path / "pictures.py", "Pictures", "")
    find, load, parts = catalog.find, catalog.load, catalog.parts
    monkeypatch.setattr(catalog, "find", lambda name, room=None: part if name == "pictures" else find(name, room))
    monkeypatch.setattr(catalog, "load", lambda given: Pictures if given is part else load(given))
    monkeypatch.setattr(catalog, "parts", lambda room=None: [*parts(room), *([part] if room == "data" else [])])
    Pictures.reads = 0
    _forget()
    weights_file.save(tmp_path / "binary", RECORD.build(1), {"image_size": 32})
    latents.calibrate(tmp_path / "binary", Pictures().read().train)
    yield tmp_path
    _forget()


def _forget() -> None:
    for load in (latents.network, latents.latents, latents.features):
        load.cache_clear()


STREAM = ClassStream(data_set="pictures", experiences=2, order="listed")


def test_features_are_what_the_tail_makes_of_the_latents(weights: Path) -> None:
    packed = next(ClassStream("pictures", experiences=2, order="listed", give="latents").sessions("images", 0))
    given = next(STREAM.sessions("images", 0))
    base = STREAM.base("images")
    assert packed.train is not None
    assert given.train is not None
    assert packed.train.x.shape == (12, 4 * 4 * 2 * 8)
    assert packed.train.x.dtype == torch.uint8
    assert base.latent == (72, 4, 4)
    assert given.train.x.shape == (12, base.features)
    torch.testing.assert_close(base.of(packed.train.x), given.train.x, rtol=2e-3, atol=2e-3)
    network, _, _ = weights_file.load(weights / "binary")
    train, _ = Pictures().read().base()
    torch.testing.assert_close(network.features(to_batch(train.pixels[:12], 32)), given.train.x, rtol=2e-3, atol=2e-3)
    assert base.calibration.shape == (30, base.features)


def test_images_are_encoded_once_and_only_those_of_the_base(weights: Path) -> None:
    before = Pictures.reads
    sessions = list(STREAM.sessions("images", 0))
    assert sessions[-1].test.labels.unique().tolist() == [0, 1, 2, 3]
    assert "pictures: drawn by a generator" in STREAM.describe("images")
    _forget()
    again = list(STREAM.sessions("images", 0))
    assert torch.equal(again[0].test.x, sessions[0].test.x)
    assert Pictures.reads == before + 1


def test_a_part_ships_and_is_read_without_images(weights: Path) -> None:
    file = latents.ship("pictures", weights / "binary", train=3, test=2)
    assert file.name == "pictures.latents.npz"
    before = Pictures.reads
    sessions = list(STREAM.sessions("package", 0))
    assert [len(session.test) for session in sessions] == [4, 8]
    assert sessions[0].train is not None
    assert np.bincount(sessions[0].train.labels).tolist() == [3, 3]
    assert Pictures.reads == before
    said = STREAM.describe("package")
    assert "3 training and 2 test images a class" in said
    assert "pictures: drawn by a generator" in said
    every = {row.numpy().tobytes() for row in next(iter(STREAM.sessions("images", 0))).test.x}
    assert {row.numpy().tobytes() for row in sessions[0].test.x} <= every


def test_what_other_weights_made_is_refused(weights: Path) -> None:
    latents.ship("pictures", weights / "binary", train=3, test=2)
    weights_file.save(weights / "binary", RECORD.build(2), {"image_size": 32})
    _forget()
    with pytest.raises(InsituError, match=r"pictures.latents.npz was made by other weights than binary"):
        STREAM.describe("package")
    with pytest.raises(InsituError, match=r"binary.calibration.npz was made by other weights"):
        STREAM.base("package")


def test_what_is_missing_or_damaged_is_one_line(weights: Path) -> None:
    with pytest.raises(InsituError, match="no latents of pictures come with the package"):
        STREAM.describe("package")
    with pytest.raises(InsituError, match="'package' or 'images'; got 'net'"):
        STREAM.describe("net")
    (weights / "pictures.latents.npz").write_bytes(b"PK\x03\x04 no more")
    with pytest.raises(InsituError, match=r"pictures.latents.npz is damaged .*; reinstall the package"):
        STREAM.describe("package")
    (weights / "binary.calibration.npz").unlink()
    with pytest.raises(InsituError, match=r"there is no .*binary.calibration.npz"):
        STREAM.base("package")


@pytest.mark.parametrize("give", ["features", "latents"])
def test_the_loop_learns_a_stream(weights: Path, give: str) -> None:
    experiment = Experiment(
        paper="none",
        scenario=ClassStream("pictures", experiences=2, give=give),  # type: ignore[arg-type]
        learner=CwrStar(batch_size=4),
        baseline=CwrStar(forward_bits=0, update_bits=0, batch_size=4),
        data="images",
    )
    rows = list(run.rows(experiment, 0))
    assert [(row["arm"], row["session"], row["classes"]) for row in rows] == [
        (arm, number, 2 + 2 * number) for arm in ("baseline", "learner") for number in range(2)
    ]
    assert "experience_1" in rows[1]
    assert "novel" not in rows[1]
