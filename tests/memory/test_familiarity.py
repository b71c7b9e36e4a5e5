"""What is unlike anything taught is answered as unknown, at the rate at which known examples are."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from insitu import Memory
from insitu.core import InsituError, generator
from insitu.memory.familiarity import calibration

FEATURES = 100
CENTRES = generator(1, "centres of familiarity").standard_normal((60, FEATURES))


def blobs(classes: list[int], each: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    y = np.repeat(classes, each)
    noise = generator(seed, "blobs of familiarity").standard_normal((len(y), FEATURES))
    return CENTRES[y] + noise, np.array([f"class {label}" for label in y])


def taught(shots: int = 5, seed: int = 0, substrate: str | None = "digital", classes: int = 8) -> Memory:
    memory = Memory(substrate, dim=128, random_state=seed, unknown="unknown")
    return memory.fit(*blobs(list(range(classes)), shots, seed))


def never_seen(seed: int = 90) -> NDArray[np.float64]:
    return blobs(list(range(40, 60)), 10, seed)[0]


@pytest.mark.parametrize(("substrate", "seeds"), [("digital", 16), (None, 6)])
def test_at_a_rate_that_share_of_fresh_known_examples_is_unknown(substrate: str | None, seeds: int) -> None:
    known, new = [], []
    for seed in range(seeds):
        memory = taught(5, seed, substrate)
        known.append(memory.familiarity(blobs(list(range(8)), 25, 100 + seed)[0]))
        new.append(memory.familiarity(never_seen()))
    for rate in (0.05, 0.2, 0.5):
        # of 40 examples left out per memory, and of 200 fresh ones
        error = np.sqrt(rate * (1 - rate) / seeds * (1 / 40 + 1 / 200))
        assert abs((np.array(known) < rate).mean() - rate) < 3 * error + 0.2 * rate
    assert (np.array(new) < 0.05).mean() > 0.5


@pytest.mark.parametrize("shots", [2, 3, 10])
def test_any_number_of_shots_from_two_on_calibrates(shots: int) -> None:
    known, new = [], []
    for seed in range(8):
        memory = taught(shots, seed)
        known.append((memory.familiarity(blobs(list(range(8)), 25, 100 + seed)[0]) < 0.2).mean())
        new.append((memory.familiarity(never_seen()) < 0.2).mean())
    assert 0.03 < np.mean(known) < 0.35
    assert np.mean(new) > 2 * np.mean(known)


def test_classes_with_few_and_many_shots_are_equally_familiar() -> None:
    rates = []
    for seed in range(8):
        (x, y), (more, labels) = blobs([0, 1, 2, 3], 8, seed), blobs([4, 5, 6, 7], 2, seed + 50)
        memory = Memory("digital", dim=128).fit(np.concatenate([x, more]), np.concatenate([y, labels]))
        fresh = memory.familiarity(blobs(list(range(8)), 50, 100 + seed)[0]) < 0.2
        rates.append([fresh[:200].mean(), fresh[200:].mean()])
    many, few = np.mean(rates, 0)
    assert many == pytest.approx(0.2, abs=0.12)
    assert few == pytest.approx(0.2, abs=0.16)


def test_a_higher_rate_makes_more_queries_unknown_and_no_fewer() -> None:
    memory, x = taught(), np.concatenate([blobs(list(range(8)), 10, 7)[0], never_seen()])
    before = np.zeros(len(x), bool)
    for rate in (0.01, 0.05, 0.2, 0.6, 0.99):
        unknown = memory.set_params(unknown_rate=rate).predict(x) == "unknown"
        assert (unknown == (memory.familiarity(x) < rate)).all()
        assert (unknown >= before).all()
        before = unknown
    assert before.mean() > 0.9
    model = memory._model
    assert model is not None
    known = calibration(memory.settings.learner(), model)
    similarities = np.linspace(-1, 2, 200)[:, None] * np.ones(8)
    share = known.familiarity(similarities)
    assert (np.diff(share) >= 0).all()
    assert share.min() >= 0
    assert share.max() <= 1


def test_a_query_between_a_class_and_something_new_is_less_familiar_the_further_it_is() -> None:
    memory = taught(10)
    path = CENTRES[0] + np.linspace(0, 1, 12)[:, None] * (CENTRES[50] - CENTRES[0])
    share = memory.familiarity(path)
    assert (np.diff(share) <= 1e-9).all()
    assert share[0] > 0.9
    assert share[-1] < 0.05


def test_familiarity_does_not_depend_on_the_order_of_classes() -> None:
    x, y = blobs(list(range(8)), 5, 0)
    order = np.argsort([f"{label[::-1]}" for label in y], kind="stable")[::-1]
    renamed = np.array([f"name {9 - int(label[-1])}" for label in y])
    new = never_seen()
    one = taught().familiarity(new)
    two = Memory("digital", dim=128).fit(x[order], y[order]).familiarity(new)
    three = Memory("digital", dim=128).fit(x, renamed).familiarity(new)
    np.testing.assert_allclose(one, two, atol=2e-3)
    np.testing.assert_allclose(one, three, atol=2e-3)


@pytest.mark.parametrize("change", ["merge", "forget", "age", "learn"])
def test_it_stays_calibrated_after_a_change(change: str) -> None:
    known, new, classes, numbers = [], [], list(range(8)), itertools.count(200)
    for seed in range(4):
        memory = taught(5, seed, substrate=None)
        memory.familiarity(never_seen())
        if change == "merge":
            memory.merge(Memory(dim=128).fit(*blobs([8, 9, 10], 5, seed + 50)))
            classes = list(range(11))
        elif change == "forget":
            memory.forget("class 7").forget("class 3")
            classes = [0, 1, 2, 4, 5, 6]
        elif change == "age":
            memory.age(365 * 86_400)
        else:
            for label in (0, 1, 8, 8, 9, 9):
                memory.partial_fit(*blobs([label], 1, next(numbers)))
        known.append((memory.familiarity(blobs(classes, 25, 100 + seed)[0]) < 0.2).mean())
        new.append((memory.familiarity(never_seen()) < 0.2).mean())
    assert 0.08 < np.mean(known) < 0.34
    assert np.mean(new) > 0.6


def test_an_uncompensated_array_is_calibrated_against_what_it_reads_now() -> None:
    memory = taught(5, substrate=None).projected(1e8, compensated=False)
    assert (memory.familiarity(blobs(list(range(8)), 25, 100)[0]) < 0.2).mean() < 0.4
    assert (memory.familiarity(never_seen()) < 0.2).mean() > 0.6


def test_a_forgotten_class_is_unknown() -> None:
    x = blobs([3], 30, 5)[0]
    memory = taught(5, substrate=None)
    before = (memory.predict(x) == "unknown").mean()
    assert before < 0.3
    assert (memory.forget("class 3").predict(x) == "unknown").mean() > before + 0.4


def test_it_depends_on_what_was_learned_alone(tmp_path: Path) -> None:
    """Not on the queries before, which leave vectors in a cache, nor on reopening the file."""
    x, y = blobs(list(range(8)), 70, 0)
    file = tmp_path / "memory.insitu"
    new = never_seen()
    memory, quiet = Memory(dim=32), Memory(dim=32)
    with Memory.open(file, dim=32) as stored:
        for start in range(0, 560, 140):
            for each in (memory, quiet, stored):
                each.partial_fit(x[start::4][:140], y[start::4][:140])
            memory.familiarity(new)
        expected = memory.familiarity(new)
        assert np.array_equal(quiet.familiarity(new), expected)
        assert np.array_equal(stored.familiarity(new), expected)
    with Memory.open(file, unknown="new", unknown_rate=0.3, readonly=True) as stored:
        assert np.array_equal(stored.familiarity(new), expected)
        assert ((stored.predict(new) == "new") == (expected < 0.3)).all()
        copy = stored.replay()
        assert (copy.predict(new) == stored.predict(new)).all()
        other = stored.replay(path=tmp_path / "other.insitu")
        assert other.unknown == "new"
        other.close()


def test_the_calibration_of_a_model_is_computed_once() -> None:
    memory = taught()
    model, learner = memory._model, memory.settings.learner()
    assert model is not None
    first = calibration(learner, model)
    memory.predict(never_seen())
    assert calibration(learner, model) is first
    memory.age(10)
    assert memory._model is not None
    assert calibration(learner, memory._model) is not first


def test_probabilities_of_unfamiliar_rows_approach_chance() -> None:
    memory, new, known = taught(), never_seen(), blobs(list(range(8)), 10, 7)[0]
    for x in (new, known):
        result = memory.query(x)
        np.testing.assert_allclose(result.probabilities.sum(1), 1)
        assert (result.probabilities.argmax(1) == result.similarities.argmax(1)).all()
        assert result.familiarity is not None
    result = memory.query(known)
    assert result.familiarity is not None
    familiar = result.familiarity >= 0.05
    softmax = replace(result, unknown=None).probabilities
    assert np.array_equal(result.probabilities[familiar], softmax[familiar])
    assert not np.isclose(result.probabilities[~familiar], softmax[~familiar]).all(1).any()
    far = memory.familiarity(new) < 0.005
    assert far.any()
    assert memory.predict_proba(new)[far].max() < 1 / 8 + 0.1 * (1 - 1 / 8)


def test_confidence_in_known_things_is_their_accuracy() -> None:
    """The space is fitted to the examples, which without correction seem easier than fresh ones are."""
    off, uncorrected = [], []
    for seed in range(12):
        x, y = blobs(list(range(8)), 5, seed)
        fresh, labels = blobs(list(range(8)), 30, 100 + seed)
        x, fresh = (each - 0.6 * CENTRES[np.repeat(np.arange(8), len(each) // 8)] for each in (x, fresh))
        memory = Memory("digital", dim=128).fit(x, y)
        plain = memory.query(fresh)
        result = replace(memory.set_params(unknown="unknown").query(fresh), unknown=None)
        accuracy = (plain.predictions == labels).mean()
        off.append(result.probabilities.max(1).mean() - accuracy)
        uncorrected.append(plain.probabilities.max(1).mean() - accuracy)
    assert abs(np.mean(off)) < 0.1
    assert abs(np.mean(off)) < 0.7 * abs(np.mean(uncorrected))


def test_without_an_unknown_label_a_class_is_always_the_answer() -> None:
    memory = Memory("digital", dim=128).fit(*blobs(list(range(8)), 5, 0))
    result = memory.query(never_seen())
    assert result.familiarity is None
    assert set(result.predictions) <= set(memory.classes_)
    assert memory.query(never_seen(), familiarity=True).familiarity is not None
    assert set(memory.query(never_seen(), familiarity=True).predictions) <= set(memory.classes_)


@pytest.mark.parametrize("y", [[0, 1, 2, 3], [0, 0]])
def test_without_two_examples_to_leave_out_everything_is_familiar(y: list[int]) -> None:
    memory = Memory("digital", dim=64, unknown=-1).fit(CENTRES[y], y)
    familiarity = memory.familiarity(never_seen())
    assert (familiarity == 1).all() or len(set(y)) == 1
    assert (familiarity >= 0).all()
    assert (memory.predict(CENTRES[y]) == y).all()


@pytest.mark.parametrize(
    ("labels", "unknown", "message"),
    [
        (["a", "unknown"], "unknown", "'unknown' is the answer to unknown examples"),
        ([1, 2], "unknown", "labels are integers, and unknown is another of them"),
        (["a", "b"], 0, "labels are strings, and unknown is another of them"),
        ([1.0, 2.0], True, "labels are numbers, and unknown is another of them"),
    ],
)
def test_an_unknown_label_that_collides_is_rejected(labels: list[object], unknown: object, message: str) -> None:
    x = CENTRES[:2]
    with pytest.raises(InsituError, match=message):
        Memory("digital", dim=64, unknown=unknown).fit(x, labels)  # type: ignore[arg-type]
    memory = Memory("digital", dim=64).fit(x, labels)
    memory.unknown = unknown  # type: ignore[assignment]
    with pytest.raises(InsituError, match=message):
        memory.predict(x)


def test_a_class_with_the_unknown_label_is_learned_in_no_way() -> None:
    memory = taught()
    before = memory.events_
    other = Memory("digital", dim=128).fit(blobs([9], 3, 0)[0], ["unknown"] * 3)
    with pytest.raises(InsituError, match="no class has that label"):
        memory.partial_fit(CENTRES[:1], ["unknown"])
    with pytest.raises(InsituError, match="no class has that label"):
        memory.merge(other)
    assert memory.events_ == before
    assert "unknown" not in memory.classes_


@pytest.mark.parametrize("rate", [0, 1, -0.1, True, "5 %", float("nan")])
def test_a_rate_is_a_share(rate: object) -> None:
    with pytest.raises(InsituError, match="unknown_rate is a share"):
        Memory("digital", unknown="unknown", unknown_rate=rate).fit(CENTRES[:2], ["a", "b"])  # type: ignore[arg-type]
