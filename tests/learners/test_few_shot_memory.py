"""The memory of few-shot tasks: nearest means of each task's own classes, and no class of the base or another task."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from blobs import FEATURES, base, tasks
from insitu.core import InsituError, generator
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.few_shot_memory import FewShotMemory, State
from insitu.protocols import Examples
from insitu.substrates.digital import Digital

EXACT = FewShotMemory(ExplicitMemory(Digital(), dim=64, support="program", calibrate=False, correction=0.0))


def learned(given: Examples, learner: FewShotMemory = EXACT) -> State:
    rng = generator(0, "learner")
    return learner.learn(learner.prepare(base(), 0.0, rng), given, 60.0, rng)


def test_in_software_it_is_the_nearest_mean_of_the_own_task() -> None:
    given, queries = tasks(4, 2), tasks(4, 5, seed=3)
    # tasks of one way each hold the same classes: only the own task tells them apart
    state = learned(given)
    vectors, z = (
        state.memory.projection.vectors(part.x.flatten(0, 1)).unflatten(0, (4, -1)) for part in (given, queries)
    )
    means = torch.stack([vectors[given.labels == way].view(4, 2, -1).mean(1) for way in range(3)], 1)
    expected = (z @ torch.nn.functional.normalize(means, dim=-1).transpose(1, 2)).argmax(-1)
    assert torch.equal(EXACT.predict(state, queries.x, 60.0, generator(0, "query")), expected)


def test_it_holds_the_classes_of_its_tasks_alone() -> None:
    assert len(learned(tasks(4, 2)).memory.labels) == 4 * 3
    assert not len(EXACT.prepare(base(), 0.0, generator(0, "learner")).memory.labels)


def test_a_query_costs_the_columns_of_one_task() -> None:
    pcm = FewShotMemory()
    costs = [pcm.query_cost(learned(tasks(count, 2, ways=ways), pcm)) for count, ways in ((1, 3), (4, 3), (4, 9))]
    conversions = [cost.counts["adc_conversion"] for cost in costs]
    assert conversions[0] == conversions[1] < conversions[2]


def test_what_cannot_be_learned_is_refused() -> None:
    given = tasks(2, 2)
    for x, says in ((given.x[0], "reshape it"), (given.x[..., 1:], f"n, {FEATURES}"), (given.x * torch.nan, "NaN")):
        with pytest.raises(InsituError, match=says):
            learned(replace(given, x=x))
    with pytest.raises(InsituError, match="task 0 has no example of way 0"):
        learned(replace(given, labels=torch.full_like(given.labels, 1)))
