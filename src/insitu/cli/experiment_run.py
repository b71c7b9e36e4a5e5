"""Run the seeds of an experiment, show the report and write it: shared by the commands that run experiments."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from insitu.core import write_whole
from insitu.experiments import Experiment


def run(experiment: Experiment, about: dict[str, Any], given: Path | None, sweeps: bool = False) -> int:
    """Run what is not finished yet, and write the report into the folder ``given`` or the one the run is known by.

    ``about`` holds the experiment's name and title, whether it is the quick variant, and the fields that were changed.
    """
    from rich.console import Console

    from insitu import run
    from insitu.cli import progress
    from insitu.report import (
        composition,
        document,
        environment,
        html_page,
        run_folders,
        sample,
        sections,
        seed_cache,
        terminal,
    )
    from insitu.report.table import Animation

    data = experiment.scenario.describe(experiment.data)
    about = about | {"data": data, "inputs": composition.inputs(experiment)}
    identity = run_folders.Identity.of(about | {"sweep": experiment.sweep})
    name = identity.name(sweeps=sweeps)
    home, out = run_folders.place(given or Path("runs") / name, identity, name, experiment.seeds)
    store = seed_cache.Store.open(home, composition.key(experiment, data))
    started = datetime.datetime.now(datetime.UTC)
    with progress.watcher(about["experiment"], experiment, Console(stderr=True)) as watcher:
        done, reused = seed_cache.compute(experiment, store, run.rows, watcher)
    rows = [row for seed in done for row in seed.rows]
    about |= {
        "versions": environment.versions(),
        "machine": environment.machine(),
        "started": started.isoformat(timespec="seconds"),
        "seeds": [seed.number for seed in done],
        "seconds": round(sum(seed.seconds for seed in done), 1),
    }
    made = document.build(about, sample.Sample.of(rows, experiment), experiment)
    console = terminal.console()
    terminal.show(made, console)
    document.save(made, out / "report.json")
    for moving in (block for block in sections.blocks(made) if isinstance(block, Animation)):
        gif = moving.gif()
        write_whole(out / f"{moving.name}.gif", lambda file: file.write_bytes(gif))  # noqa: B023  # called at once
    html_page.save(made, out / "report.html")
    if reused:
        console.print(f"\n{reused} of {experiment.seeds} seeds were found finished in {home} and not computed again")
    # plain prints: a path is one word that can be copied, whatever the width of the terminal
    print(f"\nreport  {out / 'report.html'}\ndata    {out / 'report.json'}")
    return 0


def draw_first_sessions(experiment: Experiment) -> None:
    """Draw every arm's first session, so that numbers which do not fit the data are refused before any computing."""
    scenarios = [experiment.scenario, *(variant.scenario(experiment.scenario) for variant in experiment.variants)]
    for place, scenario in enumerate(scenarios):
        if scenario not in scenarios[:place]:
            next(iter(scenario.sessions(experiment.data, 0)), None)
