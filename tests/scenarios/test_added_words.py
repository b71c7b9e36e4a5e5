"""Added words: which are added in which division, when they come, and which backbone belongs to a seed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from insitu import catalog, run
from insitu.backbones import trained, weights_file
from insitu.core import InsituError
from insitu.data.spoken_digits import NAMES
from insitu.experiments import Experiment
from insitu.learners.cwr_star import CwrStar
from insitu.protocols.class_stream import StreamBase
from insitu.scenarios import latents
from insitu.scenarios.added_words import SPLITS, AddedWords, added_words, backbone_name
from insitu.scenarios.latents import Encoded
from streams import latents as patterns
from streams import stream_base

WORDS = 10


@pytest.fixture
def stems(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ten words without a backbone; the names of the backbones that were looked for."""
    found: list[str] = []

    def stem(name: str) -> Path:
        found.append(name)
        return Path(name)

    base, train, test = stream_base(), patterns(list(range(WORDS)), 6), patterns(list(range(WORDS)), 4, seed=2)
    features = [base.of(part.x).numpy() for part in (train, test)]
    held = Encoded(features[0], train.labels.numpy(), features[1], test.labels.numpy(), "patterns", "")
    monkeypatch.setattr(trained, "stem", stem)
    monkeypatch.setattr(AddedWords, "check", lambda *_: None)
    monkeypatch.setattr(latents, "features", lambda *_: held)
    monkeypatch.setattr(latents, "base", lambda _: base)
    return found


def test_one_word_differs_between_divisions_and_four_are_each_in_two() -> None:
    assert len({int(added_words(WORDS, 1, split)[0]) for split in range(SPLITS)}) == SPLITS
    counts = np.bincount(np.concatenate([added_words(WORDS, 4, split) for split in range(SPLITS)]), minlength=WORDS)
    assert counts.tolist() == [2] * WORDS
    assert all(len(set(added_words(WORDS, 4, split))) == 4 for split in range(SPLITS))


@pytest.mark.usefixtures("stems")
@pytest.mark.parametrize(("added", "experiences"), [(1, 1), (4, 1), (4, 2), (4, 4)])
@pytest.mark.parametrize("seed", [0, 3, 8])
def test_added_words_come_after_all_others(added: Literal[1, 4], experiences: int, seed: int) -> None:
    sessions = list(AddedWords(added, experiences, spacing_s=5.0).sessions("images", seed))
    came = [set(session.train.labels.tolist()) for session in sessions if session.train]
    wanted = set(added_words(WORDS, added, seed % SPLITS).tolist())
    assert [len(part) for part in came] == [WORDS - added] + [added // experiences] * experiences
    assert set.union(*came[1:]) == wanted
    assert not came[0] & wanted
    assert [session.time_s for session in sessions] == [5.0 * k for k in range(1 + experiences)]


@pytest.mark.usefixtures("stems")
def test_the_order_of_added_words_is_drawn() -> None:
    def order(seed: int) -> tuple[int, ...]:
        sessions = AddedWords(4, 4).sessions("images", seed)
        return tuple(int(session.train.labels[0]) for session in sessions if session.train)[1:]

    assert len({order(seed) for seed in range(0, 40, SPLITS)}) > 3


def test_every_seed_runs_over_the_backbone_that_never_heard_its_words(stems: list[str]) -> None:
    cheap = CwrStar(0, 0, first_epochs=1, epochs=1)
    experiment = Experiment(paper="none", scenario=AddedWords(), learner=cheap, baseline=cheap, data="images")
    for seed in (0, 3, 7):
        stems.clear()
        rows = list(run.rows(experiment, seed))
        assert set(stems) == {f"vu2025_keywords_1_{seed % SPLITS}"}
        assert [row["classes"] for row in rows] == [9, 10, 9, 10]


def test_all_words_at_once_are_one_experience_for_all_seeds(stems: list[str]) -> None:
    scenario = AddedWords(added=0)
    [session] = scenario.sessions("images", 3)
    assert session.train is not None
    assert set(session.train.labels.tolist()) == set(range(WORDS))
    assert isinstance(scenario.of_seed(3).base("images"), StreamBase)
    assert set(stems) == {"vu2025_keywords_0_0"}
    assert not scenario.drawn("images")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"added": 2}, "added is 0, 1 or 4.* got 2"),
        ({"give": "images"}, "give is features or latents; got .* 'images'"),
        ({"added": 1, "experiences": 2}, "experiences is from 1 to the number of added words, 1; got 2"),
        ({"experiences": 0}, "experiences is from 1"),
        ({"split": SPLITS}, f"split is from 0 to {SPLITS - 1}"),
        ({"spacing_s": float("nan")}, "spacing_s 0 or more seconds"),
    ],
)
def test_what_is_refused_at_once(given: dict[str, object], says: str) -> None:
    with pytest.raises(InsituError, match=says):
        AddedWords(**given)  # type: ignore[arg-type]


SHIPPED = sorted(file.stem for file in trained.FOLDER.glob("vu2025_keywords_*.json"))


@pytest.mark.parametrize("name", SHIPPED)
def test_no_shipped_backbone_has_heard_a_word_that_is_added_to_it(name: str) -> None:
    added, split = (int(part) for part in name.split("_")[-2:])
    assert name == backbone_name("vu2025_keywords", added, split)
    assert len(SHIPPED) == 1 + 2 * SPLITS
    _, card = weights_file.read_card(trained.FOLDER / name)
    base = [word for number, word in enumerate(NAMES) if number not in added_words(WORDS, added, split)]
    assert f"spoken-digits: {200 * len(base)} recordings of {', '.join(base)}; no other" in card["data"]
    assert "CC BY-SA 4.0" in card["terms"]
    assert weights_file.load(trained.FOLDER / name).card == card
    scenario = catalog.load(catalog.find("added-words", "scenarios"))(added=added, split=split)
    assert scenario.base("images").features == 96
