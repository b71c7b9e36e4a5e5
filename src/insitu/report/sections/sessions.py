"""Accuracies after each session: baseline, learner and the gap between them, per age of the tests."""

from __future__ import annotations

from typing import Any

from insitu import metrics
from insitu.experiments import Experiment
from insitu.metrics import Row
from insitu.protocols import Column
from insitu.report import formatting
from insitu.report.drawing import lines
from insitu.report.formatting import Report
from insitu.report.intervals import FEWEST, Stat, stat
from insitu.report.sample import Sample
from insitu.report.sections import pairs
from insitu.report.table import Block, Cell, Figure, Heading, KeyFigure, Table

KEY = "table"


def summary(sample: Sample, experiment: Experiment) -> list[dict[str, Any]]:
    """Return one block per age: per session the classes so far, each arm's columns, and gaps taken seed by seed."""
    measured = sample.measured
    return [_block(measured.where(age_s=age_s), age_s) for age_s in measured.known("age_s")]


def _block(sample: Sample, age_s: float) -> dict[str, Any]:
    sessions = [_session(sample.where(session=number), number) for number in sample.known("session")]
    block: dict[str, Any] = {"age_s": age_s, "sessions": sessions}
    if not sample.protocol.continues:
        block["tasks"] = max(int(row["tasks"]) for row in _own(sample))
    return block


def _session(sample: Sample, session: int) -> dict[str, Any]:
    classes = max(int(row.get("classes", 0)) for row in _own(sample))
    gaps = {c.name: _gap(sample, c) for c in sample.protocol.columns if c.gap}
    drawn = metrics.redrawn(sample.rows)
    again = {c.name: stat(float(row[c.name]) for row in drawn if c.name in row) for c in sample.protocol.columns}
    held = {"session": session, "classes": classes, **pairs.summary(sample), "gap": gaps}
    return held | ({"redrawn": again, "draws": len(drawn)} if drawn else {})


def _own(sample: Sample) -> list[Row]:
    """Return the rows of baseline and learner, if any, since tasks of variants may have other sizes."""
    return [row for row in sample.rows if row["arm"] in ("baseline", "learner")] or sample.rows


def _gap(sample: Sample, column: Column) -> Stat | None:
    def values(rows: list[Any]) -> list[float]:
        first, second = (
            {row["seed"]: float(row[column.name]) for row in rows if row["arm"] == arm and column.name in row}
            for arm in formatting.ARMS
        )
        return [first[seed] - second[seed] for seed in second if seed in first]

    return sample.stat(values, formatting.ARMS)


def blocks(report: Report) -> list[Block]:
    """Return key figures and charts of the first age, and a table per age."""
    if not report[KEY]:
        return []
    shown: list[Block] = [*_key_figures(report), *_figures(report)]
    if pairs.apart(formatting.protocol(report)) and report.get("arms"):
        return shown  # ``variants`` has a row of every arm
    return [*shown, *(_table(report, block) for block in report[KEY]), *_drawn(report)]


def _drawn(report: Report) -> list[Table]:
    """Return the baseline on the listed support sets next to its median on those drawn at random, of the first age."""
    rows, columns = report[KEY][0]["sessions"], formatting.protocol(report).columns
    if not any("redrawn" in row for row in rows):
        return []
    count = max(row.get("draws", 0) for row in rows)
    headings = [Heading(formatting.protocol(report).step)]
    cells = [[Cell(str(row["session"]), row["session"])] for row in rows]
    for column in columns:
        headings += [Heading("listed", column.heading), Heading("drawn", column.heading, interval=True)]
        for row, own in zip(rows, cells, strict=True):
            listed = row["baseline"].get(column.name)
            own.append(Cell.of(listed and listed | {"low": None, "high": None}, column.unit, column.digits))
            own.append(Cell.of(row.get("redrawn", {}).get(column.name), column.unit, column.digits))
    title = f"{formatting.names(report)[0].capitalize()} on {count} support sets drawn at random"
    brackets = ", in brackets their 95 % intervals" if count >= FEWEST else ""
    note = f"Drawn: medians over {count} support sets{brackets}; listed: the published sets."
    return [Table(title, headings, cells, note).present()]


def _table(report: Report, block: dict[str, Any]) -> Table:
    about = [
        [Cell(str(r["session"]), r["session"]), Cell("", r["classes"] or None, digits=0)] for r in block["sessions"]
    ]
    rows = [[*labels, *pairs.cells(report, row)] for labels, row in zip(about, block["sessions"], strict=True)]
    headings = [Heading(formatting.protocol(report).step), Heading("classes"), *pairs.headings(report)]
    title, place = pairs.title(report, block["age_s"]), pairs.place(report, block["age_s"])
    return Table(title, headings, rows, pairs.note(report), place=place).present()


def _key_figures(report: Report) -> list[KeyFigure]:
    """Return the headline and the other columns with a gap after the last session."""
    last, (first, _), protocol = report[KEY][0]["sessions"][-1], formatting.names(report), formatting.protocol(report)
    out = []
    for place, column in enumerate(protocol.columns):
        exact, own = (Cell.of(last[arm].get(column.name), column.unit, column.digits) for arm in formatting.ARMS)
        if own.value is not None and (column.gap or not place):
            note = f"{formatting.within(first)} {exact.number} {column.unit}"
            out.append(KeyFigure(f"{column.heading.capitalize()}, last {protocol.step}", own, note))
    return out


def _figures(report: Report) -> list[Figure]:
    """Return charts over the sessions; that of the headline is left to ``variants`` where there are some."""
    sessions, protocol, names = report[KEY][0]["sessions"], formatting.protocol(report), formatting.names(report)
    if len(sessions) < 2 or pairs.apart(protocol):
        return []
    step = protocol.step
    ticks, classes = [str(row["session"]) for row in sessions], [row["classes"] for row in sessions]
    below = f"{step} ({classes[0]} to {classes[-1]} classes)" if classes[0] != classes[-1] else step
    made = pairs.lines(report, sessions)
    out = []
    if not report.get("arms"):
        note = "percent of all tests of the classes learned so far"
        out.append(Figure(f"Accuracy after each {step}", note, lines(made["headline"], ticks, below), cover=True))
    if any(any(line.values) for line in made["others"]):
        title = " and ".join(line.label for line in made["others"][1::2]).capitalize() + " classes apart"
        note = f"percent; dotted {formatting.within(names[0])}, solid {formatting.within(names[1])}"
        out.append(Figure(title, note, lines(made["others"], ticks, below)))
    gap = "float minus device" if names == formatting.NAMES else formatting.gap(report)
    title = "What the device loses" if names == formatting.NAMES else "The gap"
    return [*out, Figure(title, f"{gap}, in points", lines(made["gaps"], ticks, below, whiskers=True))]
