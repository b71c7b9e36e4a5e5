"""How long what is learned holds in devices, what refreshing them costs, and how much learning wears them out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from statistics import fmean, median
from typing import Any

from insitu import catalog
from insitu.devices import Device
from insitu.devices.endurance import PROGRAM_PULSES, limit_of
from insitu.experiments import Experiment
from insitu.ledger import Ledger
from insitu.metrics import Row
from insitu.report import formatting
from insitu.report.formatting import Report
from insitu.report.sample import Sample
from insitu.report.table import DASH, Block, Cell, Heading, Table

KEY = "retention"
WITHIN = 1.0  # points that accuracy may lose
COLUMNS = 256  # of an array whose columns take turns, as lifetimes suppose
YEAR_S, MINUTE_S = 31_536_000.0, 60.0


def summary(sample: Sample, experiment: Experiment) -> dict[str, Any] | None:
    """Return what each arm on devices loses with age, and what of its cells' endurance that takes.

    None where there is one age, no device, or a headline that is not in percent. ``holds_s`` is the last age up to
    which the median over seeds is at most ``WITHIN`` points below the arm's own first age (``own``) or below the
    baseline (``baseline``), None where not even the first is. Wear is that of the most worn cell: ``cycles`` per class
    or task, and ``refresh_cycles`` per year without learning.
    """
    if experiment.combined or len(experiment.ages_s) < 2 or sample.protocol.columns[0].unit != "%":
        return None
    learners = {"learner": experiment.learner} | {each.name: each.learner for each in experiment.variants}
    names = {"learner": experiment.names[1]}
    base = _accuracies(sample, "baseline", experiment.ages_s[0])
    arms = []
    for arm, learner in learners.items():
        device = next(_devices(learner), "")
        found = [_accuracies(sample, arm, age_s) for age_s in experiment.ages_s]
        if device and all(found):
            lost = [median(then[seed] - now[seed] for seed in now) for now in found for then in found[:1]]
            below = [median(base.values()) - median(now.values()) for now in found] if base else []
            held = {"own": _holds(experiment.ages_s, lost), "baseline": _holds(experiment.ages_s, below)}
            worn = _wear(sample, arm, experiment)
            name = names.get(arm, arm)
            arms.append({"name": name, "device": device, "lost": lost, "holds_s": held, **worn})
    return {"ages_s": list(experiment.ages_s), "arms": arms} if arms else None


def _accuracies(sample: Sample, arm: str, age_s: float) -> dict[Any, float]:
    """Return the headline of each seed: the mean of sessions, or after the last step of short tasks."""
    name, seeds = sample.protocol.columns[0].name, dict[Any, list[Row]]()
    for row in sample.rows:
        if row["arm"] == arm and row["age_s"] == age_s and name in row:
            seeds.setdefault(row["seed"], []).append(row)
    if not sample.protocol.continues:
        seeds = {seed: [max(rows, key=lambda row: float(row["session"]))] for seed, rows in seeds.items()}
    return {seed: fmean(float(row[name]) for row in rows) for seed, rows in seeds.items()}


def _holds(ages_s: tuple[float, ...], lost: list[float]) -> float | None:
    """Return the last age before the first at which more than ``WITHIN`` is lost."""
    held = None
    for age_s, points in sorted(zip(ages_s, lost, strict=False)):
        if points > WITHIN:
            break
        held = age_s
    return held


def _wear(sample: Sample, arm: str, experiment: Experiment) -> dict[str, Any]:
    """Return cycles of the most worn cell per class or task, and what refreshing spends per year."""
    rows = [row for row in sample.rows if row["arm"] == arm and "worn_resets" in row]
    if not rows:
        return {}
    last = max(float(row["session"]) for row in rows)
    end = {row["age_s"]: row for row in rows if row["session"] == last and row["seed"] == rows[0]["seed"]}
    ages_s = sorted(end, key=float)
    first, final = end[ages_s[0]], end[ages_s[-1]]
    years = (float(ages_s[-1]) - float(ages_s[0])) / YEAR_S
    programs = any(float(row.get("spent_program_and_verify", 0)) > 0 for row in rows)

    def cycles(row: Row, per_reset: int) -> float:
        return float(row.get("worn_set_pulses", 0)) + per_reset * float(row["worn_resets"])

    each = 1 + PROGRAM_PULSES * programs
    prefix = "spent_" if sample.protocol.continues else "prepared_"
    counted = {
        name.removeprefix(prefix): (float(final.get(name, 0)) - float(first.get(name, 0))) / years
        for name in final
        if name.startswith(prefix) and name.removeprefix(prefix) in ("set_pulse", "reset_pulse", "program_and_verify")
    }
    return {
        # a column that takes another class is RESET before, which a fresh one was not
        "cycles": max(cycles(first, each), float(first.get("worn_set_pulses", 0)) + each),
        "refresh_cycles": (cycles(final, each) - cycles(first, each)) / years,
        "refresh_events": {name: count for name, count in counted.items() if count > 0},
    }


def _devices(record: object) -> Iterator[str]:
    """Yield the names of the devices within a record."""
    if isinstance(record, Device):
        part = catalog.part_of(type(record))
        yield part.name if part else type(record).__name__
    elif dataclasses.is_dataclass(record) and not isinstance(record, type):
        for each in dataclasses.fields(record):
            yield from _devices(getattr(record, each.name))


def blocks(report: Report) -> list[Block]:
    """Return a table of how long arms hold and what refreshing costs, and one of lifetimes under learning."""
    held = report.get(KEY)
    if not held:
        return []
    per = "class" if formatting.protocol(report).continues else "task"
    worn = [arm for arm in held["arms"] if "cycles" in arm]
    return [_holding(report, held), *([_lifetimes(report, worn, per)] if worn else [])]


def _holding(report: Report, held: dict[str, Any]) -> Table:
    last = max(held["ages_s"])
    name = formatting.names(report)[0]

    def until(age_s: float | None) -> Cell:
        if age_s is None:
            return Cell(DASH)
        return Cell(f"{formatting.age(age_s)}{' or more' if age_s == last else ''}", age_s, unit="s")

    rows = []
    for arm in held["arms"]:
        events = arm.get("refresh_events", {})
        picojoules = Ledger.of(**{event: round(count) for event, count in events.items()}).energy_pj()
        pulses = sum(events.values())
        rows.append(
            [
                Cell(arm["name"]),
                Cell(arm["device"]),
                until(arm["holds_s"]["own"]),
                until(arm["holds_s"]["baseline"]),
                Cell("", arm["lost"][-1], unit="points", digits=2),
                Cell(formatting.count(pulses), pulses) if pulses else Cell(DASH),
                Cell(formatting.energy(picojoules), picojoules, unit="pJ") if pulses else Cell(DASH),
            ]
        )
    headings = [
        Heading("", words=True),
        Heading("cell", words=True),
        Heading("its youngest", "holds within one point of"),
        Heading(name, "holds within one point of"),
        Heading(f"lost after {formatting.age(last)}", strong=True),
        Heading("pulses", "refreshing, per year"),
        Heading("energy, about", "refreshing, per year"),
    ]
    what = "mean of sessions" if formatting.protocol(report).continues else "after the last step"
    note = (
        f"Medians over the seeds, {what}: the last tested age before more than one point is lost. Pulses are exact "
        "counts of SET, RESET and cells programmed; their energy is an estimate."
    )
    return Table("How long it holds", headings, rows, note, labels=2)


def _lifetimes(report: Report, arms: list[dict[str, Any]], per: str) -> Table:
    columns = COLUMNS if per == "class" else 1
    rows = []
    for arm in arms:
        limit = limit_of(arm["device"])
        row = [Cell(arm["name"]), Cell(arm["device"]), Cell("", arm["cycles"], digits=0)]
        for most, source in (
            [(limit.expected, limit.expected_source), (limit.best, limit.best_source)] if limit else [(None, "")] * 2
        ):
            row += _life(arm, most, source, columns)
        rows.append(row)
    plural = "classes" if per == "class" else "tasks"
    headings = [Heading("", words=True), Heading("cell", words=True), Heading(f"cycles per {per}")]
    for which in ("expected", "best published"):
        group = f"{which} endurance"
        headings += [Heading("cycles", group), Heading(plural, group), Heading(f"one {per} a minute", group)]
        headings += [Heading("refreshing alone", group)]
    where = f"in the columns of an array of {COLUMNS}, in turn" if per == "class" else "in the head"
    note = (
        f"The most worn cell, counted; every pulse counts as a cycle, programming as {PROGRAM_PULSES} more. "
        f"{plural.capitalize()} are written {where}. For comparison: M2RU states 12.2 years under continual "
        "learning (arXiv 2512.17299), at its own rate of updates."
    )
    return Table("Lifetime under learning", headings, rows, note, labels=2)


def _life(arm: dict[str, Any], most: float | None, source: str, columns: int) -> list[Cell]:
    if most is None:
        return [Cell(DASH)] * 4
    count = most / arm["cycles"] * columns
    years = 1 / (MINUTE_S**-1 * YEAR_S / count + arm["refresh_cycles"] / most)
    alone = most / arm["refresh_cycles"] if arm["refresh_cycles"] else None
    return [
        Cell(f"{most:.0e}".replace("e+", "e"), most, note=source),
        Cell(formatting.amount(count), count),
        Cell(formatting.amount(years, " years"), years),
        Cell(formatting.amount(alone, " years"), alone) if alone else Cell(DASH),
    ]
