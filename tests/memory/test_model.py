"""Statistics of the model: means over all examples, and a balanced choice of stored ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insitu import Memory
from insitu.core import generator
from insitu.memory.model import KEPT, LEAST_SHOTS, Model, number_classes, store_examples, update_statistics

FEATURES = 3


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=9), min_size=1, max_size=5))
def test_means_and_counts_are_over_all_examples_in_whatever_parts_they_came(parts: list[list[int]]) -> None:
    draw, model = generator(0, "nouns"), Model(FEATURES)
    shown: dict[int, list[np.ndarray]] = {}
    for part in parts:
        x = draw.standard_normal((len(part), FEATURES)) + 100
        for label, row in zip(part, x, strict=True):
            shown.setdefault(label, []).append(row)
        model, y = number_classes(model, list(part))
        classes, index = np.unique(y, return_inverse=True)
        sums = np.zeros((len(classes), FEATURES))
        np.add.at(sums, index, x)
        counts = np.bincount(index)
        model = update_statistics(model, classes, counts, sums / counts[:, None])
    for label, rows in shown.items():
        number = model.numbers[label]
        assert model.counts[number] == len(rows)
        np.testing.assert_allclose(model.means[number], np.mean(rows, 0), rtol=1e-12)


def test_classes_that_come_late_are_kept_as_well_as_the_first_ones() -> None:
    rng, model = generator(0, "kept"), Model(1)
    for label in range(8):
        model, y = number_classes(model, [label] * 200)
        model = store_examples(model, np.full((200, 1), float(label)), y, rng)
    kept = np.bincount(model.kept_numbers, minlength=8)
    assert len(model.kept) == KEPT
    assert kept.tolist() == [KEPT // 8] * 8
    assert (model.kept[:, 0] == model.kept_numbers).all()


@pytest.mark.parametrize("together", [1, 7, 300])
def test_whole_classes_are_kept_where_there_is_no_room_for_all(together: int) -> None:
    """The same ones, evenly spread over the order of classes, however many are taught together."""
    rng, model, classes, shots = generator(0, "kept whole"), Model(1), 300, 6
    for start in range(0, classes, together):
        labels = np.repeat(np.arange(start, min(start + together, classes)), shots).tolist()
        model, y = number_classes(model, labels)
        model = store_examples(model, np.array(labels, float)[:, None], y, rng)
    kept = np.bincount(model.kept_numbers, minlength=classes)
    assert len(model.kept) == KEPT
    assert sorted(set(kept.tolist())) == [0, LEAST_SHOTS]
    assert (np.diff(np.flatnonzero(kept)) <= 4).all()
    assert (model.kept[:, 0] == model.kept_numbers).all()


def test_shots_of_many_classes_that_come_one_after_the_other_complete_whole_classes() -> None:
    rng, model, labels = generator(0, "kept in rounds"), Model(1), list(range(300))
    for _ in range(LEAST_SHOTS):
        model, y = number_classes(model, labels)
        model = store_examples(model, np.zeros((len(y), 1)), y, rng)
    kept = np.bincount(model.kept_numbers)
    assert kept[kept > 0].tolist() == [LEAST_SHOTS] * (KEPT // LEAST_SHOTS)


def test_nothing_of_a_forgotten_class_stays_in_numbers() -> None:
    draw = generator(0, "forgotten")
    x, y = draw.standard_normal((30, FEATURES)) + 100, np.repeat(["a", "b", "c"], 10)
    memory = Memory("digital", dim=16).fit(x, y)
    number = memory._model.numbers["b"]
    model = memory.forget("b")._model
    assert "b" not in model.numbers
    assert model.counts[number] == 0
    assert not model.means[number].any()
    assert not (model.kept[:, None] == x[None, 10:20]).all(2).any()
    assert model.space is not None
    left = model.space.scaled(x[10:20])
    assert not (model.space.cohort[:, None] == left[None]).all(2).any()
