"""Latent replay: what is kept, what is trained, what few bits do, and what it takes."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import islice, pairwise
from typing import Any

import numpy as np
import pytest
import torch

from insitu.core import InsituError, generator
from insitu.learners._backpropagation import Rounded, RoundedBackward, check_bits, rounded
from insitu.learners._replay import Store, refilled
from insitu.learners.latent_replay import LatentReplay, State
from insitu.protocols import Examples
from insitu.scenarios.class_stream import ClassStream
from streams import FEATURES, LATENT, latents, stream_base

QUICK = LatentReplay(replay=24, batch_size=16, epochs=4, tail_learning_rate=1.2, affine_learning_rate=0.02, noise=0.0)
NEW = [latents([2 * k, 2 * k + 1], 16, seed=k) for k in range(3)]


def taught(learner: LatentReplay, *experiences: Examples) -> State:
    rng = generator(0, "learn")
    state = learner.prepare(stream_base(), 0.0, rng)
    for number, experience in enumerate(experiences):
        state = learner.learn(state, experience, float(number), rng)
    return state


def percent(learner: LatentReplay, state: State) -> float:
    asked = latents(state.labels.tolist(), 25, seed=9)
    guess = learner.predict(state, asked.x, 9.0, generator(0, "ask"))
    return 100 * float((guess == asked.labels).float().mean())


def weights(state: State) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in state.tail.parameters()])


def test_classes_of_earlier_experiences_are_not_forgotten() -> None:
    assert percent(QUICK, taught(QUICK, *NEW)) > 75


def test_the_tail_is_trained_and_that_of_the_base_is_not() -> None:
    base, state = stream_base(), taught(QUICK, *NEW)
    frozen, trained = base.tail.state_dict(), state.tail.state_dict()
    assert not torch.equal(frozen["conv.weight"], trained["conv.weight"])
    assert all(torch.equal(value, frozen[name]) for name, value in state.base.tail.state_dict().items())
    for name in ("norm.running_mean", "norm.running_var"):
        assert torch.equal(frozen[name], trained[name])
    still = replace(QUICK, tail_learning_rate=0.0, affine_learning_rate=0.0)
    assert torch.equal(weights(taught(still, *NEW)), weights(taught(still)))


def signs(state: State) -> torch.Tensor:
    return state.tail.get_parameter("conv.weight").detach() >= 0


def test_signs_of_the_tail_change_and_are_counted() -> None:
    states = [taught(QUICK, *NEW[:count]) for count in range(4)]
    counts = [QUICK.cost(state).counts["sign_flip"] for state in states]
    changed = [int((signs(one) != signs(other)).sum()) for one, other in pairwise(states)]
    assert min(changed) > 0
    assert counts == [0, *np.cumsum(changed)]


def test_no_sign_changes_where_the_tail_is_frozen() -> None:
    still = replace(QUICK, tail_learning_rate=0.0, affine_learning_rate=0.0)
    counts = still.cost(taught(still, *NEW)).counts
    assert "sign_flip" not in counts
    assert counts["weight_update"] < QUICK.cost(taught(QUICK, *NEW)).counts["weight_update"] / 10


def test_signs_of_the_shipped_tail_change_at_the_default_rates() -> None:
    stream, learner = ClassStream(give="latents"), LatentReplay()
    state = learner.prepare(stream.base("package"), 0.0, generator(0, "learn"))
    for session in islice(stream.sessions("package", 0), 2):
        assert session.train is not None
        state = learner.learn(state, session.train, 0.0, generator(session.number, "learn"))
    assert learner.cost(state).counts["sign_flip"] > 0


@pytest.mark.parametrize("bits", [4, 8, 16])
def test_trained_weights_stand_on_grids_of_the_update_bits(bits: int) -> None:
    state = taught(replace(QUICK, update_bits=bits), *NEW[:2])
    assert torch.allclose(rounded(state.head, bits), state.head, atol=1e-6)
    levels = (1 << (bits - 1)) - 1
    for name, weight in state.tail.named_parameters():
        top = 2 * float(state.base.tail.get_parameter(name).detach().abs().max())
        codes = weight.detach() / top * levels
        assert torch.allclose(codes, codes.round(), atol=1e-3)
        assert codes.abs().max() <= levels + 1e-3


def test_rates_are_in_units_of_the_starting_weights() -> None:
    """Latent weights four times as large, of which only the signs count, learn the same."""
    base = stream_base()
    large = copy.deepcopy(base)
    large.tail.get_parameter("conv.weight").data *= 4.0
    states = []
    for each in (base, large):
        rng = generator(0, "learn")
        state = QUICK.prepare(each, 0.0, rng)
        for experience in NEW[:2]:
            state = QUICK.learn(state, experience, 0.0, rng)
        states.append(state)
    assert torch.equal(signs(states[0]), signs(states[1]))
    assert torch.equal(states[0].head, states[1].head)


def test_few_bits_learn_as_float_does() -> None:
    exact = replace(QUICK, forward_bits=0, update_bits=0)
    assert abs(percent(QUICK, taught(QUICK, *NEW)) - percent(exact, taught(exact, *NEW))) < 8


def test_the_store_is_bits_in_equal_shares() -> None:
    state = taught(QUICK, *NEW)
    assert state.store.latents.dtype == torch.uint8
    assert state.store.labels.bincount().tolist() == [4] * 6
    kept = {bytes(row) for row in state.store.latents.numpy()}
    assert kept <= {bytes(row) for experience in NEW for row in experience.x.numpy()}


def test_300_latents_of_the_paper_take_300_kib() -> None:
    given = Examples(torch.zeros(400, 1024, dtype=torch.uint8), torch.arange(400) % 10)
    empty = Store(given.x[:0], given.labels[:0], {})
    store = refilled(empty, given, 300, generator(0, "fill"))
    assert store.latents.nbytes == 300 * 1024
    assert store.labels.bincount().tolist() == [30] * 10


def test_a_share_is_a_fair_sample_of_all_that_was_seen() -> None:
    store, rng = (
        Store(torch.empty(0, 1, dtype=torch.uint8), torch.empty(0, dtype=torch.int64), {}),
        generator(0, "fill"),
    )
    for number in range(10):
        given = Examples(torch.full((60, 1), number, dtype=torch.uint8), torch.zeros(60, dtype=torch.int64))
        store = refilled(store, given, 500, rng)
    counts = np.bincount(store.latents[:, 0].numpy(), minlength=10)
    assert len(store) == 500
    assert counts.min() > 30


def test_fewer_latents_than_the_budget_are_all_kept() -> None:
    state = taught(replace(QUICK, replay=1000), *NEW)
    assert len(state.store) == sum(map(len, NEW))


def test_a_budget_smaller_than_the_number_of_classes_is_refused() -> None:
    small = replace(QUICK, replay=3)
    with pytest.raises(InsituError, match="got 3 for 4 classes"):
        taught(small, *NEW[:2])


def test_what_is_spent_is_counted() -> None:
    counts = QUICK.cost(taught(QUICK, *NEW)).counts
    places, convolution = LATENT[1] * LATENT[2], FEATURES * LATENT[0] * 9
    asked = QUICK.query_cost(taught(QUICK, *NEW)).counts
    assert asked["integer_multiply_accumulate"] == 6 * FEATURES
    assert counts["replay_bytes"] == 24 * places * 8
    assert counts["trained_bytes"] == 2 * (convolution + 2 * FEATURES + 6 * FEATURES)
    # the first experience alone, without replay, shows 32 latents in each of 4 epochs
    first = QUICK.cost(taught(QUICK, NEW[0])).counts
    assert first["weight_update"] == 8 * (convolution + 2 * FEATURES + 2 * FEATURES)


def test_rounding_passes_gradients_straight_through_or_rounds_them() -> None:
    x = torch.linspace(-1, 1, 101, requires_grad=True)
    coarse = Rounded.apply(x, 3)  # type: ignore[no-untyped-call]
    assert len(coarse.unique()) == 7
    (passed,) = torch.autograd.grad((coarse * torch.arange(101)).sum(), x)
    assert torch.equal(passed, torch.arange(101.0))
    (few,) = torch.autograd.grad((RoundedBackward.apply(x, 3) * torch.arange(101)).sum(), x)  # type: ignore[no-untyped-call]
    assert len(few.unique()) == 4
    assert not rounded(torch.zeros(5), 8).any()


@pytest.mark.parametrize(
    "wrong",
    [
        {"replay": 0},
        {"batch_size": 1},
        {"epochs": 0},
        {"forward_bits": 17},
        {"update_bits": 0},
        {"forward_bits": 1},
        {"learning_rate": 0.0},
        {"tail_learning_rate": float("inf")},
        {"affine_learning_rate": -0.1},
        {"noise": 0.5},
    ],
)
def test_wrong_numbers_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InsituError, match="got"):
        LatentReplay(**wrong)


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.4])
def test_noise_flips_its_share_of_bits(noise: float) -> None:
    latents = torch.ones(20, 8, 10, 10)
    flipped = replace(QUICK, noise=noise)._noisy(latents, np.random.default_rng(0))
    assert flipped.abs().eq(1).all()
    assert float((flipped < 0).float().mean()) == pytest.approx(noise, abs=3 * (noise / latents.numel()) ** 0.5)


def test_features_cannot_be_replayed() -> None:
    with pytest.raises(InsituError, match="packed latents"):
        QUICK.learn(taught(QUICK), Examples(torch.zeros(2, FEATURES), torch.tensor([0, 1])), 0.0, generator(0, "learn"))


def marked(experience: int, classes: int, each: int) -> Examples:
    """Latents that say from which experience they come."""
    labels = torch.arange(classes).repeat_interleave(each)
    return Examples(torch.full((len(labels), 4), experience, dtype=torch.uint8), labels)


@pytest.mark.parametrize(("classes", "budget"), [(1, 40), (5, 50), (10, 300)])
def test_of_known_classes_the_store_keeps_latents_of_all_experiences_alike(classes: int, budget: int) -> None:
    """New instances: ten experiences of the same classes. Counts over 200 stores, within five standard errors."""
    experiences, each, stores = 10, 60, 200
    counts = np.zeros((classes, experiences))
    for trial in range(stores):
        rng = generator(trial, "fill")
        store = Store(torch.empty(0, 4, dtype=torch.uint8), torch.empty(0, dtype=torch.int64), {})
        for number in range(experiences):
            store = refilled(store, marked(number, classes, each), budget, rng)
        assert store.labels.bincount().tolist() == [budget // classes] * classes
        np.add.at(counts, (store.labels.numpy(), store.latents[:, 0].long().numpy()), 1)
    share = budget / classes / experiences * stores
    assert np.abs(counts - share).max() < 5 * share**0.5


def test_a_class_that_does_not_come_again_is_kept_as_it_is_but_for_its_share() -> None:
    rng, nothing = (
        generator(0, "fill"),
        Store(torch.empty(0, 4, dtype=torch.uint8), torch.empty(0, dtype=torch.int64), {}),
    )
    first = refilled(nothing, marked(0, 2, 30), 40, rng)
    other = Examples(torch.full((30, 4), 1, dtype=torch.uint8), torch.full((30,), 2))
    store = refilled(first, other, 40, rng)
    assert store.seen == {0: 30, 1: 30, 2: 30}
    for label, came in ((0, 0), (1, 0), (2, 1)):
        assert store.latents[store.labels == label].unique().tolist() == [came]
    assert sorted(store.labels.bincount().tolist()) == [13, 13, 14]


def test_the_learner_itself_keeps_of_every_experience() -> None:
    again = [latents([0, 1], 16, seed=k) for k in range(4)]  # four experiences of the same two classes
    state = taught(replace(QUICK, replay=32), *again)
    kept = {bytes(row) for row in state.store.latents.numpy()}
    of_each = [len(kept & {bytes(row) for row in experience.x.numpy()}) for experience in again]
    assert min(of_each) >= 2


@pytest.mark.parametrize("pair", [(0, 8), (8, 0), (17, 16), (8, 17), (-1, 8), (8.0, 16)])
def test_wrong_bits_are_refused(pair: tuple[int, int]) -> None:
    with pytest.raises(InsituError, match="1 to 16 each, or both 0"):
        check_bits(*pair)
