"""All arms of an experiment that has more than two, side by side: per step and age, and as lines."""

from __future__ import annotations

from typing import Any

from insitu.experiments import Experiment
from insitu.metrics import Row
from insitu.report import formatting
from insitu.report.charts import Line, chart
from insitu.report.document import Report
from insitu.report.intervals import Stat
from insitu.report.sample import Sample

HUES = ("novel", "third", "fourth", "fifth")  # classes of the style sheet for arms beside baseline and learner


def summary(sample: Sample, experiment: Experiment) -> dict[str, Any] | None:
    """Return every arm's overall accuracy per age and session, over the seeds; None where there are only two arms.

    None, too, where rows hold no accuracies. ``styles`` are classes of the page's style sheet: dotted where an arm is
    computed in software. ``rewritten`` are the cells that each step has written anew per task, at the first age, where
    any were.
    """
    rows = sample.rows
    if not experiment.variants or not any("overall" in row for row in rows):
        return None
    arms = [*formatting.ARMS, *(arm.name for arm in experiment.variants)]
    sessions = sorted({int(row["session"]) for row in rows})

    def of(arm: str, session: int, age_s: float, name: str) -> Stat | None:
        def values(rows: list[Row]) -> list[float]:
            own = (row for row in rows if (row["arm"], row["session"], row["age_s"]) == (arm, session, age_s))
            return [float(row[name]) for row in own if name in row]

        return sample.stat(values, (arm,))

    def all_of(name: str, age_s: float) -> list[list[Stat | None]]:
        return [[of(arm, session, age_s, name) for session in sessions] for arm in arms]

    return {
        "names": [*experiment.names, *arms[2:]],
        "over": [sample.seeds(arm) for arm in arms],
        "styles": ["baseline", "learner", *_styles(experiment)],
        "sessions": sessions,
        "ages": [{"age_s": age_s, "overall": all_of("overall", age_s)} for age_s in experiment.ages_s],
        "rewritten": all_of("rewritten", experiment.ages_s[0]),
    }


def _styles(experiment: Experiment) -> list[str]:
    """Return a style per further arm: software and the device that follows it share a hue."""
    software = [getattr(getattr(arm.learner, "substrate", None), "exact", False) for arm in experiment.variants]
    styles, hue = [], 0
    for place, exact in enumerate(software):
        styles.append(HUES[hue % len(HUES)] + ("-float" if exact else ""))
        paired = exact and place + 1 < len(software) and not software[place + 1]
        hue += not paired
    return styles


def tables(report: Report) -> list[tuple[str, list[str], list[list[str]]]]:
    """Return title, headings and cells of what is shown: accuracy per age, and cells written anew."""
    held = report.get("arms")
    if not held or not report["table"]:
        return []
    block = report["table"][0]
    step = formatting.step(block)
    head = [step, *formatting.arms(held)]
    out = []
    for each in held["ages"]:
        cells = [[formatting.with_ends(value) for value in each["overall"][arm]] for arm in range(len(held["names"]))]
        title = f"All arms, {formatting.when(block | {'age_s': each['age_s']})}"
        out.append((title, head, _turned(held["sessions"], cells)))
    written = {name: row for name, row in zip(held["names"], held["rewritten"], strict=True) if any(row)}
    if written:
        cells = [[formatting.number(value, 0) if value else "–" for value in row] for row in written.values()]
        out.append(("Cells written anew, per task", [step, *written], _turned(held["sessions"], cells)))
    return out


def _turned(sessions: list[int], columns: list[list[str]]) -> list[list[str]]:
    return [[str(session), *row] for session, *row in zip(sessions, *columns, strict=True)]


def figures(report: Report) -> list[tuple[str, str, str]]:
    """Return title, note and drawing: accuracy per step at the first age, and of the last step over the ages."""
    held = report.get("arms")
    if not held or not report["table"]:
        return []
    step = formatting.step(report["table"][0])
    first = held["ages"][0]["overall"]
    ticks = [str(session) for session in held["sessions"]]
    under = "percent; what is computed in software is dotted"
    title = f"Accuracy after each {step}"
    drawn = [(title, under, chart(title, _lines(held, [_kept(row) for row in first]), ticks, step))]
    if len(held["ages"]) > 1:
        last = [[_kept(each["overall"][arm])[-1] for each in held["ages"]] for arm in range(len(first))]
        ages = [formatting.age(each["age_s"]) for each in held["ages"]]
        title = f"As time passes, after the last {step}"
        drawn.append((title, under, chart(title, _lines(held, last), ages, "age")))
    return [each for each in drawn if each[2]]


def _lines(held: dict[str, Any], values: list[list[Stat | None]]) -> list[Line]:
    return [Line(*each) for each in zip(held["names"], held["styles"], values, strict=True)]


def _kept(row: list[Stat | None]) -> list[Stat | None]:
    """Carry the last value on: an arm that takes fewer steps stays as it is."""
    out: list[Stat | None] = []
    for value in row:
        out.append(value or (out[-1] if out else None))
    return out
