"""A sweep over fields of the learner: the accuracy that each combination of values ends with."""

from __future__ import annotations

from itertools import product
from typing import Any

from insitu.experiments import Experiment
from insitu.report import formatting
from insitu.report.drawing import Axis, Line, heat_map, lines
from insitu.report.formatting import Report
from insitu.report.sample import Sample
from insitu.report.table import Block, Cell, Figure, Heading, Table

KEY = "sweep"


def summary(sample: Sample, experiment: Experiment) -> dict[str, Any] | None:
    """Return the headline after the last session, at the first age, of each combination, baseline and learner."""
    if not experiment.sweep:
        return None
    last, age_s, name = sample.known("session")[-1], experiment.ages_s[0], sample.protocol.columns[0].name
    final = sample.where(session=last, age_s=age_s)
    combinations = product(*(values for _, values in experiment.sweep))
    labels = (label for label, _ in experiment.sweep_points())
    return {
        "fields": [name for name, _ in experiment.sweep],
        "values": [list(values) for _, values in experiment.sweep],
        "session": last,
        "age_s": age_s,
        **{arm: final.column(arm, name) for arm in formatting.ARMS},
        "cells": [
            {"values": list(values), "overall": final.column(label, name)}
            for values, label in zip(combinations, labels, strict=True)
        ],
    }


def blocks(report: Report) -> list[Block]:
    """Return a grid of two fields with its heat map, or a line per combination, with a chart of a single field."""
    held = report.get(KEY)
    if not held:
        return []
    protocol, fields, values = formatting.protocol(report), held["fields"], held["values"]
    column, pair = protocol.columns[0], list(zip(formatting.names(report), formatting.ARMS, strict=True))
    found = [Cell.of(cell["overall"], column.unit, column.digits) for cell in held["cells"]]
    title = f"Sweep: {column.heading} after the last {protocol.step}"
    unit = "percent" if column.unit == "%" else column.unit
    note = "; ".join(
        [
            f"{unit}, medians over the seeds",
            *(f"{n} {Cell.of(held[arm], digits=column.digits).number}" for n, arm in pair),
        ]
    )
    ticks = [[str(value) for value in own] for own in values]
    out: list[Block] = []
    if len(fields) == 2:
        grid = [found[start : start + len(ticks[1])] for start in range(0, len(found), len(ticks[1]))]
        heads = [Heading(f"{fields[0]} ↓ {fields[1]} →"), *map(Heading, ticks[1])]
        rows = [[Cell(tick), *row] for tick, row in zip(ticks[0], grid, strict=True)]
        if known := [cell.value for cell in found if cell.value is not None]:
            upward, along = (Axis(name, own) for name, own in zip(fields, ticks, strict=True))
            span, medians = (min(known), max(known)), [[cell.value for cell in row] for row in grid]
            out.append(
                Figure(title, note, heat_map(medians, "learner", upward, along, span, column.digits), cover=True)
            )
    else:
        heads = [*map(Heading, fields), Heading(column.heading, interval=True, strong=True)]
        rows = [[*(Cell(str(v)) for v in cell["values"]), own] for cell, own in zip(held["cells"], found, strict=True)]
        if len(fields) == 1 and any(cell["overall"] for cell in held["cells"]):
            swept = [cell["overall"] for cell in held["cells"]]
            drawn = [Line(n, arm, [held[arm]] * len(swept) if arm == "baseline" else swept) for n, arm in pair]
            out.append(Figure(title, note, lines(drawn, ticks[0], fields[0]), cover=True))
    return [
        *out,
        Table(title, heads, rows, f"{note[0].upper()}{note[1:]}.", labels=len(fields) if len(fields) != 2 else 1),
    ]
