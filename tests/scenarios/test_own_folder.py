"""A folder of one's own as a scenario: what is learned and tested of few examples, and the report of a run on it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from insitu import metrics
from insitu.core import InsituError
from insitu.encoders.trained_backbone import TrainedBackbone
from insitu.protocols import Examples, Session, shot_by_shot
from insitu.protocols.shot_by_shot import UNKNOWN
from insitu.scenarios import own_folder
from insitu.scenarios.own_folder import OwnFolder
from numbered import numbered_items


@pytest.fixture
def _items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_folder, "load", lambda *_: numbered_items())


@pytest.mark.usefixtures("_items")
@pytest.mark.parametrize("shots", [1, 3, 6, 99])
@pytest.mark.parametrize("seed", [0, 1, 7])
def test_every_class_gives_its_shots_but_one_and_the_rest_is_tested(shots: int, seed: int) -> None:
    own = numbered_items()
    count = np.bincount(own.labels)
    drawn = OwnFolder(shots=shots).drawn_rows(seed)
    learned = np.bincount(own.labels[np.concatenate(drawn.shots)])
    assert learned.tolist() == np.minimum(shots, count - 1).tolist()
    assert np.bincount(own.labels[drawn.tests]).tolist() == (count - learned).tolist()
    assert all(max(Counter(own.labels[rows].tolist()).values()) == 1 for rows in drawn.shots)


@pytest.mark.usefixtures("_items")
@pytest.mark.parametrize(("classes", "left_out", "learned"), [(None, 0.0, 6), (4, 0.0, 4), (None, 0.2, 5), (4, 0.5, 2)])
def test_unknown_things_are_of_classes_that_are_not_learned(classes: int | None, left_out: float, learned: int) -> None:
    own, scenario = numbered_items(), OwnFolder(shots=2, classes=classes, left_out=left_out)
    for seed in range(5):
        drawn = scenario.drawn_rows(seed)
        assert len(drawn.learned) == learned
        assert not set(own.labels[drawn.strangers]) & set(drawn.learned)
        assert (len(drawn.strangers) > 0) == (learned < 6)
        session = next(scenario.sessions("images", seed))
        assert (session.test.labels == UNKNOWN).sum() == len(drawn.strangers)
        assert session.train is not None
        assert session.train.labels.unique().tolist() == list(range(learned))


@pytest.mark.usefixtures("_items")
def test_never_fewer_than_two_classes_are_learned() -> None:
    assert len(OwnFolder(classes=2, left_out=0.9).drawn_rows(0).learned) == 2
    assert len(OwnFolder(classes=3, left_out=0.9).drawn_rows(0).learned) == 2


@given(st.lists(st.integers(0, 5), min_size=1, max_size=9), st.lists(st.integers(0, 5), min_size=1, max_size=9))
def test_the_area_under_the_curve_is_the_share_of_pairs(higher: list[int], lower: list[int]) -> None:
    pairs = [(a > b) + (a == b) / 2 for a in higher for b in lower]
    found = metrics.auroc(np.array(higher, float), np.array(lower, float))
    assert found == pytest.approx(sum(pairs) / len(pairs))


def test_unknown_things_count_in_no_accuracy() -> None:
    labels = torch.tensor([0, 0, 1, UNKNOWN, UNKNOWN])
    session = Session(1, 0.0, None, Examples(torch.zeros(5, 2), labels))
    row = shot_by_shot.score([session], [torch.tensor([0, 1, 1, 0, 1])])
    assert row == {"classes": 2, "overall": pytest.approx(200 / 3), "balanced": 75.0}
    similar = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.1, 0.7], [0.75, 0.2], [0.1, 0.2]])
    found = shot_by_shot.score_similarities(session, torch.tensor([0, 1]), similar)
    assert found["apart"] == pytest.approx(100 * 5 / 6)


def pictures(root: Path, each: int = 3) -> Path:
    for name, grey in (("dark", 30), ("light", 220), ("middle", 128)):
        (root / name).mkdir(parents=True)
        for number in range(each):
            Image.new("L", (30, 30), grey + number).save(root / name / f"{number}.png")
    return root


def test_a_folder_is_read_and_what_cannot_be_used_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSITU_CACHE", str(tmp_path / "cache"))
    root = pictures(tmp_path / "photos")
    (root / "dark" / "broken.png").write_bytes(b"no picture")
    (root / "lone").mkdir()
    Image.new("L", (30, 30)).save(root / "lone" / "one.png")
    scenario = OwnFolder(root, TrainedBackbone("omniglot"), shots=2)
    scenario.check("images")
    assert scenario.items().names == ("dark", "light", "middle")
    assert scenario.items().labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    said = scenario.describe("images")
    assert "9 items of 3 classes in photos" in said
    assert "left out 1 that cannot be used" in said
    assert "left out 1 classes with fewer than 2 items" in said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"shots": 0}, "shots is at least 1"),
        ({"tests": 0}, "tests is at least 1"),
        ({"classes": 1}, "classes is at least 2"),
        ({"left_out": 1.0}, "left_out is a share"),
        ({"spacing_s": 0.0}, "spacing_s is above 0"),
    ],
)
def test_wrong_fields_are_refused(fields: dict[str, float], said: str) -> None:
    with pytest.raises(InsituError, match=said):
        OwnFolder(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [None, "nowhere", "empty", "one"])
def test_a_folder_that_gives_no_two_classes_is_refused_in_one_line(tmp_path: Path, given: str | None) -> None:
    (tmp_path / "empty").mkdir()
    np.save(tmp_path / "one.npy", np.eye(2))
    (tmp_path / "one" / "class").mkdir(parents=True)
    np.save(tmp_path / "one" / "class" / "x.npy", np.eye(2))
    with pytest.raises(InsituError) as error:
        OwnFolder(given and tmp_path / given, encoder=None).check("images")
    assert "\n" not in str(error.value)


@pytest.mark.usefixtures("_items")
def test_more_classes_than_there_are_are_refused() -> None:
    with pytest.raises(InsituError, match="classes is at most 6"):
        OwnFolder(classes=7).drawn_rows(0)
