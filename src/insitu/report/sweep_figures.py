"""What a sweep has found: a table of all points, and for every swept field a figure of the headline over its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from insitu.experiments import Experiment
from insitu.metrics import Row
from insitu.report.drawing import HUES, Line, lines
from insitu.report.formatting import ARMS
from insitu.report.intervals import Stat, stat
from insitu.report.sample import Sample
from insitu.report.table import Cell, Figure, Heading, Table

LINES = ("learner", *HUES)  # one for each combination of the other fields, if there are no more


@dataclass(frozen=True)
class Measured:
    """The headline of one point after its last session, at the first age."""

    values: dict[str, Any]
    stats: dict[str, Stat | None]  # of baseline and learner
    seeds: dict[str, list[float]]

    @staticmethod
    def of(values: dict[str, Any], experiment: Experiment, rows: list[Row]) -> Measured:
        """Return the headline of a point, of which some or all seeds may be missing."""
        sample = Sample.of(rows, experiment).measured
        name = sample.protocol.columns[0].name
        if sample.rows:
            sample = sample.where(session=sample.known("session")[-1], age_s=experiment.ages_s[0])
        finals = {arm: [float(row[name]) for row in sample.rows if row["arm"] == arm] for arm in ARMS}
        return Measured(values, {arm: sample.column(arm, name) for arm in ARMS}, finals)


def table(points: list[Measured], experiment: Experiment) -> Table:
    """Return a row for every point, with baseline and learner."""
    protocol = experiment.scenario.protocol
    column = protocol.columns[0]
    heads = [*map(Heading, points[0].values), *(Heading(n, interval=True) for n in experiment.names), Heading("seeds")]
    rows = [
        [
            *(Cell(str(value)) for value in point.values.values()),
            *(Cell.of(point.stats[arm], column.unit, column.digits) for arm in ARMS),
            Cell("", float(len(point.seeds["learner"])), digits=0),
        ]
        for point in points
    ]
    note = (
        f"{column.unit or 'Medians'} over the seeds." if not column.unit else f"In {column.unit}, medians over seeds."
    )
    return Table(f"Sweep: {column.heading} after the last {protocol.step}", heads, rows, note, len(points[0].values))


def figures(points: list[Measured], experiment: Experiment) -> dict[str, Figure]:
    """Return a figure for every field: baseline, and a line per combination of the others, or one over all of them."""
    return {field: _figure(field, points, experiment) for field in points[0].values}


def _figure(field: str, points: list[Measured], experiment: Experiment) -> Figure:
    column, ticks = experiment.scenario.protocol.columns[0], list(dict.fromkeys(p.values[field] for p in points))
    combinations = list(dict.fromkeys(_others(point, field) for point in points))
    baseline, learner = experiment.names
    drawn = [Line(baseline, "baseline", [_pooled(points, field, tick, "baseline") for tick in ticks])]
    if len(combinations) > len(LINES):
        drawn.append(Line(learner, "learner", [_pooled(points, field, tick, "learner") for tick in ticks]))
    for style, others in zip(LINES, combinations if len(combinations) <= len(LINES) else [], strict=False):
        own = {point.values[field]: point.stats["learner"] for point in points if _others(point, field) == others}
        drawn.append(Line(" ".join(map(str, others)) or learner, style, [own[tick] for tick in ticks]))
    said = f"{column.unit or 'median'}, medians over seeds"
    if len(combinations) > len(LINES):
        said += f" and {len(combinations)} combinations of the other fields"
    return Figure(f"{column.heading} over {field}", said, lines(drawn, [str(tick) for tick in ticks], field))


def _others(point: Measured, field: str) -> tuple[Any, ...]:
    return tuple(value for name, value in point.values.items() if name != field)


def _pooled(points: list[Measured], field: str, tick: Any, arm: str) -> Stat | None:
    return stat(value for point in points if point.values[field] == tick for value in point.seeds[arm])
