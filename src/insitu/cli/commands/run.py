"""Run an experiment: all its seeds, a table, the claims with verdicts, and a report as JSON and HTML.

usage: insitu run NAME [--quick] [--seeds N] [--data package|images] [--device NAME] [--out DIR] [--ANY.FIELD VALUE ...]

Every field of the experiment is a flag: 'insitu run NAME --help' lists them with their defaults. A part is swapped by
its name (--learner.substrate.device pcm-joshi2020). Results go to DIR (default: runs/NAME, and runs/NAME-CHANGES where
fields were changed), and no report replaces that of another composition. Finished seeds, and finished arms of a seed,
are kept there and not computed again: the same command continues where it was stopped.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from insitu import catalog, compute_device
from insitu.core import InsituError

if TYPE_CHECKING:
    from insitu.cli import flags


def main(args: list[str]) -> int:
    """Run the experiment named first; the rest are its flags."""
    names = ", ".join(part.name for part in catalog.parts("experiments"))
    if not args or args[0].startswith("-"):
        raise InsituError(f"run takes the name of an experiment first: {names or 'there is none yet'}")
    part = catalog.find(args[0], "experiments")
    from insitu.cli import experiment_flags, experiment_run, item_progress, static_source
    from insitu.encoders import own_items

    with item_progress.shown("encoding") as encoded, own_items.watched(encoded):
        parsed = experiment_flags.parse(part, args[1:], "run", **_flags(part))
        compute_device.choose(parsed.extras["device"])
        experiment_run.draw_first_sessions(parsed.experiment)
    for name, reason in parsed.left_out.items():
        print(f"insitu: {name!r} is left out: {reason}", file=sys.stderr)
    about = {
        "experiment": part.name,
        "title": static_source.docstring(part).partition("\n")[0],
        "quick": parsed.extras["quick"],
        "changes": parsed.changes,
    }
    return experiment_run.run(parsed.experiment, about, parsed.extras["out"], sweeps=bool(parsed.original.sweep))


def _flags(part: catalog.Part) -> dict[str, flags.Extra]:
    """Return the flags of the command itself."""
    from insitu.cli import flags

    own = {
        "device": flags.Extra(str, compute_device.name(), "device for encoders and products: cpu, cuda or cuda:N"),
        "out": flags.Extra(Path | None, None, "folder of the results; by default runs/NAME with the changed fields"),
    }
    if swept := catalog.load(part).sweep:
        names = " and ".join(name for name, _ in swept)
        own["sweep"] = flags.Extra(bool, True, f"run the sweep over {names}, too")
    return own
