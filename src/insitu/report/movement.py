"""Movements of an arm in a report: errors before and after one showing, per arm and age; one movement from within."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from insitu.experiments import Experiment
from insitu.metrics import Row
from insitu.report import formatting
from insitu.report.document import Report
from insitu.report.intervals import Stat
from insitu.report.sample import Sample

DIGITS = 3  # of numbers kept of a movement
SIGNALS = (50, 2)  # signals that are kept, at most, and steps that are averaged, so that a report stays small


class Measure(NamedTuple):
    """A column: the name in rows, words and unit, digits, and whether it has a value before the showing too."""

    name: str
    words: str
    digits: int
    before: bool = False


MEASURES = (
    Measure("omega_base", "base, rad/s", 3, True),
    Measure("omega_shoulder", "shoulder, rad/s", 3, True),
    Measure("hand_median", "hand, cm", 1, True),
    Measure("hand_mean", "mean, cm", 1),
    Measure("changed", "weights, %", 1),
    Measure("rewritten", "cells", 0),
    Measure("trainee_hz", "Hz", 0),
    Measure("unreachable", "beyond limits, %", 0),
)


def summary(sample: Sample, experiment: Experiment) -> dict[str, Any] | None:
    """Return per age and arm every measure before the showing and after it, over the seeds; None of other rows."""
    rows = sample.rows
    if not any("hand_median" in row for row in rows):
        return None
    arms = ["baseline", "learner", *(arm.name for arm in experiment.variants)]

    def of(arm: str, age_s: float, step: int) -> dict[str, Any]:
        def values(rows: list[Row], name: str) -> list[float]:
            own = (row for row in rows if (row["arm"], row["age_s"], row["session"]) == (arm, age_s, step))
            return [float(row[name]) for row in own if name in row]

        found = {each.name: sample.stat(partial(values, name=each.name), (arm,)) for each in MEASURES}
        return {name: value for name, value in found.items() if value}

    return {
        "names": [*experiment.names, *arms[2:]],
        "over": [sample.seeds(arm) for arm in arms],
        "tasks": [max((int(row["tasks"]) for row in rows if row["arm"] == arm), default=0) for arm in arms],
        "ages": [
            {"age_s": age_s, "arms": [{"before": of(arm, age_s, 0), "after": of(arm, age_s, 1)} for arm in arms]}
            for age_s in experiment.ages_s
        ],
    }


def tables(report: Report) -> list[tuple[str, list[str], list[list[str]]]]:
    """Return title, headings and cells per age: errors before the showing and after it, and what the update took."""
    held = report.get("movement")
    if not held:
        return []
    out = []
    for each in held["ages"]:
        shown = [m for m in MEASURES if any(_telling(m, arm["after"].get(m.name)) for arm in each["arms"])]
        lines = [
            [name, str(tasks), *(_cell(measure, arm) for measure in shown)]
            for name, tasks, arm in zip(formatting.arms(held), held["tasks"], each["arms"], strict=True)
        ]
        title = f"Shown {formatting.age(each['age_s'])} after the weights were written"
        out.append((title, ["", "n", *(measure.words for measure in shown)], lines))
    return out


NOTE = (
    "Root mean square errors over time, before the showing \u2192 after it: of the joints' velocities and of the hand, "
    "medians over the movements of a seed, and medians of these over the seeds. Hz is how often a neuron fires then."
)


def _telling(measure: Measure, value: Stat | None) -> bool:
    return value is not None and (measure.name != "unreachable" or any(value.values()))


def _cell(measure: Measure, arm: dict[str, Any]) -> str:
    after = formatting.with_ends(arm["after"].get(measure.name), measure.digits)
    if not measure.before or not arm["before"].get(measure.name):
        return after
    return f"{formatting.number(arm['before'][measure.name], measure.digits)} \u2192 {after}"


def example(found: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return one movement as the report keeps it, from arrays of ``run.example``: rounded, spikes as their times.

    Velocities are lists per joint; spikes lists of steps per neuron; of the learning signals some are kept, sorted by
    their mean, the steps averaged in pairs.
    """
    if not found:
        return None
    out: dict[str, Any] = {"target": _rounded(found["target"].T)}
    for name in ("baseline", "learner"):
        arm = found[name]
        out[name] = {step: _rounded(arm[step]["velocities"].T) for step in ("before", "after")}
    device = found["learner"]
    out["spikes"] = {
        step: [np.flatnonzero(neuron).tolist() for neuron in device[step]["spikes"].T] for step in ("before", "after")
    }
    signals = device["signals"].T  # (size, steps)
    kept = np.linspace(0, len(signals) - 1, min(SIGNALS[0], len(signals))).round().astype(int)
    chosen = signals[np.argsort(signals.mean(1))[kept]]
    whole = chosen[:, : chosen.shape[1] // SIGNALS[1] * SIGNALS[1]]
    averaged = whole.reshape(len(whole), -1, SIGNALS[1]).mean(2)
    out["signals"] = _rounded(averaged / (abs(averaged).max() or 1))
    return out


def _rounded(values: NDArray[np.floating]) -> list[Any]:
    listed: list[Any] = np.round(values.astype(np.float64), DIGITS).tolist()
    return listed
