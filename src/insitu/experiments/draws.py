"""What differs between the seeds of an experiment, for each arm, so that an interval can say over what it is taken."""

from __future__ import annotations

import dataclasses

from insitu.devices import Device
from insitu.experiments import Experiment
from insitu.learners import Learner
from insitu.metrics import REDRAWN
from insitu.scenarios import Scenario

DRAWS = 2  # support sets that each seed draws, on which a baseline without devices is run again
CHIPS, TASKS = "chips", "tasks"


def holds_devices(record: object) -> bool:
    """Return whether a record, or one within it, is a device, so that every seed has a chip of its own."""
    if isinstance(record, Device):
        return True
    if not dataclasses.is_dataclass(record):
        return False
    return any(holds_devices(getattr(record, field.name)) for field in dataclasses.fields(record))


def redrawn(experiment: Experiment) -> Scenario | None:
    """Return the scenario with drawn support sets, where the baseline has neither chips nor draws of its own."""
    alone = experiment.combined or holds_devices(experiment.baseline)  # a combination is one arm among many
    return None if alone else experiment.scenario.redrawn()


def over(experiment: Experiment) -> dict[str, str]:
    """Return, in the plural, what differs between seeds for every arm: 'chips', 'stream orders'; '' for nothing.

    ``redrawn`` is the baseline on redrawn support sets. For an arm without devices whose tasks are those of all seeds,
    it is the tasks.
    """
    scenario = experiment.scenario
    held = {
        "baseline": _over(experiment.baseline, scenario, experiment.data),
        "learner": _over(experiment.learner, scenario, experiment.data),
    }
    if again := redrawn(experiment):
        held[REDRAWN] = again.drawn(experiment.data)
    for variant in experiment.variants:
        held[variant.name] = _over(variant.learner, variant.scenario(scenario), experiment.data)
    for label, learner in experiment.sweep_points():
        held[label] = _over(learner, scenario, experiment.data)
    return held


def fixed(experiment: Experiment) -> list[str]:
    """Return the arms that are alike for all seeds, without devices and draws of their own: each is run once."""
    return [arm for arm, what in over(experiment).items() if what in ("", TASKS)]


def _over(learner: Learner, scenario: Scenario, data: str) -> str:
    drawn = scenario.drawn(data)
    if holds_devices(learner):
        return f"{CHIPS} with their own {drawn}" if drawn else CHIPS
    return drawn or ("" if scenario.protocol.continues else TASKS)
