"""What every learner of a class stream obeys."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import cache, partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from blobs import same
from insitu import catalog
from insitu.core import InsituError, generator
from insitu.learners import Learner
from insitu.protocols import Examples, class_stream
from streams import FEATURES, latents, stream_base


def of_streams() -> dict[str, Learner]:
    made = {part.name: catalog.load(part) for part in catalog.parts("learners")}
    return {name: kind() for name, kind in made.items() if class_stream.PROTOCOL in kind.protocols}


# few examples here, so more epochs than the thousands of a real experience need
MANY = {"epochs": 20, "first_epochs": 20, "batch_size": 16, "first_learning_rate": 0.01, "learning_rate": 0.05}
LEARNERS = {
    name: replace(learner, **{f.name: MANY[f.name] for f in fields(learner) if f.name in MANY})
    for name, learner in of_streams().items()
}
every = pytest.mark.parametrize("learner", LEARNERS.values(), ids=LEARNERS)


def taught(learner: Learner, *experiences: Examples, seed: int = 0) -> Any:
    rng = generator(seed, "learner")
    state = learner.prepare(stream_base(), 0.0, rng)
    for number, experience in enumerate(experiences):
        state = learner.learn(state, experience, float(number), rng)
    return state


@cache
def known(learner: Learner) -> Any:
    return taught(learner, latents([0, 1]), latents([2, 3]))


def plain(state: Any) -> Any:
    """Return the state with networks as tables of their tensors, which can be compared."""
    if isinstance(state, nn.Module):
        return dict(state.state_dict())
    if is_dataclass(state):
        return {f.name: plain(getattr(state, f.name)) for f in fields(state)}
    return list(map(plain, state)) if isinstance(state, tuple) else state


def accuracy(learner: Learner, state: Any, classes: list[int]) -> float:
    asked = latents(classes, 25, seed=7)
    guess = learner.predict(state, asked.x, 9.0, generator(0, "ask"))
    return float((guess == asked.labels).float().mean())


def test_there_are_learners_of_streams() -> None:
    assert LEARNERS


@every
def test_the_same_seed_gives_the_same_state(learner: Learner) -> None:
    first, second = (taught(learner, latents([0, 1]), latents([2, 3]), seed=3) for _ in range(2))
    assert same(plain(first), plain(second))


@every
def test_predicting_changes_nothing(learner: Learner) -> None:
    state = known(learner)
    before = copy.deepcopy(plain(state))
    learner.predict(state, latents([0, 1, 2]).x, 9.0, generator(0, "ask"))
    learner.cost(state)
    learner.query_cost(state)
    assert same(plain(state), before)


@every
def test_learning_leaves_what_it_was_given(learner: Learner) -> None:
    state, examples = known(learner), latents([1, 4])
    before = copy.deepcopy((plain(state), examples))
    learner.learn(state, examples, 9.0, generator(0, "learn"))
    assert same((plain(state), examples), before)


@every
def test_what_was_learned_is_recognised(learner: Learner) -> None:
    assert accuracy(learner, known(learner), [0, 1, 2, 3]) > 0.6


@every
def test_a_class_seen_again_is_still_known(learner: Learner) -> None:
    state = learner.learn(known(learner), latents([0, 3], seed=8), 9.0, generator(0, "learn"))
    assert accuracy(learner, state, [0, 3]) > 0.6


@every
@settings(max_examples=3)
@given(st.lists(st.integers(0, 290), min_size=1, max_size=4, unique=True))
def test_only_classes_seen_so_far_are_predicted(learner: Learner, classes: list[int]) -> None:
    state = taught(learner, latents(classes, each=6))
    asked = latents(list(range(291, 311)), 3).x  # of classes never seen
    guess = learner.predict(state, asked, 9.0, generator(0, "ask"))
    assert guess.dtype == torch.int64
    assert guess.shape == (len(asked),)
    assert set(guess.tolist()) <= set(classes)


@every
def test_one_class_is_enough_to_start(learner: Learner) -> None:
    state = taught(learner, latents([5]))
    assert set(learner.predict(state, latents([5, 6]).x, 9.0, generator(0, "ask")).tolist()) == {5}
    state = learner.learn(state, latents([2]), 9.0, generator(1, "learn"))
    assert accuracy(learner, state, [2, 5]) > 0.6


@every
def test_classes_are_without_limit(learner: Learner) -> None:
    state = taught(learner, *(latents(list(range(start, start + 8)), 10) for start in range(0, 24, 8)))
    assert sorted(state.labels.tolist()) == list(range(24))
    assert accuracy(learner, state, list(range(24))) > 0.2  # chance is 0.04


@every
def test_cost_counts_what_was_spent(learner: Learner) -> None:
    first, later = (learner.cost(state).counts for state in (taught(learner, latents([0, 1])), known(learner)))
    assert later["weight_update"] > first["weight_update"] > 0
    assert learner.query_cost(known(learner)).counts


GOOD = latents([0, 1], 1).x
WRONG_X = {
    "narrow": GOOD[:, 1:],
    "one latent": GOOD[0],
    "empty": GOOD[:0],
    "integers": GOOD.long(),
    "no tensor": GOOD.tolist(),
    "narrow features": torch.zeros(2, FEATURES - 1),
    "no features": torch.zeros(0, FEATURES),
    "NaN": torch.full((2, FEATURES), float("nan")),
}
WRONG_LABELS = {
    "int32": torch.zeros(2, dtype=torch.int32),
    "float": torch.zeros(2),
    "negative": torch.tensor([3, -1]),
    "too few": torch.zeros(1, dtype=torch.int64),
    "a column": torch.zeros(2, 1, dtype=torch.int64),
    "no tensor": [0, 1],
}


def refused(call: Callable[[], object], word: str) -> None:
    """Check that ``call`` raises an error of one line with ``word`` in it."""
    with pytest.raises(InsituError) as error:
        call()
    assert word in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 200


@every
@pytest.mark.parametrize("wrong", WRONG_X.values(), ids=WRONG_X)
def test_wrong_inputs_are_refused(learner: Learner, wrong: Any) -> None:
    refused(partial(learner.predict, known(learner), wrong, 9.0, generator(0, "ask")), "x ")
    examples = Examples(wrong, torch.tensor([0, 1]))
    refused(partial(learner.learn, known(learner), examples, 9.0, generator(0, "learn")), "x ")


@every
@pytest.mark.parametrize("wrong", WRONG_LABELS.values(), ids=WRONG_LABELS)
def test_wrong_labels_are_refused(learner: Learner, wrong: Any) -> None:
    refused(partial(learner.learn, known(learner), Examples(GOOD, wrong), 9.0, generator(0, "learn")), "label")


WRONG_BASE: dict[str, Callable[[], Any]] = {
    "no stream": lambda: None,
    "in training": lambda: replace(stream_base(), tail=stream_base().tail.train()),
    "narrow calibration": lambda: replace(stream_base(), calibration=torch.zeros(3, FEATURES + 1)),
    "calibration of NaN": lambda: replace(stream_base(), calibration=torch.full((3, FEATURES), float("nan"))),
    "no features": lambda: replace(stream_base(), features=0),
    "no places": lambda: replace(stream_base(), latent=(24, 0, 2)),
}


@every
@pytest.mark.parametrize("wrong", WRONG_BASE.values(), ids=WRONG_BASE)
def test_a_wrong_base_is_refused(learner: Learner, wrong: Callable[[], Any]) -> None:
    refused(partial(learner.prepare, wrong(), 0.0, generator(0, "learner")), "base")
