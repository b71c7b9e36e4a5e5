"""The contract of the room, and what every data set must obey."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest

from insitu import catalog
from insitu.core import InsituError
from insitu.data import DataSet, FewShotImages, Images
from insitu.data.folder import Folder
from insitu.data.miniimagenet import MiniImageNet
from insitu.data.omniglot import Omniglot

NAMES = ("a", "b", "c")


def some(labels: list[int], names: tuple[str, ...] = NAMES) -> Images:
    return Images(np.zeros((len(labels), 2, 2, 3), np.uint8), np.array(labels, np.int64), names)


def test_images_are_checked() -> None:
    with pytest.raises(InsituError, match="uint8"):
        Images(np.zeros((1, 2, 2, 3), np.float32), np.zeros(1, np.int64), NAMES)  # type: ignore[arg-type]
    with pytest.raises(InsituError, match="as many labels"):
        Images(np.zeros((1, 2, 2, 3), np.uint8), np.zeros(2, np.int64), NAMES)
    taken = some([0, 1, 2]).take(np.array([2, 0]))
    assert taken.labels.tolist() == [2, 0]
    assert len(some([0, 1, 2]).take(np.array([True, False, False]))) == 1


@pytest.mark.parametrize(
    ("train", "session", "test", "says"),
    [
        (some([0, 1, 2]), [0, 0], some([0]), "as many sessions"),
        (some([0, 1, 2]), [0, 0, 1], some([0], ("a", "b", "x")), "different class names"),
        (some([0, 1, 3]), [0, 0, 1], some([0]), "from 0 to 2"),
        (some([0, 1, 2]), [0, 0, 1], some([-1]), "from 0 to 2"),
        (some([0, 1, 1]), [0, 0, 1], some([0]), "class 1 .b. is in two sessions"),
        (some([0, 1, 2]), [0, 2, 1], some([0]), "rise with the session"),
    ],
)
def test_few_shot_images_are_checked(train: Images, session: list[int], test: Images, says: str) -> None:
    with pytest.raises(InsituError, match=says):
        FewShotImages(train, np.array(session, np.int64), test)


def test_classes_may_come_in_any_order_within_sessions() -> None:
    made = FewShotImages(some([1, 0, 2, 1]), np.array([0, 0, 1, 0]), some([2, 0, 1]))
    assert made.verified == ""


KINDS = [catalog.load(part) for part in catalog.parts("data")]


def test_all_data_sets_are_found() -> None:
    assert {part.name for part in catalog.parts("data")} >= {"cifar100", "folder", "miniimagenet", "omniglot"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_data_set_tells_where_it_comes_from(kind: type[DataSet]) -> None:
    assert issubclass(kind, DataSet)
    assert is_dataclass(kind)
    assert kind.__doc__
    for text in (kind.origin, kind.terms):
        assert text
        assert "\n" not in text
    assert kind.layouts or not kind.archives
    for archive in kind.archives:
        assert not archive.url or archive.checksum.startswith(("md5:", "sha256:"))
        assert any(archive.name in names for names in kind.layouts)
    made = kind(path=Path()) if kind is Folder else kind()  # type: ignore[call-arg]
    with pytest.raises(FrozenInstanceError):
        setattr(made, fields(made)[0].name, None)


def obeys(made: FewShotImages, per_test: int) -> None:
    """Check what holds for every data set: shots and tests are different images, and every class has both."""
    train = {image.tobytes() for image in made.train.pixels}
    test = {image.tobytes() for image in made.test.pixels}
    assert len(train) == len(made.train)
    assert len(test) == len(made.test)
    assert not train & test
    assert set(made.train.labels) == set(made.test.labels) == set(range(len(made.train.names)))
    assert set(made.session) == set(range(int(made.session.max()) + 1))
    assert np.all(np.bincount(made.test.labels) >= per_test)
    assert made.session.dtype == made.train.labels.dtype == made.test.labels.dtype == np.int64


def test_training_and_test_images_are_disjoint(mini: Path, official: Path, mine: Path) -> None:
    obeys(MiniImageNet(mini).read(), 2)
    obeys(Omniglot(official).read(), 6)
    obeys(Folder(mine, base_classes=2, shots=3).read(), 1)


def test_reading_twice_gives_the_same(mini: Path, official: Path, mine: Path) -> None:
    makers: list[Callable[[], FewShotImages]] = [
        MiniImageNet(mini).read,
        Omniglot(official).read,
        Folder(mine, base_classes=2, shots=3).read,
    ]
    for read in makers:
        first, second = read(), read()
        for part in ("train", "test"):
            one, other = getattr(first, part), getattr(second, part)
            assert np.array_equal(one.pixels, other.pixels)
            assert np.array_equal(one.labels, other.labels)
        assert np.array_equal(first.session, second.session)
