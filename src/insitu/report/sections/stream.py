"""A stream of experiences as a whole: average accuracy, forgetting, transfer, and the matrix of accuracies."""

from __future__ import annotations

from statistics import median
from typing import Any

from insitu.experiments import Experiment
from insitu.protocols import class_stream, experiences
from insitu.protocols.experiences import PREFIX
from insitu.report import formatting
from insitu.report.drawing import Axis, heat_map
from insitu.report.formatting import Report
from insitu.report.sample import Sample
from insitu.report.table import Block, Cell, Figure, Heading, KeyFigure, Table, evenly

KEY = "streams"
MEASURES = {
    "average_accuracy": ("average accuracy", "%", "after the last experience, each experience counted alike"),
    "forgetting": ("forgetting", "points", "best earlier accuracy of an experience minus its last one"),
    "backward_transfer": ("backward transfer", "points", "last accuracy of an experience minus its first one"),
}


def summary(sample: Sample, experiment: Experiment) -> list[dict[str, Any]] | None:
    """Return per age the measures and the accuracy matrix of each arm, medians over seeds; None of other protocols."""
    if sample.protocol.name != class_stream.PROTOCOL.name:
        return None
    ages = sample.measured.known("age_s")
    return [{"age_s": age} | {arm: _arm(sample.measured, arm, age) for arm in formatting.ARMS} for age in ages]


def _arm(sample: Sample, arm: str, age_s: float) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name in MEASURES:
        try:
            out[name] = sample.stat(getattr(experiences, name)(arm, age_s), (arm,))
        except KeyError:  # one experience forgets nothing
            out[name] = None
    own = sample.where(arm=arm, age_s=age_s)
    cells: dict[tuple[int, int], list[float]] = {}
    for row in own.rows:
        for name in row:
            if name.startswith(PREFIX):
                cells.setdefault((int(row["session"]), int(name.removeprefix(PREFIX))), []).append(float(row[name]))
    out["experiences"] = sorted({experience for _, experience in cells})
    out["matrix"] = [
        [round(median(cells[s, e]), 2) if (s, e) in cells else None for e in out["experiences"]]
        for s in own.known("session")
    ]
    return out


def blocks(report: Report) -> list[Block]:
    """Return a table per age and the matrices of the first age."""
    held, names = report.get(KEY) or [], formatting.names(report)
    out: list[Block] = []
    for number, each in enumerate(held):
        rows = [
            [Cell(word, note=meaning), *(Cell.of(each[arm][name], unit, 2) for arm in formatting.ARMS)]
            for name, (word, unit, meaning) in MEASURES.items()
        ]
        heads = [Heading("", words=True), *(Heading(n, interval=True, unit=True, strong=n == names[1]) for n in names)]
        title = f"Over the whole stream, {formatting.when(report, each['age_s'])}"
        out.append(Table(title, heads, rows, place="folded" if number else "open"))
    if held:
        exact, own = (Cell.of(held[0][arm]["forgetting"], "points") for arm in formatting.ARMS)
        out.append(KeyFigure("Forgetting", own, f"{formatting.within(names[0])} {exact.number} points"))
        out += [
            figure
            for arm, name in zip(formatting.ARMS, names, strict=True)
            for figure in _matrix(held[0][arm], arm, name)
        ]
    return out


def _matrix(held: dict[str, Any], style: str, name: str) -> list[Figure]:
    if len(held["experiences"]) < 2:  # one column says what the chart of sessions says
        return []
    rows = evenly(list(enumerate(held["matrix"])))
    after = Axis("after learning experience", [str(number) for number, _ in rows])
    tested = Axis("tested on the classes of experience", [str(number) for number in held["experiences"]])
    note = "percent after each experience, on the classes that came in each"
    return [
        Figure(
            f"What is kept, {formatting.within(name)}",
            note,
            heat_map([row for _, row in rows], style, after, tested, (0, 100)),
        )
    ]
