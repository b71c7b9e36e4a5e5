"""Baseline, learner and all further variants of an experiment side by side: per step and age, and as lines."""

from __future__ import annotations

from typing import Any

from insitu.experiments import Experiment, draws
from insitu.learners import Learner
from insitu.protocols import Column, Protocol
from insitu.report import formatting
from insitu.report.drawing import HUES, Line, lines
from insitu.report.formatting import Report
from insitu.report.intervals import Stat
from insitu.report.sample import Sample
from insitu.report.sections import pairs
from insitu.report.table import Block, Cell, Figure, Heading, Table

KEY = "arms"


def summary(sample: Sample, experiment: Experiment) -> dict[str, Any] | None:
    """Return every column per age, arm and session; None where there are no variants.

    ``styles`` are colours of the page's style sheet, dotted (``-float``) where an arm is computed in software.
    """
    if not experiment.variants or experiment.combined:
        return None
    arms = [*formatting.ARMS, *(variant.name for variant in experiment.variants)]
    sessions = sample.measured.known("session")

    def at(age_s: float) -> dict[str, Any]:
        parts = [sample.where(session=number, age_s=age_s) for number in sessions]
        columns = (c.name for c in sample.protocol.columns)
        return {"age_s": age_s} | {c: [[part.column(arm, c) for part in parts] for arm in arms] for c in columns}

    return {
        "names": [*experiment.names, *arms[2:]],
        "over": [sample.seeds(arm) for arm in arms],
        "tasks": [max((int(row.get("tasks", 0)) for row in sample.where(arm=arm).rows), default=0) for arm in arms],
        "styles": ["baseline", "learner", *_styles(experiment)],
        "sessions": sessions,
        "ages": [at(age_s) for age_s in experiment.ages_s],
    }


def _styles(experiment: Experiment) -> list[str]:
    """Return a style per variant: software and the device that follows it share a hue."""
    software = [_is_software(each.learner) for each in experiment.variants]
    styles, hue = [], 0
    for place, exact in enumerate(software):
        styles.append(HUES[hue % len(HUES)] + ("-float" if exact else ""))
        paired = exact and place + 1 < len(software) and not software[place + 1]
        hue += not paired
    return styles


def _is_software(learner: Learner) -> bool:
    substrate = getattr(learner, "substrate", None)
    return not draws.holds_devices(learner) if substrate is None else bool(getattr(substrate, "exact", False))


def blocks(report: Report) -> list[Block]:
    """Return charts of the headline over steps and ages, and tables per age: of each column, or of all in one."""
    held = report.get(KEY)
    if not held:
        return []
    protocol, tables = formatting.protocol(report), []
    for each in held["ages"]:
        columns = [c for c in protocol.columns if any(map(any, each.get(c.name, [])))]
        if pairs.apart(protocol):
            tables.append(_by_arm(report, protocol, each, columns))
        else:
            tables += [_by_step(report, protocol, each, column) for column in columns]
    return [*_figures(held, protocol), *tables]


def _by_step(report: Report, protocol: Protocol, each: dict[str, Any], column: Column) -> Table:
    """Return a row per step and a column per arm."""
    held = report[KEY]
    rows = [
        [Cell(str(session), session), *(Cell.of(row[place], column.unit, column.digits) for row in each[column.name])]
        for place, session in enumerate(held["sessions"])
    ]
    title = f"All variants: {pairs.titled(protocol, column)}, {formatting.when(report, each['age_s'])}"
    headings = [Heading(protocol.step), *(Heading(name, interval=True) for name in _names(held))]
    return Table(title, headings, rows, place=pairs.place(report, each["age_s"])).present()


def _by_arm(report: Report, protocol: Protocol, each: dict[str, Any], columns: list[Column]) -> Table:
    """Return a row per arm and step, and a column per measure."""
    held = report[KEY]
    rows = [
        [Cell(name), Cell(str(number), number), Cell("", tasks, digits=0)]
        + [Cell.of(each[c.name][arm][place], c.unit, c.digits) for c in columns]
        for arm, (name, tasks) in enumerate(zip(_names(held), held["tasks"], strict=True))
        for place, number in enumerate(held["sessions"])
    ]
    headings = [Heading("", words=True), Heading(protocol.step), Heading("tasks")]
    headings += [Heading(pairs.titled(protocol, column), interval=True) for column in columns]
    title, place = pairs.title(report, each["age_s"]), pairs.place(report, each["age_s"])
    return Table(title, headings, rows, pairs.note(report), 2, place)


def _names(held: dict[str, Any]) -> list[str]:
    """Return the names of the arms, each with what its intervals are taken over."""
    return [f"{name} ({over})" if over else name for name, over in zip(held["names"], held["over"], strict=True)]


def _figures(held: dict[str, Any], protocol: Protocol) -> list[Figure]:
    column, step = protocol.columns[0], protocol.step
    unit = f"{'percent' if column.unit == '%' else column.unit}; what is computed in software is dotted"
    ages = [[_carried(row) for row in each[column.name]] for each in held["ages"]]
    out = []
    if len(held["sessions"]) > 1 and not pairs.apart(protocol):
        drawn = lines(_lines(held, ages[0]), [str(session) for session in held["sessions"]], step)
        out.append(Figure(f"{column.heading.capitalize()} after each {step}", unit, drawn, cover=True))
    if len(ages) > 1:
        last = [[age[arm][-1] for age in ages] for arm in range(len(held["names"]))]
        drawn = lines(_lines(held, last), [formatting.age(each["age_s"]) for each in held["ages"]], "age")
        out.append(Figure(f"As time passes, after the last {step}", unit, drawn))
    return out


def _lines(held: dict[str, Any], values: list[list[Stat | None]]) -> list[Line]:
    return [Line(*each) for each in zip(held["names"], held["styles"], values, strict=True)]


def _carried(row: list[Stat | None]) -> list[Stat | None]:
    """Carry the last value on: an arm that takes fewer steps stays as it is."""
    out: list[Stat | None] = []
    for value in row:
        out.append(value or (out[-1] if out else None))
    return out
