"""Whether the parts of an experiment go together: found out before anything is computed, and said with what would."""

from __future__ import annotations

from insitu import catalog
from insitu.core import InsituError
from insitu.experiments import Experiment
from insitu.learners import Learner
from insitu.scenarios import Scenario


def check(experiment: Experiment) -> None:
    """Raise ``InsituError`` where a scenario has no such data, or a learner cannot learn what a scenario gives."""
    given, data = experiment.scenario, experiment.data
    pairs = [("learner", experiment.learner, given), ("baseline", experiment.baseline, given)]
    pairs += [(repr(arm.name), arm.learner, arm.scenario(given)) for arm in experiment.variants]
    pairs += [(label, learner, given) for label, learner in experiment.sweep_points()]
    for name, learner, scenario in pairs:
        scenario.check(data)
        protocol = scenario.session_kind(data)
        try:
            learner.check(protocol)
        except InsituError as error:
            raise InsituError(f"{name}: {error}{_others(learner, scenario, data)}") from error


def fitting(scenario: Scenario, data: str) -> list[str]:
    """Return the names of the learners that can learn what ``scenario`` gives."""
    protocol = scenario.session_kind(data)
    known = {part.name: catalog.load(part).protocols for part in catalog.parts("learners")}
    return [name for name, protocols in known.items() if not (protocol and protocols) or protocol in protocols]


def _others(learner: Learner, scenario: Scenario, data: str) -> str:
    """Return which learners fit as a half-sentence; '' where the fault is another."""
    if not learner.protocols or scenario.session_kind(data) in learner.protocols:
        return ""
    part = catalog.part_of(type(scenario))
    where = part.name if part else type(scenario).__name__
    return f"; learners that fit {where} are {', '.join(fitting(scenario, data)) or 'not there yet'}"
