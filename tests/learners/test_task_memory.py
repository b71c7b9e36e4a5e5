"""The memory of tasks: nearest means of each task's own classes, whatever the other tasks hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from insitu.core import InsituError, generator
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.task_memory import State, TaskMemory
from insitu.protocols import Examples
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital
from patterned import RECORD, WAYS, base, tasks

EXACT = TaskMemory(Digital(), ExplicitMemory(Digital(), dim=64, support="program", calibrate=False, correction=0.0))
PCM = TaskMemory(memory=ExplicitMemory(Crossbar(compensation="column"), dim=64))


def taught(learner: TaskMemory, given: Examples) -> State:
    rng = generator(0, "learner")
    return learner.learn(learner.prepare(base(), 0.0, rng), given, 60.0, rng)


def test_in_software_it_is_the_nearest_mean_of_the_own_task() -> None:
    shown, asked = tasks(4, 3), tasks(4, 2, seed=3)
    state = taught(EXACT, shown)
    with torch.no_grad():
        x, queries = (base().network(part.x)[0] for part in (shown, asked))
    vectors, z = (state.memory.projection.vectors(part.flatten(0, 1)).unflatten(0, (4, -1)) for part in (x, queries))
    means = torch.stack([vectors[shown.labels == way].view(4, 3, -1).mean(1) for way in range(WAYS)], 1)
    expected = (z @ torch.nn.functional.normalize(means, dim=-1).transpose(1, 2)).argmax(-1)
    assert torch.equal(EXACT.predict(state, asked.x, 60.0, generator(0, "ask")), expected)


@pytest.mark.parametrize("learner", [EXACT, PCM], ids=["software", "pcm"])
def test_tasks_are_learned_and_no_task_leaks_into_another(learner: TaskMemory) -> None:
    shown, asked = tasks(6, 5), tasks(6, 3, seed=3)
    first = learner.learn(learner.prepare(base(), 0.0, generator(0, "p")), tasks(6, 5, seed=8), 60.0, generator(0, "l"))
    again = learner.learn(first, shown, 60.0, generator(1, "l"))
    for state in (taught(learner, shown), again):
        said = learner.predict(state, asked.x, 61.0, generator(0, "ask"))
        assert said.shape == asked.labels.shape
        assert float((said == asked.labels).float().mean()) > 0.8


def test_examples_may_come_in_any_order() -> None:
    shown, asked = tasks(3, 4), tasks(3, 2, seed=3)
    order = torch.from_numpy(generator(0, "order").permutation(shown.labels.shape[1]))
    mixed = Examples(shown.x[:, order], shown.labels[:, order])
    one, other = (EXACT.predict(taught(EXACT, part), asked.x, 60.0, generator(0, "a")) for part in (shown, mixed))
    assert torch.equal(one, other)


def test_pulses_are_counted_and_nothing_is_rewritten() -> None:
    state = taught(PCM, tasks(3, 2))
    prepared = PCM.prepare(base(), 0.0, generator(0, "p"))
    assert (PCM.cost(state) - PCM.cost(prepared)).counts["set_pulse"] > 0
    [step] = PCM.predict_each(state, tasks(3, 2).x, 60.0, generator(0, "ask"))
    assert (step.step, step.totals) == (1, {})
    assert PCM.query_cost(state).counts["core_product"] > sum(side * side for side in RECORD.sides)


def test_what_cannot_be_answered_is_refused() -> None:
    prepared, asked = EXACT.prepare(base(), 0.0, generator(0, "p")), tasks(3, 2)
    with pytest.raises(InsituError, match="no task is learned yet"):
        EXACT.predict(prepared, asked.x, 60.0, np.random.default_rng(0))
    with pytest.raises(InsituError, match="2 tasks were learned last; got queries of 3"):
        EXACT.predict(taught(EXACT, tasks(2, 2)), asked.x, 60.0, np.random.default_rng(0))
    with pytest.raises(InsituError, match="task 0 has no example of way 0"):
        taught(EXACT, replace(asked, labels=torch.full_like(asked.labels, 1)))
