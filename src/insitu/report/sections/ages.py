"""What time does: accuracies as tests are made later and later after learning."""

from __future__ import annotations

from statistics import fmean
from typing import Any

from insitu.experiments import Experiment
from insitu.metrics import Row
from insitu.report import formatting
from insitu.report.drawing import lines
from insitu.report.formatting import Report
from insitu.report.sample import Sample
from insitu.report.sections import pairs
from insitu.report.table import Block, Cell, Figure, Heading, Table

KEY = "ages"


def summary(sample: Sample, experiment: Experiment) -> list[dict[str, Any]]:
    """Return each arm's columns per age: averaged over sessions seed by seed, of short tasks after the last step."""
    measured = sample.measured
    if not sample.protocol.continues:
        measured = measured.where(session=measured.known("session")[-1])
    columns = [c.name for c in sample.protocol.columns]
    return [
        {"age_s": age_s} | {arm: {c: _mean(measured, age_s, arm, c) for c in columns} for arm in formatting.ARMS}
        for age_s in measured.known("age_s")
    ]


def _mean(sample: Sample, age_s: float, arm: str, name: str) -> Any:
    def values(rows: list[Row]) -> list[float]:
        own: dict[Any, list[float]] = {}
        for row in (row for row in rows if row["arm"] == arm and name in row):
            own.setdefault(row["seed"], []).append(float(row[name]))
        return [fmean(each) for each in own.values()]

    return sample.where(age_s=age_s).stat(values, (arm,))


def blocks(report: Report) -> list[Block]:
    """Return a chart and a table where there is more than one age; ``variants`` shows the ages of all arms."""
    held, protocol = report[KEY], formatting.protocol(report)
    if len(held) < 2 or report.get("arms"):
        return []
    what = f"mean of the {protocol.step}s" if protocol.continues else f"after the last {protocol.step}"
    made, ticks = pairs.lines(report, held), [formatting.age(entry["age_s"]) for entry in held]
    drawn = lines(made["headline"] + made["others"], ticks, f"age of each {protocol.step} when tested")
    rows = [[Cell(tick, entry["age_s"]), *pairs.cells(report, entry)] for tick, entry in zip(ticks, held, strict=True)]
    table = Table("As time passes", [Heading("age"), *pairs.headings(report)], rows, f"{what.capitalize()}.")
    return [Figure("As time passes", f"percent, {what}", drawn), table.present()]
