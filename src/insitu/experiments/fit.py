"""Whether the parts of an experiment go together, before anything is computed, and which parts would."""

from __future__ import annotations

from collections.abc import Iterator

from insitu import catalog
from insitu.core import InsituError
from insitu.experiments import Experiment
from insitu.learners import Learner
from insitu.protocols import Protocol
from insitu.scenarios import Scenario


def check(experiment: Experiment) -> None:
    """Raise ``InsituError`` where a scenario has no such data, or a learner cannot learn what a scenario gives."""
    data = experiment.data
    for name, learner, scenario in _pairs(experiment):
        try:
            learner.check(scenario.protocol, scenario.inputs(data))
        except InsituError as error:
            raise InsituError(f"{name}: {error}{_alternatives(learner, scenario, data)}") from error
        scenario.check(data)


def _pairs(experiment: Experiment) -> Iterator[tuple[str, Learner, Scenario]]:
    # lazily: a learner that does not fit is refused before its fields are compared with those of the sweep
    given = experiment.scenario
    yield "learner", experiment.learner, given
    yield "baseline", experiment.baseline, given
    for variant in experiment.variants:
        yield repr(variant.name), variant.learner, variant.scenario(given)
    for label, learner in experiment.sweep_points():
        yield label, learner, given


def learners(scenario: Scenario, data: str) -> list[str]:
    """Return the names of the learners that can learn what ``scenario`` gives."""
    known = ((part.name, catalog.load(part)) for part in catalog.parts("learners"))
    return [name for name, kind in known if kind.learns(scenario.protocol, scenario.inputs(data))]


def scenarios(learner: Learner, data: str, protocol: Protocol) -> list[str]:
    """Return the names of the scenarios of ``protocol`` that give what ``learner`` can learn."""
    known = ((part.name, catalog.load(part)()) for part in catalog.parts("scenarios"))
    alike = ((name, scenario) for name, scenario in known if scenario.protocol is protocol)
    return [name for name, scenario in alike if learner.learns(protocol, scenario.inputs(data))]


def _alternatives(learner: Learner, scenario: Scenario, data: str) -> str:
    """Return which learners fit as a half-sentence; '' where the learner does and the fault is another."""
    if learner.learns(scenario.protocol, scenario.inputs(data)):
        return ""
    part = catalog.part_of(type(scenario))
    where = part.name if part else type(scenario).__name__
    return f"; learners that fit {where} are {', '.join(learners(scenario, data)) or 'not there yet'}"
