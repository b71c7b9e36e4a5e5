"""The flags of an experiment: each of its fields, for running it and for sweeping over its fields."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from typing import Any

from insitu import catalog
from insitu.cli import flags, shared_flags
from insitu.core import InsituError
from insitu.experiments import Experiment, fit
from insitu.report import composition


@dataclass(frozen=True)
class Parsed:
    """The experiment of the file, the one that flags have changed, the changes, and the values of other flags."""

    original: Experiment
    experiment: Experiment
    changes: list[dict[str, Any]]
    extras: dict[str, Any]
    left_out: dict[str, str]  # variants that cannot be made with the changes, and why


def parse(part: catalog.Part, args: list[str], command: str, **more: flags.Extra) -> Parsed:
    """Return what ``args`` make of an experiment; ``more`` are flags of the ``command`` itself.

    Raises ``InsituError`` for flags that are unknown or do not fit, before anything is computed.
    """
    quick = any(word in ("--quick", "--quick=True") for word in args)
    original = catalog.load(part)
    if quick:
        original = getattr(importlib.import_module(part.module), "QUICK", None)
        if original is None:
            raise InsituError(f"{part.name} has no quick variant; leave --quick away, or give fewer --seeds")
    try:
        experiment, extras = flags.parse(
            original,
            args,
            prog=f"insitu {command} {part.name}",
            title=part.summary,
            hidden=composition.DESCRIPTION | {"sweep", "variants"},
            fitting=_fitting,
            quick=flags.Extra(bool, False, "run the smaller variant, to check that everything works"),
            **more,
        )
    except InsituError as error:
        raise _pointing_to_sweep(error, part, args) from error
    if not extras.get("sweep", True):
        experiment = replace(experiment, sweep=())
    if experiment.scenario.protocol is not original.scenario.protocol:
        experiment = replace(experiment, variants=())  # whose learners follow the experiment's own protocol
    if experiment.seeds < 1:
        raise InsituError(f"--seeds is at least 1; got {experiment.seeds}")
    experiment, notes = shared_flags.reach(original, experiment)
    fit.check(experiment)
    changes = shared_flags.annotated(composition.changes(_shape(original), _shape(experiment)), notes)
    left_out = {name: note.impossible for name, note in notes.items() if note.impossible}
    return Parsed(original, experiment, changes, extras, left_out)


def _pointing_to_sweep(error: InsituError, part: catalog.Part, args: list[str]) -> InsituError:
    """Return the error, with the command that sweeps where a flag has several values instead of one."""
    if str(error).endswith("--help'"):  # what is no flag cannot be grouped
        return error
    for group in flags.groups(args, ""):
        if len(group.values) > 1 and str(error).startswith(f"--{group.name} takes "):
            grid = f"{group.name}={','.join(group.values)}"
            return InsituError(f"{error}; 'insitu sweep {part.name} --grid {grid}' runs it with each of several values")
    return error


def _fitting(experiment: Experiment) -> dict[str, list[str]]:
    """Return the parts that help offers: those that fit the protocol of the others."""
    learners = fit.learners(experiment.scenario, experiment.data)
    scenarios = fit.scenarios(experiment.learner, experiment.data, experiment.scenario.protocol)
    return {"learner": learners, "baseline": learners, "scenario": scenarios}


def _shape(experiment: Experiment) -> dict[str, Any]:
    return composition.composition(experiment, composition.DESCRIPTION | {"seeds", "sweep", "variants"})
