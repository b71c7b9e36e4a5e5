"""Run an experiment: all its seeds, a table, the claims with verdicts, and a report as JSON and HTML.

usage: insitu run NAME [--quick] [--seeds N] [--data package|images] [--device NAME] [--out DIR] [--ANY.FIELD VALUE ...]

Every field of the experiment is a flag: 'insitu run NAME --help' lists them with their defaults. A part is swapped by
its name (--learner.substrate.device pcm-joshi2020). Results go to DIR (default: runs/NAME, and runs/NAME-CHANGES where
fields were changed), and no report replaces that of another composition. Finished seeds, and finished arms of a seed,
are kept there and not computed again: the same command continues where it was stopped.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from insitu import catalog, compute_device
from insitu.core import InsituError

if TYPE_CHECKING:
    from insitu.experiments import Experiment


def main(args: list[str]) -> int:
    """Run the experiment named first; the rest are its flags."""
    names = ", ".join(part.name for part in catalog.parts("experiments"))
    if not args or args[0].startswith("-"):
        raise InsituError(f"run takes the name of an experiment first: {names or 'there is none yet'}")
    part = catalog.find(args[0], "experiments")
    from insitu.cli import experiment_run, item_progress, static_source
    from insitu.encoders import own_items

    quick = any(word in ("--quick", "--quick=True") for word in args[1:])
    with item_progress.shown("encoding") as encoded, own_items.watched(encoded):
        original, experiment, changes, given = _parse(part, quick, args[1:])
        experiment_run.draw_first_sessions(experiment)
    about = {
        "experiment": part.name,
        "title": static_source.docstring(part).partition("\n")[0],
        "quick": quick,
        "changes": changes,
    }
    return experiment_run.run(experiment, about, given, sweeps=bool(original.sweep))


def _parse(
    part: catalog.Part, quick: bool, args: list[str]
) -> tuple[Experiment, Experiment, list[dict[str, Any]], Path | None]:
    """Return the experiment of the file, the one that flags have changed, the changes, and the given folder."""
    import importlib

    from insitu.cli import flags, shared_flags
    from insitu.experiments import fit
    from insitu.report import composition

    original = catalog.load(part)
    if quick:
        original = getattr(importlib.import_module(part.module), "QUICK", None)
        if original is None:
            raise InsituError(f"{part.name} has no quick variant; leave --quick away, or give fewer --seeds")
    about: dict[str, flags.Extra] = {}
    if original.sweep:
        about["sweep"] = flags.Extra(
            bool, True, f"run the sweep over {' and '.join(name for name, _ in original.sweep)}, too"
        )
    folder = Path("runs") / (part.name + "-quick" * quick)
    experiment, extras = flags.parse(
        original,
        args,
        prog=f"insitu run {part.name}",
        title=part.summary,
        hidden=composition.DESCRIPTION | {"sweep", "variants"},
        fitting=_fitting,
        quick=flags.Extra(bool, False, "run the smaller variant, to check that everything works"),
        device=flags.Extra(str, compute_device.name(), "device for encoders and products: cpu, cuda or cuda:N"),
        out=flags.Extra(Path, folder, "folder of the results; the default names the changed fields, too"),
        **about,
    )
    compute_device.choose(extras["device"])
    if not extras.get("sweep", True):
        experiment = replace(experiment, sweep=())
    if experiment.scenario.protocol is not original.scenario.protocol:
        experiment = replace(experiment, variants=())  # whose learners follow the experiment's own protocol
    if experiment.seeds < 1:
        raise InsituError(f"--seeds is at least 1; got {experiment.seeds}")
    experiment, notes = shared_flags.reach(original, experiment)
    fit.check(experiment)
    changes = shared_flags.annotated(composition.changes(_shape(original), _shape(experiment)), notes)
    named = any(word.partition("=")[0] == "--out" for word in args)
    return original, experiment, changes, extras["out"] if named else None


def _fitting(experiment: Experiment) -> dict[str, list[str]]:
    """Return the parts that help offers: those that fit the protocol of the others."""
    from insitu.experiments import fit

    learners = fit.learners(experiment.scenario, experiment.data)
    scenarios = fit.scenarios(experiment.learner, experiment.data, experiment.scenario.protocol)
    return {"learner": learners, "baseline": learners, "scenario": scenarios}


def _shape(experiment: Experiment) -> dict[str, Any]:
    from insitu.report.composition import DESCRIPTION, composition

    return composition(experiment, DESCRIPTION | {"seeds", "sweep", "variants"})
