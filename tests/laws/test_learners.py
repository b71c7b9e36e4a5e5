"""What every learner from a few shots obeys, and every way of writing that the explicit memory has."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from blobs import CENTRES, FEATURES, OLD, accuracy, base, draw, same, shots
from insitu import catalog
from insitu.core import InsituError, generator
from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.learners import Learner
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.memory.learner import MemoryLearner
from insitu.protocols import Examples, few_shot_sessions
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital

SMALL = Crossbar(tile=16, pairs=1)
FEW_SHOT = {
    part.name: kind()
    for part in catalog.parts("learners")
    if few_shot_sessions.PROTOCOL in (kind := catalog.load(part)).protocols
}
LEARNERS: dict[str, Learner] = FEW_SHOT | {
    "memory-of-users": MemoryLearner(dim=64),
    "memory-bipolar": ExplicitMemory(SMALL, dim=256, support="bipolar", pulses=1),
    "memory-compensated": ExplicitMemory(replace(SMALL, compensation="column"), dim=256, calibrate=False),
    "memory-programmed": ExplicitMemory(Crossbar(PcmHermes2022(), tile=16), dim=64, support="program"),
    "memory-digital": ExplicitMemory(Digital(bits=4), dim=64, support="program"),
    "memory-mode-2": ExplicitMemory(SMALL, projection="trained", support="program", mode=2),
    "memory-mode-3": ExplicitMemory(SMALL, projection="trained", support="program", mode=3),
}
every = pytest.mark.parametrize("learner", LEARNERS.values(), ids=LEARNERS)


@cache
def prepared(learner: Learner) -> Any:
    return learner.prepare(base(), 0.0, generator(0, "learner"))


def taught(learner: Learner, seed: int = 0, *sessions: Examples) -> Any:
    rng = generator(seed, "learner")
    state = learner.prepare(base(), 0.0, rng)
    for number, session in enumerate(sessions, 1):
        state = learner.learn(state, session, 10.0 * number, rng)
    return state


@every
def test_the_same_seed_gives_the_same_predictions(learner: Learner) -> None:
    asked = draw(list(range(12)) * 10, spread=1.5).x
    first, second = (
        learner.predict(taught(learner, 3, shots([8, 9]), shots([10, 11])), asked, 50.0, generator(5, "ask"))
        for _ in range(2)
    )
    assert torch.equal(first, second)


@every
def test_predicting_changes_nothing(learner: Learner) -> None:
    state = taught(learner, 0, shots([8, 9]))
    before = copy.deepcopy(state)
    learner.predict(state, draw([1, 8, 9]).x, 50.0, generator(0, "ask"))
    learner.cost(state)
    learner.query_cost(state)
    assert same(state, before)


@every
def test_learning_leaves_the_state_it_was_given(learner: Learner) -> None:
    state, examples = taught(learner, 0, shots([8, 9])), shots([9, 20])
    before = copy.deepcopy((state, examples))
    learner.learn(state, examples, 50.0, generator(0, "learn"))
    assert same((state, examples), before)


@every
def test_the_base_and_what_was_learned_are_recognised(learner: Learner) -> None:
    state = taught(learner, 0, shots([8, 9]), shots([10, 11]))
    assert accuracy(learner, state, list(range(OLD))) > 0.8
    assert accuracy(learner, state, [8, 9, 10, 11]) > 0.8


@every
def test_a_base_that_is_not_known_prepares_for_classes_from_0(learner: Learner) -> None:
    if getattr(learner, "mode", 1) > 1:
        learner = replace(learner, mode=1)  # type: ignore[call-arg]
    state = learner.prepare(replace(base(), known=False), 0.0, generator(0, "learner"))
    with pytest.raises(InsituError, match="learn some examples first"):
        learner.predict(state, CENTRES[:2], 20.0, generator(0, "ask"))
    new = shots([20, 21, 22])
    state = learner.learn(state, Examples(new.x, new.labels - 20), 10.0, generator(0, "learn"))
    guess = learner.predict(state, CENTRES, 20.0, generator(0, "ask"))
    assert set(guess.tolist()) == {0, 1, 2}
    assert guess[20:23].tolist() == [0, 1, 2]


@every
@settings(max_examples=3)
@given(classes=st.lists(st.integers(OLD, 390), min_size=1, max_size=4, unique=True))
def test_only_classes_seen_so_far_are_predicted(learner: Learner, classes: list[int]) -> None:
    state = taught(learner, 0, shots(classes, each=2))
    asked = CENTRES  # among them those of classes never seen
    guesses = set(learner.predict(state, asked, 20.0, generator(0, "ask")).tolist())
    assert guesses <= {*range(OLD), *classes}
    assert len(guesses) > 1


@every
def test_a_prediction_is_one_class_number_per_query(learner: Learner) -> None:
    state = taught(learner, 0, shots([100]))
    for count in (1, 7):
        guess = learner.predict(state, draw([0] * count).x, 20.0, generator(0, "ask"))
        assert guess.shape == (count,)
        assert guess.dtype == torch.int64


@every
def test_classes_are_without_limit(learner: Learner) -> None:
    # 68 classes where a tile has 16 columns, by sessions of 20
    sessions = [shots(list(range(start, start + 20)), each=3) for start in range(OLD, OLD + 60, 20)]
    state = taught(learner, 0, *sessions)
    assert accuracy(learner, state, list(range(OLD, OLD + 60))) > 0.6
    assert accuracy(learner, state, list(range(OLD))) > 0.6


@every
def test_a_known_class_may_be_learned_again(learner: Learner) -> None:
    state = taught(learner, 0, shots([8], each=1), shots([8, 9], each=4, seed=9), shots([0], each=1))
    assert accuracy(learner, state, [0, 8, 9]) > 0.8


NAN, INF = float("nan"), float("inf")
WRONG_X = {
    "narrow": torch.zeros(2, FEATURES - 1),
    "one vector": torch.zeros(FEATURES),
    "empty": torch.zeros(0, FEATURES),
    "float64": torch.zeros(2, FEATURES, dtype=torch.float64),
    "integers": torch.zeros(2, FEATURES, dtype=torch.int64),
    "no tensor": [[0.0] * FEATURES] * 2,
    "NaN": torch.tensor([[0.0] * FEATURES, [NAN] * FEATURES]),
    "infinite": torch.tensor([[-INF] * FEATURES, [0.0] * FEATURES]),
}
WRONG_LABELS = {
    "int32": torch.zeros(2, dtype=torch.int32),
    "float": torch.zeros(2),
    "negative": torch.tensor([3, -1]),
    "too few": torch.zeros(1, dtype=torch.int64),
    "a column": torch.zeros(2, 1, dtype=torch.int64),
    "no tensor": [0, 1],
}


def refused(name: str, call: Callable[[], object], word: str = "") -> None:
    """Check that ``call`` raises an error of one line with ``word`` in it."""
    with pytest.raises(InsituError) as error:
        call()
    text = str(error.value)
    assert word in text, name
    assert "\n" not in text, name
    assert len(text) < 200, name


@pytest.mark.parametrize("wrong", WRONG_X.values(), ids=WRONG_X)
def test_wrong_vectors_are_refused(wrong: Any) -> None:
    for name, learner in LEARNERS.items():
        state = prepared(learner)
        refused(name, partial(learner.predict, state, wrong, 20.0, generator(0, "ask")), "x ")
        examples = Examples(wrong, torch.tensor([8, 9]))
        refused(name, partial(learner.learn, state, examples, 20.0, generator(0, "learn")), "x ")


@pytest.mark.parametrize("wrong", WRONG_LABELS.values(), ids=WRONG_LABELS)
def test_wrong_labels_are_refused(wrong: Any) -> None:
    for name, learner in LEARNERS.items():
        examples = Examples(draw([8, 9]).x, wrong)
        refused(name, partial(learner.learn, prepared(learner), examples, 20.0, generator(0, "learn")), "label")


WRONG_BASE = {
    "no means": {"means": torch.zeros(0, FEATURES)},
    "means of NaN": {"means": torch.full((OLD, FEATURES), NAN)},
    "means too narrow": {"means": torch.zeros(OLD, FEATURES - 1)},
    "fewer means than classes": {"means": CENTRES[: OLD - 1]},
    "infinite layer": {"weight": torch.full((16, FEATURES), INF)},
    "layer of another width": {"weight": torch.zeros(16, FEATURES + 1)},
    "bias of another length": {"bias": torch.zeros(5)},
    "no examples": {"examples": Examples(torch.zeros(0, FEATURES), torch.zeros(0, dtype=torch.int64))},
}


@pytest.mark.parametrize("wrong", WRONG_BASE.values(), ids=WRONG_BASE)
def test_a_wrong_base_is_refused(wrong: dict[str, Any]) -> None:
    for name, learner in LEARNERS.items():
        refused(name, partial(learner.prepare, replace(base(), **wrong), 0.0, generator(0, "learner")))


@every
def test_one_class_is_enough_to_start(learner: Learner) -> None:
    rng = generator(0, "learner")
    state = learner.prepare(base(old=1), 0.0, rng)
    assert learner.predict(state, draw([0, 5]).x, 1.0, rng).tolist() == [0, 0]
    state = learner.learn(state, shots([7]), 2.0, rng)
    assert accuracy(learner, state, [0, 7]) > 0.9
