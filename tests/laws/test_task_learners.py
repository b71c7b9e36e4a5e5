"""What every learner of short tasks obeys: episodes of images, tasks in vectors, and movements of an arm."""

from __future__ import annotations

import copy
from dataclasses import fields, replace
from functools import cache
from typing import Any

import pytest
import torch
from torch import nn

import blobs
import moving
import patterned
from blobs import same
from insitu import catalog
from insitu.core import InsituError, generator
from insitu.learners import Learner
from insitu.protocols import Examples, Protocol, episodes, few_shot_tasks, trajectories
from insitu.protocols.tasks import StepAnswers, task_learner
from moving import networks  # noqa: F401

# untrained networks need larger steps, for updates that change a weight on its grid
LARGE = dict.fromkeys(("rate", "learning_rate"), moving.RATE)
LEARNERS: dict[str, Learner] = {
    part.name: kind()
    for part in catalog.parts("learners")
    if {episodes.PROTOCOL, few_shot_tasks.PROTOCOL, trajectories.PROTOCOL} & set((kind := catalog.load(part)).protocols)
}
for name, learner in LEARNERS.items():
    if trajectories.PROTOCOL in learner.protocols:
        LEARNERS[name] = replace(learner, **{f.name: LARGE[f.name] for f in fields(learner) if f.name in LARGE})
every = pytest.mark.parametrize("learner", LEARNERS.values(), ids=LEARNERS)


@cache
def tasks(protocol: Protocol, seed: int) -> tuple[Examples, Examples]:
    """Return what is learned of three tasks, and their queries with what answers them."""
    if protocol is episodes.PROTOCOL:
        return patterned.tasks(3, 5, seed=10 * seed), patterned.tasks(3, 2, seed=10 * seed + 5)
    if protocol is few_shot_tasks.PROTOCOL:
        return blobs.tasks(3, 5, seed=10 * seed), blobs.tasks(3, 2, seed=10 * seed + 5)
    session = list(moving.SCENARIO.sessions("package", seed))[1]
    assert session.train is not None
    return session.train, session.test


def base(learner: Learner) -> Any:
    bases = {episodes.PROTOCOL.name: patterned.base, few_shot_tasks.PROTOCOL.name: blobs.base}
    return bases.get(learner.protocols[0].name, lambda: moving.SCENARIO.base("package"))()


@cache
def prepared(learner: Learner) -> Any:
    return learner.prepare(base(learner), 0.0, generator(0, "learner"))


def learned(learner: Learner, seed: int = 0, state: Any = None) -> Any:
    train, _ = tasks(learner.protocols[0], seed)
    return learner.learn(state or prepared(learner), train, 60.0, generator(seed, "learn"))


def answers(learner: Learner, state: Any, seed: int = 0) -> list[StepAnswers]:
    _, test = tasks(learner.protocols[0], seed)
    return task_learner(learner).predict_each(state, test.x, 60.0, generator(0, "query"))


def plain(state: Any) -> Any:
    """Return the state without its networks and the base, which cannot be compared."""
    return {k: v for k, v in vars(state).items() if not isinstance(v, nn.Module) and k not in ("base", "networks")}


@every
def test_steps_grow_and_answers_have_the_shape_of_labels(learner: Learner) -> None:
    found = answers(learner, learned(learner))
    steps = [each.step for each in found]
    assert steps == sorted(set(steps))
    labels = tasks(learner.protocols[0], 0)[1].labels
    assert all(each.answers.shape == labels.shape and each.answers.dtype == labels.dtype for each in found)


@every
def test_equal_seeds_give_equal_answers(learner: Learner) -> None:
    first, second = (answers(learner, learned(learner)) for _ in range(2))
    assert same([each.answers for each in first], [each.answers for each in second])
    assert [each.totals for each in first] == [each.totals for each in second]


@every
def test_every_set_of_tasks_starts_from_the_prepared_state(learner: Learner) -> None:
    after_others = learned(learner, 0, learned(learner, 1))
    assert same(answers(learner, after_others)[-1].answers, answers(learner, learned(learner))[-1].answers)


@every
def test_learning_and_predicting_change_no_state(learner: Learner) -> None:
    state = learned(learner)
    before = copy.deepcopy(plain(state))
    learned(learner, 1, state)
    answers(learner, state)
    learner.predict(state, tasks(learner.protocols[0], 0)[1].x, 60.0, generator(1, "query"))
    learner.cost(state)
    learner.query_cost(state)
    assert same(plain(state), before)


@every
def test_the_last_step_is_better_than_the_first(learner: Learner) -> None:
    found, labels = answers(learner, learned(learner)), tasks(learner.protocols[0], 0)[1].labels
    if trajectories.PROTOCOL not in learner.protocols:
        assert float((found[-1].answers == labels).double().mean()) > 0.6  # chance is a third
    else:
        assert not torch.equal(found[-1].answers, found[0].answers)


@every
def test_queries_before_any_task_and_of_other_tasks_are_refused(learner: Learner) -> None:
    with pytest.raises(InsituError, match="learn some first"):
        answers(learner, prepared(learner))
    _, test = tasks(learner.protocols[0], 0)
    with pytest.raises(InsituError, match="learned last"):
        task_learner(learner).predict_each(learned(learner), test.x[:2], 60.0, generator(0, "query"))


@every
def test_another_base_is_refused(learner: Learner) -> None:
    with pytest.raises(InsituError, match=r"prepared with an? "):
        learner.prepare(None, 0.0, generator(0, "learner"))
