"""Whatever parts and values a user names for a run: it can start, or is refused in one line before anything runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from insitu import catalog
from insitu.backbones import trained
from insitu.cli import flags
from insitu.cli.main import main
from insitu.core import InsituError
from insitu.experiments import Experiment, fit
from insitu.learners import Learner
from insitu.report import seed_cache
from insitu.scenarios.own_folder import NEEDED

STARTED = 130  # where computing would begin, these tests press Ctrl-C
EXPERIMENTS = [part.name for part in catalog.parts("experiments")]
LEARNERS = [part.name for part in catalog.parts("learners")]
SCENARIOS = [part.name for part in catalog.parts("scenarios")]
DATA_SETS = [part.name for part in catalog.parts("data")]
CARDS = {file.stem: json.loads(file.read_text()) for file in sorted(trained.FOLDER.glob("*.json"))}
# one of each architecture and data set
BACKBONES = [*{(card["architecture"], card["data"].partition(":")[0]): name for name, card in CARDS.items()}.values()]
WRONG: dict[type, list[str]] = {
    int: ["-1", "0", "1", "7", "x"],
    float: ["-1", "0", "nan", "inf", "x"],
    bool: [],
    str: [*DATA_SETS, *BACKBONES, "", "nonsense", "../up", "CIFAR10"],
    Path: ["nowhere", ".", ""],
}


@pytest.fixture
def outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Call the command line up to where computing begins; return the exit code and what it says."""

    def stop(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(seed_cache.Store, "open", stop)
    monkeypatch.setenv("INSITU_DATA", str(tmp_path / "no data"))
    monkeypatch.setenv("INSITU_CACHE", str(tmp_path / "cache"))

    def call(*words: str) -> tuple[int, str]:
        code = main(["run", *words, "--out", str(tmp_path / "out")])
        return code, capsys.readouterr().err

    return call


def quick(name: str) -> Experiment:
    import importlib

    part = catalog.find(name, "experiments")
    held: Experiment = getattr(importlib.import_module(part.module), "QUICK", catalog.load(part))
    return held


def choices(kind: Any) -> list[str]:
    """Return values to try for a field of this type: all that it offers, or numbers and names that may be wrong."""
    if get_origin(kind) is Literal:
        return [str(each) for each in get_args(kind)]
    kinds = [each for each in get_args(kind) or (kind,) if each in WRONG]
    return [value for each in kinds for value in WRONG[each]]


def accepted(code: int, said: str, words: tuple[str, ...]) -> None:
    assert code in (STARTED, 1, 2), f"{words}: {code} {said}"  # 1: a file that cannot be read
    assert said.count("\n") == 1, f"{words}: {said}"


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("learner", LEARNERS)
def test_every_learner_fits_every_scenario_or_is_refused_with_those_that_fit(
    learner: str, scenario: str, outcome: Any
) -> None:
    words = ("karunaratne2022-miniimagenet", "--scenario", scenario, "--learner", learner, "--baseline", learner)
    code, said = outcome(*words)
    accepted(code, said, words)
    fitting = fit.learners(catalog.load(catalog.find(scenario, "scenarios"))(), "package")
    # none of its data comes with the package, or it is a folder of the user
    without_data = "use --data images" in said or NEEDED in said
    assert (code == STARTED or without_data) == (learner in fitting), said
    if code == 2 and not without_data:
        assert f"learners that fit {scenario} are {', '.join(fitting)}" in said


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_has_learners(scenario: str) -> None:
    record = catalog.load(catalog.find(scenario, "scenarios"))()
    assert fit.learners(record, "package")


@pytest.mark.parametrize("learner", LEARNERS)
def test_every_learner_has_scenarios(learner: str) -> None:
    kind: type[Learner] = catalog.load(catalog.find(learner, "learners"))
    given = {
        (scenario.protocol, scenario.inputs(data))
        for name in SCENARIOS
        for scenario in _all(catalog.load(catalog.find(name, "scenarios"))())
        for data in ("package", "images")
    }
    for protocol in kind.protocols:
        assert any(each is protocol and kind.learns(protocol, inputs) for each, inputs in given)


def _all(scenario: Any) -> Iterator[Any]:
    """Yield the scenario in all that its fields of a few values let it be."""
    yield scenario
    for name, kind in get_type_hints(type(scenario)).items():
        for value in get_args(kind) if get_origin(kind) is Literal else ():
            try:
                yield replace(scenario, **{name: value})
            except InsituError:  # such as batches of CORe50 for another data set
                continue


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_help_offers_parts_of_the_protocol_alone(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", name, "--help"])
    said, record = capsys.readouterr().out, catalog.load(catalog.find(name, "experiments"))
    fitting = set(fit.learners(record.scenario, record.data))
    for slot in ("learner", "baseline"):
        offered = re.search(rf"^ *--{slot} (\S+(?: \| \S+)+)$", said, re.MULTILINE)
        assert set(offered[1].split(" | ") if offered else fitting) == fitting
        assert bool(offered) == (len(fitting) > 1)
    scenarios = re.search(r"^ *--scenario (\S+(?: \| \S+)+)$", said, re.MULTILINE)
    part = catalog.part_of(type(record.scenario))
    assert part
    alike = {part.name, *fit.scenarios(record.learner, record.data, record.scenario.protocol)}
    protocols = {catalog.load(catalog.find(each, "scenarios")).protocol.name for each in alike}
    assert protocols == {record.scenario.protocol.name}
    assert set(scenarios[1].split(" | ") if scenarios else alike) == alike
    assert bool(scenarios) == (len(alike) > 1)


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_takes_every_scenario_or_refuses_it(name: str, scenario: str, outcome: Any) -> None:
    words = (name, "--scenario", scenario)
    accepted(*outcome(*words), words)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_choice_of_a_scenarios_field_runs_or_is_refused(name: str, outcome: Any) -> None:
    record = quick(name)
    quickly = ["--quick"] if record is not catalog.load(catalog.find(name, "experiments")) else []
    # numbers are the same fields in every experiment of a scenario: one of them tries them all
    first = next(each for each in EXPERIMENTS if type(quick(each).scenario) is type(record.scenario))
    for flag in flags.flags(record.scenario):
        if name != first and flag.kind is not str and get_origin(flag.kind) is not Literal:
            continue
        for value in choices(flag.kind):
            words = (name, *quickly, f"--scenario.{flag.name}", value)
            accepted(*outcome(*words), words)
            if flag.kind is str:
                accepted(*outcome(*words, "--data", "images"), words)
