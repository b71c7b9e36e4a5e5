"""CWR*: consolidation as its equations say, whole numbers in state and step, few bits as good as float."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from insitu.core import InsituError, generator
from insitu.learners.cwr_star import CwrStar, State
from insitu.protocols import Examples
from insitu.protocols.class_stream import StreamBase
from streams import LATENT, Tail, latents, stream_base

FEATURES = 32
CENTRES = torch.from_numpy(generator(0, "centres").standard_normal((10, FEATURES))).float()
QUICK: dict[str, Any] = {
    "first_epochs": 4,
    "epochs": 3,
    "batch_size": 20,
    "learning_rate": 0.02,
    "first_learning_rate": 0.01,
}
WHOLE, FLOAT = CwrStar(**QUICK), CwrStar(0, 0, **QUICK)
both = pytest.mark.parametrize("head", [WHOLE, FLOAT], ids=["whole", "baseline"])


def draw(classes: list[int], each: int = 60, seed: int = 1) -> Examples:
    labels = torch.tensor(classes).repeat_interleave(each)
    noise = torch.from_numpy(generator(seed, "draw").standard_normal((len(labels), FEATURES))).float()
    return Examples(torch.relu(CENTRES[labels] + 1.5 * noise), labels)


def base() -> StreamBase:
    return StreamBase(Tail().eval(), LATENT, FEATURES, draw(list(range(10)), 5, seed=9).x)


def taught(head: CwrStar, *experiences: Examples, seed: int = 0) -> State:
    rng = generator(seed, "learn")
    state = head.prepare(base(), 0.0, rng)
    for number, experience in enumerate(experiences):
        state = head.learn(state, experience, float(number), rng)
    return state


def percent(head: CwrStar, state: State, classes: list[int]) -> float:
    asked = draw(classes, 100, seed=5)
    guess = head.predict(state, asked.x, 1.0, generator(0, "ask"))
    return 100 * float((guess == asked.labels).float().mean())


def values(state: State) -> Any:
    return state.weight if state.grids is None else state.grids.weights.values(state.weight).astype(np.float64)


def resolution(state: State) -> float:
    return 0.0 if state.grids is None else state.grids.weights.step


NEW = [draw([2 * k, 2 * k + 1], seed=k) for k in range(5)]
AGAIN = [draw(list(range(10)), 20, seed=k) for k in range(6)]


@pytest.mark.parametrize("stream", [NEW, AGAIN], ids=["new classes", "new instances"])
def test_whole_numbers_of_8_and_16_bits_are_as_good_as_float(stream: list[Examples]) -> None:
    everything = list(range(10))
    exact = percent(FLOAT, taught(FLOAT, *stream), everything)
    assert exact > 40
    assert abs(percent(WHOLE, taught(WHOLE, *stream), everything) - exact) < 2


def test_an_update_of_as_few_bits_as_the_forward_pass_is_lost() -> None:
    learned = taught(WHOLE, *NEW)
    few = replace(WHOLE, update_bits=4)
    assert percent(few, taught(few, *NEW), list(range(10))) < percent(WHOLE, learned, list(range(10))) - 15


def test_the_state_is_whole_numbers_once_ranges_are_known() -> None:
    for forward, update, dtype in ((8, 16, np.int16), (8, 8, np.int8), (4, 12, np.int16), (1, 1, np.int8)):
        head = replace(WHOLE, forward_bits=forward, update_bits=update)
        state = taught(head, *NEW[:2])
        assert state.weight.dtype == dtype
        assert np.abs(state.weight.astype(int)).max() <= 2 ** (update - 1)
        assert head.scores(state, NEW[0].x.numpy()).dtype == np.int64
        assert head.cost(state).counts["held_bytes"] == 4 * FEATURES * np.dtype(dtype).itemsize + 4 * 8
    assert taught(FLOAT, *NEW[:2]).weight.dtype == np.float32


def test_ranges_are_frozen_after_the_first_experience() -> None:
    first, later = taught(WHOLE, NEW[0]), taught(WHOLE, *NEW)
    assert first.grids is not None
    assert later.grids is not None
    assert replace(first.grids, weights=later.grids.weights) == later.grids
    assert later.grids.weights.step / first.grids.weights.step in (1, 2, 4)  # it doubles when weights need room


def test_weights_may_outgrow_the_first_experience() -> None:
    small: dict[str, Any] = {
        "first_learning_rate": 1e-5,
        "learning_rate": 0.1,
    }  # a first head of tiny weights sets a tiny range
    heads = [replace(head, **small) for head in (WHOLE, FLOAT)]
    found = [percent(head, taught(head, *AGAIN), list(range(10))) for head in heads]
    # the weights' step doubles; probabilities stay cut off where the first experience had the largest
    assert found[1] > 80
    assert found[0] > found[1] - 8


@both
def test_rows_of_classes_not_in_an_experience_stay(head: CwrStar) -> None:
    before, after = taught(head, NEW[0]), taught(head, NEW[0], NEW[1])
    assert np.allclose(values(before), values(after)[:2], atol=resolution(after), rtol=0)
    assert after.labels.tolist() == [0, 1, 2, 3]
    assert after.past.tolist() == [60] * 4


@both
def test_new_rows_have_mean_zero(head: CwrStar) -> None:
    state = taught(head, NEW[0], NEW[1])
    for rows in (values(state)[:2], values(state)[2:]):
        assert abs(rows.mean()) < 1e-6 + resolution(state)


def test_a_class_seen_again_is_weighed_by_the_root_of_the_counts() -> None:
    # a rate so small that training leaves the head where it starts: the row is averaged with itself, less the mean
    slow = replace(FLOAT, learning_rate=1e-12)
    before = taught(slow, draw([0, 1, 2], 90))
    after = taught(
        slow,
        draw([0, 1, 2], 90),
        Examples(torch.cat([draw([0], 10).x, draw([2], 40).x]), torch.tensor([0] * 10 + [2] * 40)),
    )
    mean = before.weight[[0, 2]].mean()
    for row, current in ((0, 10), (2, 40)):
        r = (90 / current) ** 0.5
        expected = (r * before.weight[row] + before.weight[row] - mean) / (r + 1)
        assert np.allclose(after.weight[row], expected, atol=1e-6)
    assert np.array_equal(after.weight[1], before.weight[1])
    assert after.past.tolist() == [100, 90, 130]


def test_whole_consolidation_is_that_of_float_within_a_step() -> None:
    slow = replace(WHOLE, learning_rate=1e-12)
    before = taught(slow, draw([0, 1, 2], 90))
    after = taught(slow, draw([0, 1, 2], 90), draw([0, 2], 25, seed=3))
    mean, r = before.weight[[0, 2]].mean(), (90 / 25) ** 0.5
    for row in (0, 2):
        expected = (r * before.weight[row] + before.weight[row] - mean) / (r + 1)
        assert np.abs(after.weight[row] - expected).max() < 1.1


@both
def test_one_class_alone_is_learned(head: CwrStar) -> None:
    state = taught(head, draw([7]))
    assert np.abs(state.weight).max() > 0
    assert percent(head, state, [7]) == 100
    state = head.learn(state, draw([3]), 1.0, generator(1, "learn"))
    assert percent(head, state, [3, 7]) > 75


@both
def test_more_classes_come_than_the_head_has_rows(head: CwrStar) -> None:
    small = replace(head, outputs=2)
    state = taught(small, *NEW)
    assert state.weight.shape == (10, FEATURES)
    assert percent(small, state, list(range(10))) > 30


@both
def test_features_that_are_all_zero_are_learned_without_complaint(head: CwrStar) -> None:
    nothing = Examples(torch.zeros(6, FEATURES), torch.tensor([0, 1, 0, 1, 0, 1]))
    state = taught(head, nothing, NEW[0])
    assert np.isfinite(state.weight.astype(float)).all()


def test_packed_latents_go_through_the_tail() -> None:
    head, rng = replace(WHOLE, first_epochs=20), generator(0, "learn")
    state = head.learn(head.prepare(stream_base(), 0.0, rng), latents([0, 1, 2]), 0.0, rng)
    features = state.base.of(latents([0, 1, 2], seed=4).x)
    guess = head.predict(state, latents([0, 1, 2], seed=4).x, 1.0, rng)
    assert torch.equal(guess, head.predict(state, features, 1.0, rng))
    assert float((guess == latents([0, 1, 2], seed=4).labels).float().mean()) > 0.8


def test_what_is_spent_is_counted() -> None:
    first, second = (WHOLE.cost(taught(WHOLE, *NEW[:count])).counts for count in (1, 2))
    rows, shown = WHOLE.outputs * FEATURES, len(NEW[0])
    assert first["float_multiply_accumulate"] == 2 * rows * shown * WHOLE.first_epochs
    assert first["integer_multiply_accumulate"] == 0
    assert second["float_multiply_accumulate"] == first["float_multiply_accumulate"]
    assert second["integer_multiply_accumulate"] == 2 * rows * shown * WHOLE.epochs
    assert second["weight_update"] - first["weight_update"] == rows * shown // WHOLE.batch_size * WHOLE.epochs
    assert WHOLE.query_cost(taught(WHOLE, *NEW[:2])).counts == {"integer_multiply_accumulate": 4 * FEATURES}


@pytest.mark.parametrize(
    "wrong",
    [
        {"forward_bits": 0},
        {"update_bits": 17},
        {"forward_bits": -1},
        {"outputs": 1},
        {"batch_size": 0},
        {"epochs": 0},
        {"first_epochs": 0},
        {"learning_rate": 0.0},
        {"first_learning_rate": float("nan")},
    ],
)
def test_wrong_numbers_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InsituError, match="got"):
        CwrStar(**wrong)


def test_nothing_can_be_predicted_before_something_was_learned() -> None:
    with pytest.raises(InsituError, match="no class has been learned"):
        WHOLE.predict(taught(WHOLE), draw([0]).x, 0.0, generator(0, "ask"))
