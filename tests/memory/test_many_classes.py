"""More classes than have stored examples are held as well, in whatever parts they are taught."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from insitu import Memory
from insitu.core import generator
from insitu.memory.model import KEPT, LEAST_SHOTS

CLASSES, SHOTS, FEATURES, DIM = 200, 5, 128, 64
Examples = tuple[NDArray[np.float64], NDArray[np.int64]]


def examples(shots: int, seed: int, classes: int = CLASSES) -> Examples:
    """Draw examples whose spread within classes differs between directions."""
    rng = generator(0, "many classes")
    mixing = rng.standard_normal((FEATURES, FEATURES)) * np.exp(0.7 * rng.standard_normal(FEATURES))[:, None]
    centres = rng.standard_normal((classes, FEATURES))
    y = np.repeat(np.arange(classes), shots)
    noise = generator(seed, "examples of many classes").standard_normal((len(y), FEATURES))
    return centres[y] + noise @ mixing / np.sqrt(FEATURES), y


@pytest.fixture(scope="module")
def taught() -> Examples:
    return examples(SHOTS, 1)


@pytest.fixture(scope="module")
def accuracy_at_once(taught: Examples) -> float:
    score: float = Memory("digital", dim=DIM).fit(*taught).score(*examples(4, 2))
    return score


def test_classes_taught_one_by_one_are_held_as_at_once(taught: Examples, accuracy_at_once: float) -> None:
    x, y = taught
    memory = Memory("digital", dim=DIM)
    for each in range(CLASSES):
        memory.partial_fit(x[y == each], y[y == each])
    assert accuracy_at_once > 0.8
    assert memory.score(*examples(4, 2)) == pytest.approx(accuracy_at_once, abs=0.02)


@pytest.mark.filterwarnings("ignore:The number of unique classes")  # scikit-learn's, of one shot each
def test_shots_taught_in_rounds_are_held_as_at_once(taught: Examples, accuracy_at_once: float) -> None:
    x, y = taught
    memory = Memory("digital", dim=DIM)
    for shot in range(SHOTS):
        memory.partial_fit(x[shot::SHOTS], y[shot::SHOTS])
    assert memory.score(*examples(4, 2)) == pytest.approx(accuracy_at_once, abs=0.02)


def test_classes_without_stored_examples_are_held_as_well(taught: Examples) -> None:
    memory = Memory("digital", dim=DIM).fit(*taught)
    assert memory._model is not None
    assert memory._model.space is not None
    assert memory._model.space.others == CLASSES - KEPT // LEAST_SHOTS
    x, y = examples(4, 2)
    stored = np.isin(y, memory._model.kept_numbers)
    right = memory.predict(x) == y
    assert right[~stored].mean() == pytest.approx(right[stored].mean(), abs=0.05)


def test_classes_without_stored_examples_are_as_familiar(taught: Examples) -> None:
    memory = Memory("digital", dim=DIM).fit(*taught)
    assert memory._model is not None
    x, y = examples(4, 2)
    stored = np.isin(y, memory._model.kept_numbers)
    familiarity = memory.familiarity(x)
    for rate in (0.1, 0.5):
        unfamiliar = familiarity < rate
        assert unfamiliar[~stored].mean() == pytest.approx(unfamiliar[stored].mean(), abs=0.1)


@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_reopening_and_replaying_give_the_same_memory(taught: Examples, tmp_path: Path) -> None:
    x, y = taught
    memory, path = Memory("digital", dim=DIM), tmp_path / "many.insitu"
    Memory.open(path, substrate="digital", dim=DIM).close()
    parts = np.array_split(generator(0, "parts").permutation(len(y)), 6)
    for rows in [*parts[:-1], *np.array_split(parts[-1], 12)]:
        memory.partial_fit(x[rows], y[rows])
        with Memory.open(path) as stored:
            stored.partial_fit(x[rows], y[rows])
    expected = memory.predict_proba(x[:50])
    with Memory.open(path, readonly=True) as stored:
        assert np.array_equal(stored.predict_proba(x[:50]), expected)
        assert np.array_equal(stored.replay("digital").predict_proba(x[:50]), expected)
