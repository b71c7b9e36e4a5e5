"""Refreshes: due times, what they write, and what is counted of those that are not simulated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import patterned
from blobs import base, draw, shots
from insitu.core import InsituError, generator
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.maml import Maml
from insitu.learners.refreshed_maml import RefreshedMaml
from insitu.learners.refreshed_memory import RefreshedMemory
from insitu.substrates.crossbar import Crossbar

HOUR_S = 3600.0
LEARNER = RefreshedMemory(ExplicitMemory(Crossbar(pairs=1), dim=32), HOUR_S)


def taught(learner: RefreshedMemory = LEARNER) -> Any:
    rng = generator(0, "learner")
    return learner.learn(learner.prepare(base(), 0.0, rng), shots([8, 9]), 10.0, rng)


def written_s(state: Any) -> np.ndarray:
    return np.concatenate([tile.cells.programmed_s.ravel() for tile in state.memory.held.tiles])


def test_nothing_is_written_before_it_is_due_and_cells_are_as_old_as_the_last_refresh() -> None:
    state = taught()
    assert LEARNER.upkeep(state, HOUR_S - 1, generator(0, "up")) is state
    later = LEARNER.upkeep(state, 7.5 * HOUR_S, generator(0, "up"))
    assert set(written_s(later)) == {7 * HOUR_S}
    assert set(written_s(state)) <= {0.0, 10.0}
    assert LEARNER.upkeep(later, 7.9 * HOUR_S, generator(0, "up")) is later


@pytest.mark.parametrize("support", ["magnitude", "program"])
def test_refreshes_that_are_not_simulated_are_counted_like_those_that_are(support: Any) -> None:
    learner = replace(LEARNER, memory=replace(LEARNER.memory, support=support))
    one_by_one = taught(learner)
    for hour in range(1, 6):
        one_by_one = learner.upkeep(one_by_one, hour * HOUR_S, generator(hour, "up"))
    at_once = learner.upkeep(taught(learner), 5 * HOUR_S, generator(5, "up"))
    assert learner.cost(at_once) == learner.cost(one_by_one)
    assert learner.wear(at_once) == learner.wear(one_by_one)
    assert learner.wear(at_once)["resets"] >= 5


def test_a_refresh_keeps_classes_and_undoes_drift() -> None:
    state, asked = taught(), draw([*range(10)] * 20, spread=0.5)
    decade_s = 10 * 365 * 86_400.0
    fresh = LEARNER.upkeep(state, decade_s, generator(0, "up"))
    guess = LEARNER.predict(fresh, asked.x, decade_s, generator(0, "ask"))
    assert (guess == asked.labels).float().mean() > 0.9
    columns = list(range(10))
    memory = LEARNER.memory.substrate
    assert isinstance(memory, Crossbar)
    drifted, young = (memory.conductances_us(each.memory.held, columns, decade_s).sum() for each in (state, fresh))
    assert young > 1.2 * drifted


def test_what_is_due_is_written_before_more_is_learned() -> None:
    learned = LEARNER.learn(taught(), shots([20]), 2.5 * HOUR_S, generator(0, "more"))
    assert set(written_s(learned)) == {2 * HOUR_S, 2.5 * HOUR_S}
    assert learned.refreshes == 2


def test_a_network_that_is_written_again_counts_every_write() -> None:
    learner = RefreshedMaml(Maml(), HOUR_S)
    state = learner.prepare(patterned.base(), 0.0, generator(0, "learner"))
    once = learner.cost(state).counts
    assert learner.upkeep(state, HOUR_S - 1, generator(0, "up")) is state
    later = learner.upkeep(learner.upkeep(state, HOUR_S, generator(0, "up")), 4.2 * HOUR_S, generator(1, "up"))
    assert later.prepared_s == 4 * HOUR_S
    assert learner.cost(later).counts == {name: 5 * count for name, count in once.items()}
    assert learner.wear(later)["resets"] == 5
    tasks = patterned.tasks(2, 5, seed=1)
    learned = learner.learn(later, tasks, 4.3 * HOUR_S, generator(0, "learn"))
    assert learned.writes == 5
    assert torch.equal(
        learner.predict(learned, tasks.x, 4.4 * HOUR_S, generator(0, "ask")),
        learner.maml.predict(learned, tasks.x, 4.4 * HOUR_S, generator(0, "ask")),
    )


@pytest.mark.parametrize("every_s", [0.0, -1.0, float("inf"), float("nan")])
def test_impossible_intervals_are_refused(every_s: float) -> None:
    with pytest.raises(InsituError, match="every_s"):
        RefreshedMemory(every_s=every_s)
    with pytest.raises(InsituError, match="every_s"):
        RefreshedMaml(every_s=every_s)
