"""A sweep over fields of the learner: the accuracy that each combination of values ends with."""

from __future__ import annotations

from itertools import product
from typing import Any

from insitu.experiments import Experiment
from insitu.metrics import Row
from insitu.report import formatting
from insitu.report.charts import Line, chart
from insitu.report.document import Report
from insitu.report.heat_map import Axis, heat
from insitu.report.intervals import Stat
from insitu.report.sample import Sample


def summary(sample: Sample, experiment: Experiment) -> dict[str, Any] | None:
    """Return the overall accuracy after the last session of each combination, the baseline and the learner.

    It is read at the first age, with its interval over the seeds; None where nothing is swept.
    """
    if not experiment.sweep:
        return None
    last = max((int(row["session"]) for row in sample.rows), default=0)

    def final(arm: str) -> Stat | None:
        def values(rows: list[Row]) -> list[float]:
            own = (row for row in rows if row["arm"] == arm and row["session"] == last)
            return [float(row["overall"]) for row in own if row["age_s"] == experiment.ages_s[0]]

        return sample.stat(values, (arm,))

    combinations = product(*(values for _, values in experiment.sweep))
    labels = (label for label, _ in experiment.sweep_points())
    return {
        "fields": [name for name, _ in experiment.sweep],
        "values": [list(values) for _, values in experiment.sweep],
        "session": last,
        "age_s": experiment.ages_s[0],
        "baseline": final("baseline"),
        "learner": final("learner"),
        "cells": [
            {"values": list(values), "overall": final(label)}
            for values, label in zip(combinations, labels, strict=True)
        ],
    }


def heading(report: Report) -> str:
    """Write what is shown of a sweep."""
    return f"Sweep: accuracy after the last {formatting.step(report['table'][0])}"


def note(report: Report) -> str:
    """Write the unit, and what the combinations are to be compared with."""
    names, held = formatting.names(report), report["sweep"]
    beside = "; ".join(
        f"{name} {formatting.number(held[arm])}" for name, arm in zip(names, formatting.ARMS, strict=True)
    )
    return f"percent, medians over the seeds; {beside}"


def table(report: Report) -> tuple[list[str], list[list[str]]]:
    """Return headings and cells: a grid of medians for two fields, else a line per combination with its interval."""
    held = report["sweep"]
    fields, values = held["fields"], held["values"]
    if len(fields) == 2:
        medians = [
            [str(value), *map(formatting.number, row)] for value, row in zip(values[0], _grid(held), strict=True)
        ]
        return [f"{fields[0]} ↓ {fields[1]} →", *map(str, values[1])], medians
    lines = [
        [*map(str, cell["values"]), formatting.number(cell["overall"]), formatting.ends(cell["overall"])]
        for cell in held["cells"]
    ]
    return [*fields, "overall", "95 % interval"], lines


def figure(report: Report) -> list[tuple[str, str, str]]:
    """Return title, note and drawing: a heat map of two fields, lines over one; nothing of more, or of no sweep."""
    held = report.get("sweep")
    if not held or len(held["fields"]) > 2 or not any(cell["overall"] for cell in held["cells"]):
        return []
    title = heading(report)
    ticks = [[str(value) for value in values] for values in held["values"]]
    if len(held["fields"]) == 2:
        medians = [[cell["median"] if cell else None for cell in row] for row in _grid(held)]
        axes = [Axis(name, name, own) for name, own in zip(held["fields"], ticks, strict=True)]
        known = [value for row in medians for value in row if value is not None]
        drawn = heat(title, "learner", medians, axes[0], axes[1], (min(known), max(known)), digits=1)
    else:
        first, second = formatting.names(report)
        exact = [held["baseline"]] * len(ticks[0])
        lines = [Line(first, "baseline", exact), Line(second, "learner", [cell["overall"] for cell in held["cells"]])]
        drawn = chart(title, lines, ticks[0], held["fields"][0])
    return [(title, note(report), drawn)]


def _grid(held: dict[str, Any]) -> list[list[Stat | None]]:
    """Return the cells of two fields, a row per value of the first."""
    wide = len(held["values"][1])
    cells = [cell["overall"] for cell in held["cells"]]
    return [cells[start : start + wide] for start in range(0, len(cells), wide)]
