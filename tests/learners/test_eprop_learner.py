"""One update from one showing: the same for a seed, on the grid, in the cells it changes, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from insitu.backbones.spiking import NAMES
from insitu.core import InsituError, generator
from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.learners import eprop
from insitu.learners.eprop import Eprop, State
from insitu.protocols import Examples
from insitu.protocols.trajectories import ArmBase
from insitu.substrates.analog.delta_crossbar import Deltas
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital
from moving import EXACT, PCM, RATE, RECORD, ROUNDED, SCENARIO, SOFTWARE, STEPS, networks  # noqa: F401

LEARNERS = {"software": SOFTWARE, "rounded": ROUNDED, "PCM": PCM, "exact": EXACT}
every = pytest.mark.parametrize("learner", LEARNERS.values(), ids=LEARNERS)
DAY_S = 86400.0


@cache
def base() -> ArmBase:
    return SCENARIO.base("package")


@cache
def shown() -> Examples:
    train = list(SCENARIO.sessions("package", 0))[1].train
    assert train is not None
    return train


ASKED = torch.zeros(3, STEPS, 0)


def taught(learner: Eprop, now_s: float = 60.0, given: Examples | None = None) -> State:
    state = learner.prepare(base(), 0.0, generator(0, "device"))
    return learner.learn(state, given or shown(), now_s, generator(0, "learn"))


def asked(learner: Eprop, state: State, now_s: float = 60.0) -> list[Tensor]:
    return [step.answers for step in learner.predict_each(state, ASKED, now_s, generator(0, "ask"))]


def totals(learner: Eprop, state: State) -> list[dict[str, float]]:
    """Return the totals before and after the update."""
    return [dict(step.totals) for step in learner.predict_each(state, ASKED, 60.0, generator(0, "ask"))]


def targets(state: State) -> Tensor:
    """Return the matrices (n, in, out) that were aimed at."""
    if isinstance(state.after, Tensor):
        return state.after
    assert isinstance(state.after, Deltas)
    matrix, sign, row, column = map(torch.from_numpy, state.after.where)
    found = state.after.base.weights.expand(state.after.count, -1, -1).clone()
    cells = torch.from_numpy(state.after.cells.conductance_us.sum(0)) / 16.0
    found[matrix, row, column] = 0
    return found.index_put((matrix, row, column), (1 - 2 * sign) * cells, accumulate=True)


@every
def test_equal_seeds_give_equal_answers_and_asking_changes_nothing(learner: Eprop) -> None:
    state = taught(learner)
    first = asked(learner, state)
    learner.predict(state, ASKED, DAY_S, generator(1, "ask"))
    learner.traces(state, 1, DAY_S, generator(1, "traces"))
    again = asked(learner, state)
    anew = asked(learner, taught(learner))
    for one, two, three in zip(first, again, anew, strict=True):
        assert one.shape == (3, STEPS, 2)
        assert torch.equal(one, two)
        assert torch.equal(one, three)


@every
def test_an_update_makes_movements_of_its_own(learner: Eprop) -> None:
    before, after = asked(learner, taught(learner))
    assert not torch.equal(before, after)
    assert len({tuple(movement.flatten().tolist()) for movement in after}) == 3


def test_an_exact_crossbar_without_rounding_is_software() -> None:
    soft, hard = taught(SOFTWARE), taught(EXACT)
    assert torch.allclose(targets(soft).clamp(-1, 1), targets(hard), atol=1e-6)
    for one, two in zip(asked(SOFTWARE, soft), asked(EXACT, hard), strict=True):
        assert torch.allclose(one, two, atol=1e-4)


def test_the_update_is_that_of_the_kernel() -> None:
    state = taught(SOFTWARE)
    trainee, generator_ = state.networks.trainee, state.networks.signal_generator
    run = RECORD.move(trainee, STEPS, spikes=True)
    changes = torch.cat(RECORD.increments(run, RECORD.signals(generator_, shown().x).readout, RATE), 1)
    assert torch.allclose(targets(state) - state.networks.matrix, changes, atol=1e-6)
    on_grid = (targets(taught(ROUNDED)) - state.networks.matrix) * 16
    inside = targets(taught(ROUNDED)).abs() < 1
    assert torch.allclose(on_grid[inside], (changes * 16).round()[inside], atol=1e-4)
    assert on_grid[inside].round().unique().numel() > 2


def test_only_cells_whose_target_changed_are_written_and_all_others_stay() -> None:
    state = taught(PCM)
    held = state.after
    assert isinstance(held, Deltas)
    matrix, _, row, column = held.where
    touched = np.zeros((held.count, *held.base.weights.shape), bool)
    touched[matrix, row, column] = True
    assert 0 < touched.mean() < 0.5
    for now_s in (60.0, DAY_S):
        old, new = (PCM.substrate.pulse_rows(each, now_s) for each in (held.base, held))
        same = np.broadcast_to(old.mean, new.mean.shape) == new.mean
        assert same[~touched].all()
        assert not same[touched].all()
    assert totals(PCM, state)[1]["rewritten"] == held.rewritten == len(matrix)
    spent = PCM.cost(state) - PCM.cost(PCM.prepare(base(), 0.0, generator(0, "device")))
    assert spent.counts["reset_pulse"] == held.rewritten


def test_cells_of_an_update_are_as_young_as_the_update() -> None:
    plain = Crossbar(PcmHermes2022(), pairs=1)
    learner = replace(PCM, substrate=plain)
    held = taught(learner, now_s=DAY_S).after
    assert isinstance(held, Deltas)
    assert (held.cells.programmed_s == DAY_S).all()
    assert (held.base.cells.programmed_s == 0).all()


def test_movements_learned_together_are_those_learned_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = asked(ROUNDED, taught(ROUNDED))[1]
    monkeypatch.setattr(eprop, "BATCH", 2)
    assert torch.allclose(asked(ROUNDED, taught(ROUNDED))[1], whole, atol=1e-5)
    alone = Examples(shown().x[1:2], shown().labels[1:2])
    state = taught(ROUNDED, given=alone)
    assert torch.allclose(ROUNDED.predict(state, ASKED[:1], 60.0, generator(0, "a"))[0], whole[1], atol=1e-5)


@every
def test_labels_are_never_learned_from(learner: Eprop) -> None:
    other = Examples(shown().x, torch.zeros_like(shown().labels))
    assert torch.equal(asked(learner, taught(learner))[1], asked(learner, taught(learner, given=other))[1])


@every
def test_rates_and_changes_are_totals_over_the_movements(learner: Eprop) -> None:
    state = taught(learner)
    before, after = totals(learner, state)
    assert before.keys() == {"trainee_hz"}
    assert after.keys() - {"rewritten"} == {"trainee_hz", "teacher_hz", "changed"}
    assert 0 < after["changed"] / len(ASKED) <= 100
    traces = learner.traces(state, 2, 60.0, generator(0, "traces"))
    assert traces["signals"].shape == (STEPS, RECORD.trainee)
    for step in ("before", "after"):
        assert traces[step]["velocities"].shape == (STEPS, 2)
        assert set(np.unique(traces[step]["spikes"])) <= {0.0, 1.0}


def test_before_any_showing_all_movements_are_alike() -> None:
    state = SOFTWARE.prepare(base(), 0.0, generator(0, "device"))
    found = SOFTWARE.predict(state, torch.zeros(2, STEPS, 0), 1.0, generator(0, "ask"))
    assert torch.equal(found[0], found[1])


NAN = float("nan")


def wrong(**changes: Any) -> ArmBase:
    return replace(base(), **changes)


def without(name: str) -> dict[str, Tensor]:
    return {key: value for key, value in base().weights.items() if key != name}


def refused(call: Any, words: str) -> None:
    with pytest.raises(InsituError, match=words) as error:
        call()
    assert "\n" not in str(error.value)


def test_a_wrong_base_is_refused() -> None:
    rng = generator(0, "device")
    cases = {
        "not those of a trainee": wrong(card={}),
        "not those of a trainee .*neurons": wrong(card={"record": {"neurons": 3}}),
        f"{NAMES[1]} of the base is .* got nothing": wrong(weights=without(NAMES[1])),
        f"{NAMES[5]} of the base is .* got": wrong(weights=base().weights | {NAMES[5]: torch.zeros(2, 2)}),
        "NaN": wrong(weights=base().weights | {NAMES[0]: torch.full((5, 30), NAN)}),
    }
    for words, given in cases.items():
        refused(lambda given=given: SOFTWARE.prepare(given, 0.0, rng), words)  # type: ignore[misc]


@every
def test_wrong_movements_and_times_are_refused(learner: Eprop) -> None:
    rng, state = generator(0, "x"), learner.prepare(base(), 50.0, generator(0, "device"))
    refused(lambda: learner.learn(state, shown(), 40.0, rng), "time runs forward")
    refused(lambda: learner.learn(state, shown(), NAN, rng), "time runs forward")
    refused(lambda: learner.predict_each(state, ASKED, 60.0, rng), "learn some first")
    refused(lambda: learner.traces(state, 0, 60.0, rng), "learn some first")
    short = Examples(shown().x[:, :-1], shown().labels[:, :-1])
    refused(lambda: learner.learn(state, short, 60.0, rng), f"resample it to {STEPS}")
    fast = Examples(shown().x, shown().labels + 9)
    refused(lambda: learner.learn(state, fast, 60.0, rng), "slow it down")
    holes = Examples(shown().x * NAN, shown().labels)
    refused(lambda: learner.learn(state, holes, 60.0, rng), "NaN")
    known = learner.learn(state, shown(), 60.0, rng)
    refused(lambda: learner.predict(known, ASKED[:2], 60.0, rng), "3 movements were learned last")


def test_on_devices_time_runs_forward_for_what_is_asked() -> None:
    refused(lambda: asked(PCM, taught(PCM, now_s=60.0), now_s=59.0), "time runs forward")


def test_wrong_fields_are_refused() -> None:
    refused(lambda: Eprop(learning_rate=0.0), "learning_rate is above 0")
    refused(lambda: Eprop(learning_rate=NAN), "learning_rate is above 0")
    refused(lambda: Eprop(grid=-1), "grid 0 or more")


def test_an_update_that_is_not_finite_is_refused() -> None:
    learner = Eprop(Digital(), 1e38, grid=0)
    refused(lambda: taught(learner), "take a learning_rate below")
