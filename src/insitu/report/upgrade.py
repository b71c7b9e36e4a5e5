"""Reports of earlier schemas as the present one holds them.

Schema 1 (version 0.1.0) has least and most in place of intervals. Until schema 2 the arms are called "float" and
"device", no protocol is named, and movements of a robot arm have a part of their own.
"""

from __future__ import annotations

from typing import Any

from insitu.protocols import class_stream, episodes, few_shot_sessions, trajectories
from insitu.report import formatting
from insitu.report.drawing import HUES
from insitu.report.formatting import Report

ARMS = {"float": "baseline", "device": "learner"}
HELD = ("table", "ages", "intervals", "example", "sweep")  # parts with keys that are such names


def upgraded(report: Report) -> Report:
    """Return a report of schema 1 or 2 as one of schema 3."""
    if report["schema"] == 1:
        report = _with_ends(report)
        report["intervals"] = {"kind": formatting.LEAST_AND_MOST, "float": "", "device": "", "gap": ""}
        for claim in report["claims"]:
            claim["over"] = formatting.seeds(report)
    held: Report = {name: _renamed(value) if name in HELD else value for name, value in report.items()}
    for row in held["rows"]:
        row["arm"] = ARMS.get(row["arm"], row["arm"])
    if moved := held.pop("movement", None):
        held |= _of_movement(moved)
    elif arms := held.get("arms"):
        arms["styles"] = [ARMS.get(style, style) for style in arms["styles"]]
        arms["ages"][0]["rewritten"] = arms["rewritten"]
    first = (held["table"] or [{}])[0]
    kinds = ((moved, trajectories), (first.get("tasks"), episodes), (first.get("stream"), class_stream))
    held["protocol"] = next((protocol for kind, protocol in kinds if kind), few_shot_sessions).PROTOCOL.name
    held["streams"] = [{"age_s": each["age_s"], **each["stream"]} for each in held["table"] if each.get("stream")]
    return held


def _of_movement(moved: dict[str, Any]) -> Report:
    """Return the parts that hold steps before and after the update of each arm, as those of other protocols do."""
    names = [column.name for column in trajectories.PROTOCOL.columns]
    steps, pair = ("before", "after"), formatting.ARMS
    aged = [
        {"age_s": each["age_s"]} | {n: [[arm[step].get(n) for step in steps] for arm in each["arms"]] for n in names}
        for each in moved["ages"]
    ]
    table = [
        {
            "age_s": each["age_s"],
            "tasks": max(moved["tasks"]),
            "sessions": [
                {"session": n, "classes": 0, "gap": {}} | {arm: each["arms"][k][step] for k, arm in enumerate(pair)}
                for n, step in enumerate(steps)
            ],
        }
        for each in moved["ages"]
    ]
    ages = [{"age_s": block["age_s"]} | {arm: block["sessions"][1][arm] for arm in pair} for block in table]
    hues = ["baseline", "learner", *HUES * len(moved["names"])]
    styles = [
        hue if k < 2 or "chips" in over else f"{hue}-float"
        for k, (hue, over) in enumerate(zip(hues, moved["over"], strict=False))
    ]
    arms = {**moved, "sessions": [0, 1], "ages": aged, "styles": styles}
    return {"table": table, "ages": ages, "arms": arms if len(moved["names"]) > 2 else None}


def _renamed(value: Any) -> Any:
    if isinstance(value, list):
        return [_renamed(each) for each in value]
    if isinstance(value, dict):
        return {ARMS.get(name, name): _renamed(each) for name, each in value.items()}
    return value


def _with_ends(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_ends(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"median", "min", "max"}:
        return {"median": value["median"], "low": value["min"], "high": value["max"]}
    return {name: _with_ends(each) for name, each in value.items()}
