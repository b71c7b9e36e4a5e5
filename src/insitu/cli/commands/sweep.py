"""Run an experiment with every combination of values of some fields, in several processes or on a cluster.

usage: insitu sweep NAME --grid FIELD=V1,V2,... [FIELD=...] [--engine local|ray|slurm] [--ANY.FIELD VALUE ...]

Baseline and learner are computed at every point of the grid, a seed of a point at a time, by --workers processes of
this machine, by the Ray cluster at --address, or by jobs of Slurm (--slurm NAME=VALUE ... takes submitit's parameters).
Whatever the engine and the number of workers, the numbers are the same, bit for bit. Finished seeds are kept in DIR
(default: runs/NAME-sweep-FIELDS): the same command continues where it was stopped. A lost worker's seed is computed
again by another. Points that fail are listed at the end, and the exit code is then 1. DIR gets sweep.parquet (sweep.csv
where pyarrow is not installed) with all rows, sweep.json with what they are about, and a figure per field.
"""

from __future__ import annotations

import datetime
import math
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from insitu import catalog
from insitu.core import InsituError

if TYPE_CHECKING:
    from insitu.cli.sweep_grid import Composed, Point
    from insitu.cli.sweep_worker import Task
    from insitu.engines import Engine
    from insitu.report.seed_cache import Store

FAILED = 1  # exit code where some seeds have failed; the others are saved
SHOWN = 10  # failures that are printed
FIGURES = (".svg", ".png")


def main(args: list[str]) -> int:
    """Sweep the experiment named first; the rest are its flags."""
    if not args or args[0].startswith("-"):
        names = ", ".join(part.name for part in catalog.parts("experiments"))
        raise InsituError(f"sweep takes the name of an experiment first: {names or 'there is none yet'}")
    part = catalog.find(args[0], "experiments")
    from insitu.cli import sweep_grid

    grid, rest = sweep_grid.split(args[1:])
    if grid:  # before libraries are loaded and every point is composed, which takes a while
        print(f"{part.name}: {_announced(grid, rest)}", file=sys.stderr)
    from insitu.cli import experiment_flags, experiment_run, flags, item_progress, part_flags
    from insitu.encoders import own_items
    from insitu.report import formatting, seed_cache, sweep_table

    parsed = experiment_flags.parse(part, rest, sweep_grid.COMMAND, **_flags())
    if not grid:
        raise InsituError("sweep takes the fields that it varies: --grid FIELD=VALUE,VALUE,...")
    own = {part_flags.dash(name) for name in _flags()}
    rest = [token for group in flags.groups(rest, "") if group.name not in own for token in group.tokens]
    points = sweep_grid.points(part, grid, rest)
    with item_progress.shown("encoding") as encoded, own_items.watched(encoded):
        composed = [sweep_grid.compose(part, point, experiment_run.draw_first_sessions) for point in points]
    given, count = parsed.extras, parsed.experiment.seeds
    out = given["out"] or Path("runs") / _folder(part.name, parsed.extras["quick"], parsed.changes, grid)
    sweep_table.check(out, part.name)
    stores = [seed_cache.Store.open(out, each.key) for each in composed]
    engine = _engine(given, out.resolve())
    tasks = _tasks(part.name, points, stores, count, engine)
    size = f"{formatting.plural(len(points), 'point')}, {formatting.plural(count, 'seed')} each"
    print(f"{size}; {len(tasks)} to be computed in {out}", file=sys.stderr)
    failures = _compute(tasks, dict(zip((store.folder.name for store in stores), stores, strict=True)), engine)
    _save(part, out, [*zip(points, composed, stores, strict=True)], count, failures)
    for failure, times in list(Counter(failures).items())[:SHOWN]:
        print(f"insitu: failed: {failure}{f' ({times} times)' if times > 1 else ''}", file=sys.stderr)
    if failures:
        print(
            f"insitu: {len(failures)} seeds failed, and the others are kept: the same command tries those again",
            file=sys.stderr,
        )
    return FAILED if failures else 0


def _announced(grid: dict[str, list[str]], rest: list[str]) -> str:
    """Return in words what is swept, how many points that are, and where they are computed."""
    from insitu.cli import flags

    given = {group.name: group.values for group in flags.groups(rest, "")}
    engine = next(iter(given.get("engine", [])), "local")
    workers = next(iter(given.get("workers", [])), str(_cores()))
    where = "the Ray cluster" if engine == "ray" else f"{engine} jobs, {workers} at a time"
    fields = ", ".join(f"{name} {' '.join(values)}" for name, values in grid.items())
    count = math.prod(map(len, grid.values()))
    return f"{count} point{'s' * (count > 1)} ({fields}) by {where}; checking each"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _flags() -> dict[str, Any]:
    from insitu.cli.flags import Extra

    return {
        "grid": Extra(tuple[str, ...], (), "fields and the values that each takes: FIELD=V1,V2,... FIELD=..."),
        "engine": Extra(Literal["local", "ray", "slurm"], "local", "where seeds are computed"),
        "workers": Extra(int, _cores(), "number of processes, or of jobs of Slurm in the queue at a time"),
        "address": Extra(str, "auto", "Ray cluster: HOST:PORT, ray://HOST:PORT, or auto for that of this machine"),
        "slurm": Extra(tuple[str, ...], (), "parameters of submitit: slurm_partition=NAME timeout_min=60 ..."),
        "out": Extra(Path | None, None, "folder of the results; by default runs/NAME-sweep-FIELDS"),
    }


