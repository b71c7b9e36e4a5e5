"""Laws of scaling: results depend neither on units nor on offsets, and little on the order of learning."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from insitu import Memory
from insitu.core import InsituError, generator

Vectors = NDArray[np.float64]
CLASSES, FEATURES = 4, 8
few = settings(max_examples=25)


def blobs(each: int, seed: int, classes: int = CLASSES) -> tuple[Vectors, NDArray[np.int64]]:
    y = np.repeat(np.arange(classes), each)
    centres = generator(0, "centres").standard_normal((classes, FEATURES)) * 3
    return centres[y] + generator(seed, "blobs").standard_normal((len(y), FEATURES)), y


TAUGHT, QUERIES = blobs(6, seed=1), blobs(10, seed=2)
POWERS = st.floats(-100, 100).map(lambda power: 10.0**power)


@few
@given(a=POWERS, sign=st.sampled_from([1, -1]), b=st.floats(-1e9, 1e9))
@example(a=1e155, sign=1, b=0.0)
@example(a=1e-155, sign=1, b=0.0)
@example(a=1e-46, sign=-1, b=1e9)
@example(a=1e-300, sign=1, b=0.0)
@example(a=1e295, sign=1, b=0.0)
def test_unit_and_offset_of_all_numbers_do_not_count(a: float, sign: int, b: float) -> None:
    plain = Memory("digital", dim=64).fit(*TAUGHT)
    moved = Memory("digital", dim=64).fit(sign * a * (TAUGHT[0] + b), TAUGHT[1])
    answers = moved.predict_proba(sign * a * (QUERIES[0] + b))
    if sign > 0:
        np.testing.assert_allclose(answers, plain.predict_proba(QUERIES[0]), atol=1e-4)
    assert (moved.predict(sign * a * (QUERIES[0] + b)) == plain.predict(QUERIES[0])).mean() > 0.95


@few
@given(
    units=st.lists(POWERS, min_size=FEATURES, max_size=FEATURES),
    offsets=st.lists(st.floats(-1e9, 1e9), min_size=FEATURES, max_size=FEATURES),
)
def test_every_feature_may_have_a_unit_and_offset_of_its_own(units: list[float], offsets: list[float]) -> None:
    def moved(x: Vectors) -> Vectors:
        out: Vectors = (x + np.array(offsets)) * np.array(units)
        return out

    plain = Memory("digital", dim=64).fit(*TAUGHT)
    other = Memory("digital", dim=64).fit(moved(TAUGHT[0]), TAUGHT[1])
    np.testing.assert_allclose(other.predict_proba(moved(QUERIES[0])), plain.predict_proba(QUERIES[0]), atol=1e-4)


@pytest.mark.parametrize("substrate", [None, "pcm-hermes2022", "digital"])
@pytest.mark.parametrize("power", [-300, -30, 30, 300])
def test_another_power_of_two_gives_the_very_same_devices_and_noise(substrate: str | None, power: int) -> None:
    unit = 2.0**power
    plain = Memory(substrate, dim=64).fit(*TAUGHT)
    moved = Memory(substrate, dim=64).fit(TAUGHT[0] * unit, TAUGHT[1])
    assert np.array_equal(moved.predict_proba(QUERIES[0] * unit), plain.predict_proba(QUERIES[0]))


def test_the_same_numbers_in_another_precision_are_the_same_question() -> None:
    x = np.rint(TAUGHT[0] * 8).astype(int)
    answers = [
        Memory(dim=64).fit(x.astype(kind), TAUGHT[1]).predict_proba(x.astype(kind)) for kind in (int, "f4", "f8")
    ]
    assert np.array_equal(answers[0], answers[1])
    assert np.array_equal(answers[0], answers[2])


@pytest.mark.parametrize("offset", [0.0, 1e7, 1.7e9, 1e12])
@pytest.mark.parametrize("substrate", [None, "digital"])
def test_a_time_stamp_is_a_feature_like_any_other(substrate: str | None, offset: float) -> None:
    rng = generator(0, "stamps")
    y = np.repeat([0, 1, 2], 20)
    x = np.column_stack([offset + y * 100.0 + rng.normal(size=60) * 5, rng.normal(size=(60, 3))])
    half = rng.permutation(60)
    memory = Memory(substrate).fit(x[half[:30]], y[half[:30]])
    assert memory.score(x[half[30:]], y[half[30:]]) > 0.9


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_the_rounding_of_a_constant_is_no_feature(kind: type) -> None:
    rng = generator(0, "constant")
    steps = rng.integers(-1, 2, (len(TAUGHT[0]), 3)) * np.finfo(kind).eps * np.array([1.0, 1e9, 1e-30])
    rounding = (np.array([1.0, 1e9, 1e-30]) + steps).astype(kind)
    fixed = np.broadcast_to(np.array([1.0, 1e9, 1e-30], kind), rounding.shape)
    x = TAUGHT[0].astype(kind)
    queries = np.hstack([QUERIES[0].astype(kind), np.broadcast_to(fixed[:1], (len(QUERIES[0]), 3))])
    loud, still = (Memory("digital", dim=64).fit(np.hstack([x, more]), TAUGHT[1]) for more in (rounding, fixed))
    np.testing.assert_allclose(loud.predict_proba(queries), still.predict_proba(queries), atol=1e-5)


def marked(number: int, rows: int, rng: np.random.Generator, size: float = 0.02) -> Vectors:
    """Noise in five features, and for every class but 0 a feature of its own, which is 0 in all others."""
    x = np.zeros((rows, 10))
    x[:, :5] = rng.normal(size=(rows, 5))
    if number:
        x[:, 5 + number] = size
    return x


@pytest.mark.parametrize("substrate", [None, "digital"])
@pytest.mark.parametrize("unit", [1.0, 100.0, 1e-100, 1e100])
@pytest.mark.parametrize("first", [20, 600], ids=["few", "more than are kept"])
def test_a_feature_that_varies_late_counts_as_if_it_always_had(substrate: str | None, unit: float, first: int) -> None:
    rng, memory = generator(0, "late"), Memory(substrate, dim=64)
    for number in range(4):
        rows = 5 if number else first
        memory.partial_fit(marked(number, rows, rng) * unit, [number] * rows)
    asked = np.concatenate([marked(number, 25, rng) for number in range(4)]) * unit
    assert memory.score(asked, np.repeat(range(4), 25)) > 0.95


def test_a_feature_that_first_varies_a_little_and_then_much_does_not_drown_the_others() -> None:
    rng, memory = generator(0, "late"), Memory("digital", dim=64)
    memory.partial_fit(marked(0, 20, rng), [0] * 20).partial_fit(marked(1, 1, rng, 1e-9), [1])
    for number in (1, 2, 3):
        memory.partial_fit(marked(number, 5, rng, 1.0), [number] * 5)
    asked = np.concatenate([marked(number, 25, rng, 1.0) for number in range(4)])
    assert memory.score(asked, np.repeat(range(4), 25)) > 0.95


@pytest.mark.parametrize("substrate", [None, "digital"])
@pytest.mark.parametrize("each", [6, 150], ids=["few", "more than are kept"])
def test_class_by_class_is_nearly_as_good_as_at_once(substrate: str | None, each: int) -> None:
    x, y = blobs(each, seed=3, classes=6)
    x[:, :2] *= 1e-6
    asked, right = blobs(20, seed=4, classes=6)
    asked[:, :2] *= 1e-6
    at_once, parts = Memory(substrate, dim=128).fit(x, y), Memory(substrate, dim=128)
    for number in range(6):
        parts.partial_fit(x[y == number], y[y == number])
    assert parts.score(asked, right) > at_once.score(asked, right) - 0.03
    assert set(parts.self_test()[1]) == set(range(6)), "late classes are among the examples kept, too"


@pytest.mark.parametrize("dim", [30, 60, 61, 200])
def test_an_array_of_few_rows_keeps_the_similarities_of_the_examples(dim: int) -> None:
    y = np.repeat(np.arange(5), 4)
    centres = generator(0, "wide").standard_normal((5, 60))
    x, queries = (centres[y] + generator(seed, "wide").standard_normal((len(y), 60)) for seed in (1, 2))
    exact = Memory("digital", dim=500).fit(x, y)
    narrow = Memory("digital", dim=dim).fit(x, y)
    np.testing.assert_allclose(narrow.self_test()[0].similarities, exact.self_test()[0].similarities, atol=0.01)
    assert (narrow.predict(queries) == exact.predict(queries)).all()


@pytest.mark.parametrize("noise", [1e-3, 1.0])
def test_a_feature_that_only_differs_between_classes_counts_for_more_than_one_that_varies_within(noise: float) -> None:
    rng, y = generator(0, "within"), np.repeat([0, 1], 8)
    x = np.column_stack([y + 0.05 * rng.normal(size=16), noise * rng.normal(size=(16, 6))])
    queries = np.column_stack([y + 0.05 * rng.normal(size=16), 2 * noise * rng.normal(size=(16, 6))])
    assert Memory("digital", dim=64).fit(x, y).score(queries, y) > 0.9


def test_classes_one_by_one_end_in_nearly_the_space_of_all_at_once() -> None:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    at_once, parts = Memory("digital", dim=128).fit(x[::2], y[::2]), Memory("digital", dim=128)
    for number in range(10):
        parts.partial_fit(x[::2][y[::2] == number], y[::2][y[::2] == number])
    assert parts.score(x[1::2], y[1::2]) > at_once.score(x[1::2], y[1::2]) - 0.01


def test_a_space_of_one_cluster_is_left_when_the_classes_turn_out_to_lie_far_apart() -> None:
    x, y = blobs(10, seed=5)
    memory = Memory("digital", dim=64).fit(generator(0).standard_normal((600, FEATURES)) * 1e-6, np.full(600, 9))
    for number in range(CLASSES):
        memory.partial_fit(x[y == number], y[y == number])
    assert memory.score(*QUERIES) > 0.95


@pytest.mark.parametrize("size", [1e301, -1e308])
def test_numbers_whose_sums_would_overflow_are_refused(size: float) -> None:
    x = TAUGHT[0].copy()
    x[3, 2] = size
    memory = Memory("digital", dim=64).fit(*TAUGHT)
    for refused in (
        lambda: memory.fit(x, TAUGHT[1]),
        lambda: memory.partial_fit(x, TAUGHT[1]),
        lambda: memory.predict(x),
    ):
        with pytest.raises(InsituError, match="scale them first"):
            refused()
