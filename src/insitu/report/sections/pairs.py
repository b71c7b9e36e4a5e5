"""Baseline, learner and gap side by side, in the columns of the protocol: shared by tables of sessions and ages."""

from __future__ import annotations

from typing import Any, Literal

from insitu.protocols import Column, Protocol
from insitu.report import formatting
from insitu.report.drawing import HUES, Line
from insitu.report.formatting import Report
from insitu.report.sample import Sample
from insitu.report.table import Cell, Heading


def summary(sample: Sample) -> dict[str, Any]:
    """Return baseline and learner, each with every column of the protocol, over the rows of one session and age."""
    return {arm: {c.name: sample.column(arm, c.name) for c in sample.protocol.columns} for arm in formatting.ARMS}


def headings(report: Report) -> list[Heading]:
    """Return a heading per column and arm, and per gap where the column has one."""
    protocol = formatting.protocol(report)
    return [
        Heading(name, titled(protocol, column), interval=arm == "gap" and place == 0, strong=arm == "learner")
        for place, column in enumerate(protocol.columns)
        for arm, name in _arms(report, column)
    ]


def cells(report: Report, held: dict[str, Any]) -> list[Cell]:
    """Return the cells of one row, from what ``summary`` and the gaps hold."""
    return [
        Cell.of(held.get(arm, {}).get(c.name), "points" if arm == "gap" else c.unit, c.digits + (arm == "gap"))
        for c in formatting.protocol(report).columns
        for arm, _ in _arms(report, c)
    ]


def lines(report: Report, rows: list[dict[str, Any]]) -> dict[str, list[Line]]:
    """Return lines over ``rows``: of the headline, of the other columns with a gap, and of the gaps."""
    first, second = formatting.names(report)
    headline, *rest = formatting.protocol(report).columns
    others = [c for c in rest if c.gap]

    def line(label: str, style: str, arm: str, column: Column) -> Line:
        return Line(label, style, [row.get(arm, {}).get(column.name) for row in rows])

    hues = list(zip(others, ("learner", *HUES), strict=False))
    pairs = [
        line(f"{c.short}, {first}" if arm == "baseline" else c.short, hue + "-float" * (arm == "baseline"), arm, c)
        for c, hue in hues
        for arm in formatting.ARMS
    ]
    return {
        "headline": [line(first, "baseline", "baseline", headline), line(second, "learner", "learner", headline)],
        "others": pairs,
        "gaps": [line(headline.short, "ink", "gap", headline), *(line(c.short, hue, "gap", c) for c, hue in hues)],
    }


def apart(protocol: Protocol) -> bool:
    """Return whether arms stand below each other, which they do in protocols without gaps."""
    return not any(column.gap for column in protocol.columns)


def title(report: Report, age_s: float) -> str:
    """Return the title of a table over sessions."""
    step = formatting.protocol(report).step
    return f"{step.capitalize()} by {step}, {formatting.when(report, age_s)}"


def place(report: Report, age_s: float) -> Literal["open", "folded"]:
    """Return where the table of an age is: the first one is open."""
    return "open" if age_s == report["table"][0]["age_s"] else "folded"


def note(report: Report) -> str:
    """Write what the figures of a table over sessions are."""
    protocol, tasks = formatting.protocol(report), report["table"][0].get("tasks")
    columns = protocol.columns
    notes = ["Percent, medians" if all(c.unit == "%" for c in columns) else "Medians"]
    notes += [f"{formatting.gap(report)}, seed by seed"] * (not apart(protocol))
    notes += [f"a seed has {tasks} tasks; step 0 is the prepared state, before any example"] * bool(tasks)
    rows = [row[arm] for row in report["table"][0]["sessions"] for arm in formatting.ARMS]
    measured = {name for row in rows for name, value in row.items() if value}
    meanings = [f"{c.heading}: {c.meaning}" for c in columns if c.meaning and c.name in measured]
    return "; ".join([*notes, *meanings]) + "."


def titled(protocol: Protocol, column: Column) -> str:
    """Write a column's heading, with its unit where not every column is in percent."""
    percent = all(each.unit == "%" for each in protocol.columns)
    return column.heading if percent or not column.unit else f"{column.heading} ({column.unit})"


def _arms(report: Report, column: Column) -> list[tuple[str, str]]:
    pair = list(zip(formatting.ARMS, formatting.names(report), strict=True))
    return [*pair, ("gap", "gap")] if column.gap else pair
