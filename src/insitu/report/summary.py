"""From rows to what is shown: medians and intervals per session and age, cost per class."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from statistics import fmean, median
from typing import Any

from insitu.ledger import ENERGY_PJ
from insitu.metrics import Row
from insitu.protocols import experiences
from insitu.protocols.experiences import PREFIX
from insitu.report.intervals import Stat, stat
from insitu.report.sample import Sample

MEASURES = ("overall", "base", "novel", "harmonic")
GAPS = ("overall", "base", "novel")
STREAM = {
    "average_accuracy": experiences.average_accuracy,
    "forgetting": experiences.forgetting,
    "backward_transfer": experiences.backward_transfer,
}
BYTES = "_bytes"  # ends the names of counts that are no events but memory held


def table(sample: Sample) -> list[dict[str, Any]]:
    """Return one block per age: per session the classes so far, each arm's accuracies, and the gap seed by seed.

    Of a stream of experiences the block holds ``stream`` too: each arm's measures and accuracy matrix. Rows without
    accuracies have no blocks.
    """
    rows = [row for row in sample.rows if "overall" in row]
    aged = {age: [row for row in rows if row["age_s"] == age] for age in _known(rows, "age_s")}
    return [_block(Sample(own, sample.over), age) for age, own in aged.items()]


def _block(sample: Sample, age: float) -> dict[str, Any]:
    rows = sample.rows
    block = {"age_s": age, "sessions": [_session(sample, s) for s in _known(rows, "session")]}
    if _is_stream(rows):
        block["stream"] = {arm: _stream(sample, arm, age) for arm in ("baseline", "learner")}
    if _is_tasks(rows):
        block["tasks"] = max(int(row["tasks"]) for row in rows)
    return block


def _is_tasks(rows: list[Row]) -> bool:
    return any("tasks" in row for row in rows)


def _is_stream(rows: list[Row]) -> bool:
    return any(name.startswith(PREFIX) for row in rows for name in row)


def _stream(sample: Sample, arm: str, age: float) -> dict[str, Any]:
    """Return medians over the seeds: measures of the whole stream, and the matrix of sessions by experiences."""
    out: dict[str, Any] = {}
    for name, measure in STREAM.items():
        try:
            out[name] = sample.stat(measure(arm, age), (arm,))
        except KeyError:  # one experience forgets nothing
            out[name] = None
    own = [row for row in sample.rows if row["arm"] == arm]
    cells: dict[tuple[int, int], list[float]] = {}
    for row in own:
        for name in row:
            if name.startswith(PREFIX):
                place = int(row["session"]), int(name.removeprefix(PREFIX))
                cells.setdefault(place, []).append(float(row[name]))
    out["experiences"] = sorted({experience for _, experience in cells})
    out["matrix"] = [
        [round(median(cells[s, e]), 2) if (s, e) in cells else None for e in out["experiences"]]
        for s in _known(own, "session")
    ]
    return out


def ages(sample: Sample) -> list[dict[str, Any]]:
    """Return one entry per age: each arm's accuracies averaged over the sessions, seed by seed.

    Of short tasks, whose sessions are steps of adaptation, they are those of the last step.
    """
    rows = [row for row in sample.rows if "overall" in row]
    if _is_tasks(rows):
        rows = [row for row in rows if row["session"] == _known(rows, "session")[-1]]
    kept = Sample(rows, sample.over)
    return [
        {"age_s": age}
        | {arm: {name: _mean(kept, age, arm, name) for name in MEASURES} for arm in ("baseline", "learner")}
        for age in _known(rows, "age_s")
    ]


def _mean(sample: Sample, age: float, arm: str, name: str) -> Stat | None:
    def values(rows: list[Row]) -> list[float]:
        own: dict[Any, list[float]] = {}
        for row in rows:
            if row["age_s"] == age and row["arm"] == arm and name in row:
                own.setdefault(row["seed"], []).append(float(row[name]))
        return [fmean(each) for each in own.values()]

    return sample.stat(values, (arm,))


def _known(rows: list[Row], name: str) -> list[Any]:
    return sorted({row[name] for row in rows}, key=float)


def _session(sample: Sample, session: int) -> dict[str, Any]:
    here = Sample([row for row in sample.rows if row["session"] == session], sample.over)
    block: dict[str, Any] = {"session": session, "classes": max((int(row["classes"]) for row in here.rows), default=0)}
    for arm in ("baseline", "learner"):
        block[arm] = {name: here.stat(partial(_numbers, arm=arm, name=name), (arm,)) for name in MEASURES}
    block["gap"] = {name: here.stat(partial(_gaps, name=name), ("baseline", "learner")) for name in GAPS}
    return block


def _numbers(rows: list[Row], arm: str, name: str) -> list[float]:
    return [float(row[name]) for row in rows if row["arm"] == arm and name in row]


def _gaps(rows: list[Row], name: str) -> list[float]:
    exact, device = (
        {row["seed"]: float(row[name]) for row in rows if row["arm"] == arm and name in row}
        for arm in ("baseline", "learner")
    )
    return [exact[seed] - device[seed] for seed in device if seed in exact]


def cost(rows: list[Row]) -> dict[str, Any]:
    """Return what the device has spent per class learned, before the first session, and per query.

    Of short tasks it is spent ``per`` task. In a stream of experiences, which begins with nothing, it is spent ``per``
    experience, and there is ``memory``: the bytes held after the last one. Counts are exact; energies are estimates
    from the table of ``insitu.ledger``, None for events it does not hold.
    """
    own = [row for row in rows if row["arm"] == "learner"]
    if not own:
        return {"classes": 0, "learning": [], "query": [], "preparation": []}
    own = [row for row in own if row["age_s"] == min(float(r["age_s"]) for r in own)]
    seeds = [
        sorted((r for r in own if r["seed"] == seed), key=lambda r: float(r["session"])) for seed in _known(own, "seed")
    ]
    first, last = [part[0] for part in seeds], [part[-1] for part in seeds]
    if _is_tasks(own):
        return _task_cost(last)
    if _is_stream(own):
        return _stream_cost(last, [len(part) for part in seeds])
    learned = [float(b["classes"]) - float(a["classes"]) for a, b in zip(first, last, strict=True)]

    def per_class(i: int, name: str) -> float:
        spent = float(last[i].get(name, 0)) - float(first[i].get(name, 0))
        return spent / learned[i] if learned[i] else math.nan

    return {
        "classes": int(median(learned)),
        "learning": _events(last, "spent_", per_class),
        "preparation": _events(last, "spent_", lambda i, name: float(first[i].get(name, 0))),
        "query": _events(last, "query_", lambda i, name: float(last[i].get(name, 0))),
    }


def _task_cost(last: list[Row]) -> dict[str, Any]:
    def of(prefix: str) -> list[dict[str, Any]]:
        return _events(last, prefix, lambda i, name: float(last[i].get(name, 0)))

    classes = int(median(float(row.get("classes", 0)) for row in last))
    parts = {"learning": of("spent_"), "preparation": of("prepared_"), "query": of("query_")}
    return {"classes": classes, "per": "task", **parts}


def _stream_cost(last: list[Row], experiences: list[int]) -> dict[str, Any]:
    spent = _events(last, "spent_", lambda i, name: float(last[i].get(name, 0)) / experiences[i], BYTES)
    held = _events(last, "spent_", lambda i, name: float(last[i].get(name, 0)))
    return {
        "classes": int(median(float(row["classes"]) for row in last)),
        "per": "experience",
        "learning": spent,
        "preparation": [],
        "query": _events(last, "query_", lambda i, name: float(last[i].get(name, 0))),
        "memory": [each for each in held if each["event"].endswith(BYTES.replace("_", " "))],
    }


def _events(last: list[Row], prefix: str, value: Callable[[int, str], float], but: str = "\0") -> list[dict[str, Any]]:
    """Return the counts that begin with ``prefix`` and do not end with ``but``, one ``value`` per seed."""
    names = sorted({name for row in last for name in row if name.startswith(prefix) and not name.endswith(but)})
    counts = {name.removeprefix(prefix): stat(value(i, name) for i in range(len(last))) for name in names}
    return [_event(name, count) for name, count in counts.items() if count and any(count.values())]


def _event(name: str, count: Stat) -> dict[str, Any]:
    energy = ENERGY_PJ.get(name)
    return {
        "event": name.replace("_", " "),
        "count": count,
        "energy_pj": round(energy[0] * count["median"], 3) if energy else None,
        "source": energy[1] if energy else "",
    }
