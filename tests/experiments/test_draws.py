"""What differs between the seeds of every experiment, and that there are seeds enough for an interval."""

from __future__ import annotations

from dataclasses import replace

import pytest

from insitu import catalog, run
from insitu.devices.ideal import Ideal
from insitu.experiments import Experiment, draws
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.nearest_mean import NearestMean
from insitu.metrics import REDRAWN, redrawn
from insitu.report.intervals import FEWEST
from insitu.scenarios import few_shot_sessions
from insitu.scenarios.few_shot_sessions import FewShotSessions
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital
from numbered import numbered

EXPERIMENTS: dict[str, Experiment] = {part.name: catalog.load(part) for part in catalog.parts("experiments")}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_published_rows_have_seeds_enough(name: str) -> None:
    experiment = EXPERIMENTS[name]
    assert experiment.seeds >= FEWEST
    assert draws.over(experiment)["learner"], "a learner that nothing differs for has no interval"
    if draws.holds_devices(experiment.learner):
        assert experiment.seeds >= 10
    if draws.redrawn(experiment):
        assert experiment.seeds * draws.DRAWS >= 20


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_chips_are_told_from_what_else_seeds_draw(name: str) -> None:
    experiment = EXPERIMENTS[name]
    device = draws.over(experiment)["learner"]
    if name.startswith("vorabbi"):
        assert device == "stream orders"
    elif name == "vu2025-keywords":
        assert device == "choices of words"
    elif name == "denblanken2025-omniglot":
        assert device == "chips with their own streams"
    elif name == "karunaratne2021-omniglot":
        assert device == "chips with their own sets of tasks"
    elif name == "own-folder":
        assert device == "chips with their own draws"
    elif name == "ortner2025-arm":
        assert device == "chips with their own sets of movements"
    else:
        assert device == "chips"


def test_every_arm_has_its_words() -> None:
    over = draws.over(EXPERIMENTS["ortner2025-omniglot"])
    assert over["baseline"] == over["software, 4 bits"] == over["memory in software"] == "tasks"
    assert over["learner"] == over["PCM, 4 bits"] == over["memory on PCM"] == "chips"
    swept = draws.over(EXPERIMENTS["vorabbi2023-cifar10-nc"])
    assert swept["forward_bits=2 update_bits=4"] == "stream orders"
    memory = EXPERIMENTS["karunaratne2022-miniimagenet"]
    over = draws.over(replace(memory, variants=()))
    assert over == {"baseline": "", "learner": "chips", REDRAWN: "support draws"}
    own = replace(memory, variants=(), scenario=replace(memory.scenario, supports="redrawn"))
    assert draws.over(own) == {"baseline": "support draws", "learner": "chips with their own support draws"}


def test_devices_are_found_however_deep() -> None:
    assert draws.holds_devices(ExplicitMemory(Crossbar(Ideal())))
    assert not draws.holds_devices(ExplicitMemory(Digital()))
    assert not draws.holds_devices(NearestMean())


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Experiment:
    monkeypatch.setattr(few_shot_sessions, "load", lambda *_: numbered())
    same = NearestMean(projection="identity")
    return Experiment(paper="none", scenario=FewShotSessions(shots=3), learner=same, baseline=same)


def test_every_seed_redraws_support_sets_of_its_own(small: Experiment) -> None:
    rows = [row for seed in range(3) for row in run.rows(small, seed)]
    drawn = redrawn(rows)
    assert sorted({row["seed"] for row in drawn}) == list(range(3 * draws.DRAWS))
    assert {row["arm"] for row in drawn} == {"baseline"}
    for draw in range(3 * draws.DRAWS):
        own = replace(small, scenario=replace(small.scenario, supports="redrawn"))
        wanted = [row for row in run.rows(own, draw) if row["arm"] == "baseline"]
        got = [row for row in drawn if row["seed"] == draw]
        assert [row["overall"] for row in got] == [row["overall"] for row in wanted]


def test_the_rows_of_the_list_are_as_without_draws(small: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row for row in run.rows(small, 1) if row["arm"] != REDRAWN]
    monkeypatch.setattr(draws, "DRAWS", 0)
    assert rows == list(run.rows(small, 1))


def test_a_baseline_with_devices_or_draws_of_its_own_is_not_run_again(small: Experiment) -> None:
    assert draws.redrawn(small) == replace(small.scenario, supports="redrawn")
    assert draws.redrawn(replace(small, scenario=replace(small.scenario, supports="redrawn"))) is None
    assert draws.redrawn(replace(small, baseline=ExplicitMemory())) is None