def _folder(name: str, quick: bool, changes: list[dict[str, Any]], grid: dict[str, list[str]]) -> str:
    """Return a folder for the swept fields, whatever their values, so that a larger grid reuses the seeds."""
    from insitu.report.run_folders import Identity

    fixed = tuple((str(each["field"]), str(each["after"])) for each in changes)
    return Identity(f"{name}{'-quick' * quick}-sweep-{'-'.join(grid)}", False, fixed, "", False).name(sweeps=False)


def _engine(given: dict[str, Any], out: Path) -> Engine:
    if given["engine"] == "ray":
        from insitu.engines.ray import Ray

        return Ray(given["address"])
    if given["engine"] == "slurm":
        from insitu.engines.slurm import Slurm, parameters

        return Slurm(out / "jobs", given["workers"], parameters(given["slurm"]))
    from insitu.engines.local import Local

    return Local(given["workers"])


def _tasks(name: str, points: list[Point], stores: list[Store], count: int, engine: Engine) -> list[Task]:
    """Return the seeds that are not finished; the first seed of every point comes before the second of any."""
    from insitu.cli.sweep_worker import Task

    return [
        Task(
            name,
            point.args,
            store.folder.name,
            seed,
            store.folder.resolve() if engine.shares_files else None,
            point.label,
        )
        for seed in range(count)
        for point, store in zip(points, stores, strict=True)
        if store.read(seed) is None
    ]


def _compute(tasks: list[Task], stores: dict[str, Store], engine: Engine) -> list[str]:
    """Compute seeds and keep each; return the failures."""
    from insitu import engines
    from insitu.cli import item_progress
    from insitu.cli.sweep_worker import compute
    from insitu.report import formatting

    failures, done, started = list[str](), 0, time.monotonic()
    try:
        with item_progress.shown("seeds") as update:
            update(0, len(tasks))
            for each in engines.finished(engine, compute, tasks) if tasks else ():
                done += 1
                update(done, len(tasks))
                if each.result is None:
                    failures.append(f"{each.task.label} seed {each.task.seed}: {_message(each.error)}")
                elif each.task.folder is None:
                    stores[each.task.key].write(each.result)
    except KeyboardInterrupt as stop:
        kept = f"{done - len(failures)} of {len(tasks)} seeds were computed and are kept"
        raise KeyboardInterrupt(f"{kept}; the same command continues from there") from stop
    print(f"{done} seeds in {formatting.duration(time.monotonic() - started)}", file=sys.stderr)
    return failures


def _message(error: Exception | None) -> str:
    return " ".join((str(error) if isinstance(error, InsituError) else f"{type(error).__name__}: {error}").split())


def _save(
    part: catalog.Part, out: Path, swept: list[tuple[Point, Composed, Store]], count: int, failures: list[str]
) -> None:
    """Write table and figures of the seeds that are there, and print the table."""
    from insitu.cli import static_source, sweep_grid
    from insitu.report import composition, drawing, environment, sweep_figures, sweep_table, terminal

    rows: sweep_table.Rows = []
    measured = []
    for point, composed, store in swept:
        values = {name: sweep_grid.typed(composed.experiment, name, text) for name, text in point.values.items()}
        own = [row for seed in range(count) if (held := store.read(seed)) for row in held.rows]
        rows += [{**values, **row} for row in own]
        measured.append(sweep_figures.Measured.of(values, composed.experiment, own))
    experiment = swept[0][1].experiment
    about = {
        "experiment": part.name,
        "title": static_source.docstring(part).partition("\n")[0],
        "data": swept[0][1].data,
        "grid": {name: list(dict.fromkeys(each.values[name] for each in measured)) for name in measured[0].values},
        "seeds": count,
        "failures": failures,
        "composition": composition.composition(experiment, composition.DESCRIPTION | {"seeds"}),
        "versions": environment.versions(),
        "machine": environment.machine(),
        "written": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    file = sweep_table.save(out, about, rows)
    if not rows:
        return
    terminal.print_table(sweep_figures.table(measured, experiment), terminal.console())
    print(f"\ntable   {file}")
    for name, figure in sweep_figures.figures(measured, experiment).items():
        for suffix in FIGURES:
            drawing.save([figure], out / f"{name}{suffix}")
        print(f"figure  {out / name}.svg")
