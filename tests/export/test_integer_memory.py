"""The integer form of a memory stays close to the float one, and says what it cannot do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from insitu.core import InsituError
from insitu.export import integer_memory
from insitu.memory import Memory
from insitu.memory.integer_memory import SUM_TOP, IntegerMemory
from insitu.memory.integer_space import LENGTH, Z_TOP, IntegerSpace, integer_space
from insitu.memory.space import fit_space


@pytest.fixture(scope="module")
def digits() -> tuple[Memory, np.ndarray, np.ndarray]:
    x, y = load_digits(return_X_y=True)
    first = np.concatenate([np.flatnonzero(y == label)[:10] for label in range(10)])
    rest = np.setdiff1d(np.arange(len(x)), first)
    return Memory("digital", dim=256).fit(x[first], y[first]), x[rest], y[rest]


def predictions(memory: IntegerMemory, x: np.ndarray) -> np.ndarray:
    answers = memory.predict(memory.space.codes(x))
    return np.array([int(memory.labels[each.slot]) for each in answers])


def test_scores_are_the_similarities_of_the_float_memory(digits: tuple[Memory, np.ndarray, np.ndarray]) -> None:
    memory, x, y = digits
    exported = integer_memory(memory)
    result = memory.query(x)
    codes = exported.space.codes(x)
    best = np.array([each.score for each in exported.predict(codes)]) / 2**15
    within = np.abs(codes).max(1) <= Z_TOP  # a pixel that hardly varied may be far outside: it saturates
    assert within.mean() > 0.9
    assert np.abs(best - result.similarities.max(1))[within].max() < 0.01
    assert abs(np.mean(predictions(exported, x) == y) - np.mean(result.predictions == y)) <= 0.005


def test_integers_of_a_sensor_are_taken_as_they_are(digits: tuple[Memory, np.ndarray, np.ndarray]) -> None:
    memory, x, _ = digits
    sensed = integer_memory(memory, input_step=1.0)
    assert np.array_equal(sensed.space.codes(x), x)  # pixels are 0..16
    assert np.mean(predictions(sensed, x) == predictions(integer_memory(memory), x)) > 0.995


def test_teaching_on_the_device_is_teaching_the_float_memory(digits: tuple[Memory, np.ndarray, np.ndarray]) -> None:
    # in the same space: the float memory would fit a new one to many more examples
    memory, x, _ = digits
    exported = integer_memory(memory)
    known = memory._fitted()
    assert known.state is not None
    vectors = known.state.projection.vectors(known.space.scaled(x[:20])).double().numpy()  # type: ignore[union-attr]
    for codes in exported.space.codes(x[:20]):
        exported.teach(codes, "new")
    slot = exported.slot_of("new")
    assert slot is not None
    total = exported.sums[slot] * 2.0 ** exported.exponents[slot]
    wanted = vectors.sum(0) * LENGTH
    assert np.linalg.norm(total - wanted) < 0.01 * np.linalg.norm(wanted)


@given(st.integers(1, 40), st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_vectors_have_the_same_length_and_direction_as_floats(features: int, rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, 20)
    x = (rng.standard_normal((20, features)) + 2 * y[:, None]) * 10.0 ** rng.integers(-6, 7, features)
    space = fit_space(x, y, rows)
    whole = integer_space(space)
    v = whole.vectors(whole.codes(x))
    exact = space.projection.vectors(space.scaled(x)).double().numpy()
    assert np.abs(v - exact * LENGTH).max() < 0.05 * LENGTH
    lengths = np.linalg.norm(v, axis=1)
    assert ((lengths == 0) | (np.abs(lengths - LENGTH) < 2 + rows**0.5)).all()


def test_constant_features_have_no_effect() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, 5)), np.arange(30) % 3
    x[:, 2] = 7.0
    space = integer_space(fit_space(x, y, 16))
    codes = space.codes(x)
    moved = codes.copy()
    moved[:, 2] = rng.integers(-32767, 32768, 30)
    assert np.array_equal(space.vectors(codes), space.vectors(moved))
    assert not np.array_equal(space.vectors(codes), space.vectors(np.roll(moved, 1, 1)))


def test_sums_stay_within_16_bits_and_halving_keeps_their_direction(
    digits: tuple[Memory, np.ndarray, np.ndarray],
) -> None:
    memory, x, _ = digits
    exported = integer_memory(memory)
    codes = exported.space.codes(x[:40])
    exact = np.zeros(exported.space.rows)
    for _ in range(30):
        for row, vector in zip(codes, exported.space.vectors(codes), strict=True):
            exported.teach(row, "many")
            exact += vector
    slot = exported.slot_of("many")
    assert slot is not None
    assert exported.exponents[slot] >= 2
    sums = exported.sums[slot]
    assert np.abs(sums).max() <= SUM_TOP
    assert sums @ exact / np.linalg.norm(sums) / np.linalg.norm(exact) > 0.9999


def test_a_forgotten_class_leaves_its_slot_to_the_next(digits: tuple[Memory, np.ndarray, np.ndarray]) -> None:
    memory, x, _ = digits
    exported = integer_memory(memory, capacity=10)
    codes = exported.space.codes(x[:5])
    with pytest.raises(InsituError, match="all 10 slots"):
        exported.teach(codes[0], "new")
    slot = exported.slot_of("4")
    exported.forget("4")
    assert slot not in [each.slot for each in exported.predict(codes)]
    assert exported.teach(codes[0], "new") == slot
    with pytest.raises(InsituError, match="does not hold '4'"):
        exported.forget("4")


def test_what_cannot_be_exported_says_so(digits: tuple[Memory, np.ndarray, np.ndarray]) -> None:
    memory, x, y = digits
    with pytest.raises(InsituError, match="more than the capacity of 9"):
        integer_memory(memory, capacity=9)
    with pytest.raises(InsituError, match=r"1\.\.3 bytes"):
        integer_memory(Memory("digital").fit(x[:4], ["long label", "b", "a", "b"]), label_bytes=4)
    with pytest.raises(InsituError, match="beyond 16 bits"):
        integer_memory(memory, input_step=1e-6)
    with pytest.raises(InsituError, match="hundredth of the input step"):
        integer_memory(memory, input_step=1e6)
    with pytest.raises(InsituError, match="at most 2048 rows"):
        integer_memory(Memory("digital", dim=2049).fit(x[:20], y[:20]))
    with pytest.raises(InsituError, match="without NaN"):
        integer_memory(memory).space.codes(np.full((1, 64), np.nan))


def test_inputs_far_away_saturate(digits: tuple[Memory, np.ndarray, np.ndarray]) -> None:
    space: IntegerSpace = integer_memory(digits[0]).space
    codes = space.codes(np.array([[1e30] * 64, [-1e30] * 64]))
    assert set(np.unique(codes)) == {-32767, 32767}
