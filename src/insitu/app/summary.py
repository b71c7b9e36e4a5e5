"""From rows to what is shown: medians and spread per session, cost per class, claims with verdicts."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable
from statistics import fmean, median
from typing import Any

from insitu import metrics
from insitu.experiments import Claim
from insitu.ledger import ENERGY_PJ
from insitu.metrics import EXPERIENCE, Row

MEASURES = ("overall", "base", "novel", "harmonic")
GAPS = ("overall", "base", "novel")
STREAM = {
    "average_accuracy": metrics.average_accuracy,
    "forgetting": metrics.forgetting,
    "backward_transfer": metrics.backward_transfer,
}
BYTES = "_bytes"  # ends the names of counts that are no events but memory held


def stat(values: Iterable[float]) -> dict[str, float] | None:
    """Return median, lowest and highest of the finite values, or None where there are none."""
    known = [float(value) for value in values if math.isfinite(value)]
    if not known:
        return None
    return {"median": round(median(known), 4), "min": round(min(known), 4), "max": round(max(known), 4)}


def table(rows: list[Row]) -> list[dict[str, Any]]:
    """Return one block per age: per session the classes so far, each arm's accuracies, and the gap seed by seed.

    Of a stream of experiences the block holds ``stream`` too: each arm's measures and accuracy matrix. Rows without
    accuracies have no blocks.
    """
    rows = [row for row in rows if "overall" in row]
    return [_block([r for r in rows if r["age_s"] == age], age) for age in _known(rows, "age_s")]


def _block(rows: list[Row], age: float) -> dict[str, Any]:
    block = {"age_s": age, "sessions": [_session(rows, s) for s in _known(rows, "session")]}
    if _is_stream(rows):
        block["stream"] = {arm: _stream(rows, arm, age) for arm in ("float", "device")}
    if _is_tasks(rows):
        block["tasks"] = max(int(row["tasks"]) for row in rows)
    return block


def _is_tasks(rows: list[Row]) -> bool:
    return any("tasks" in row for row in rows)


def _is_stream(rows: list[Row]) -> bool:
    return any(name.startswith(EXPERIENCE) for row in rows for name in row)


def _stream(rows: list[Row], arm: str, age: float) -> dict[str, Any]:
    """Return medians over the seeds: measures of the whole stream, and the matrix of sessions by experiences."""
    out: dict[str, Any] = {}
    for name, measure in STREAM.items():
        try:
            out[name] = stat(measure(arm, age)(rows))
        except KeyError:  # one experience forgets nothing
            out[name] = None
    own = [row for row in rows if row["arm"] == arm]
    cells: dict[tuple[int, int], list[float]] = {}
    for row in own:
        for name in row:
            if name.startswith(EXPERIENCE):
                place = int(row["session"]), int(name.removeprefix(EXPERIENCE))
                cells.setdefault(place, []).append(float(row[name]))
    out["experiences"] = sorted({experience for _, experience in cells})
    out["matrix"] = [
        [round(median(cells[s, e]), 2) if (s, e) in cells else None for e in out["experiences"]]
        for s in _known(own, "session")
    ]
    return out


def ages(rows: list[Row]) -> list[dict[str, Any]]:
    """Return one entry per age: each arm's accuracies averaged over the sessions, seed by seed.

    Of short tasks, whose sessions are steps of adaptation, they are those of the last step.
    """
    rows = [row for row in rows if "overall" in row]
    if _is_tasks(rows):
        rows = [row for row in rows if row["session"] == _known(rows, "session")[-1]]
    return [
        {"age_s": age} | {arm: _mean(rows, age, arm) for arm in ("float", "device")} for age in _known(rows, "age_s")
    ]


def _mean(rows: list[Row], age: float, arm: str) -> dict[str, Any]:
    out = {}
    for name in MEASURES:
        own: dict[Any, list[float]] = {}
        for row in rows:
            if row["age_s"] == age and row["arm"] == arm and name in row:
                own.setdefault(row["seed"], []).append(float(row[name]))
        out[name] = stat(fmean(values) for values in own.values())
    return out


def _known(rows: list[Row], name: str) -> list[Any]:
    return sorted({row[name] for row in rows}, key=float)


def _session(rows: list[Row], session: int) -> dict[str, Any]:
    here = [row for row in rows if row["session"] == session]
    arms = {arm: [row for row in here if row["arm"] == arm] for arm in ("float", "device")}
    block: dict[str, Any] = {"session": session, "classes": max((int(row["classes"]) for row in here), default=0)}
    for arm, own in arms.items():
        block[arm] = {name: stat(_numbers(own, name)) for name in MEASURES}
    block["gap"] = {}
    for name in GAPS:
        exact = {row["seed"]: float(row[name]) for row in arms["float"] if name in row}
        pairs = [
            (exact[row["seed"]], float(row[name])) for row in arms["device"] if name in row and row["seed"] in exact
        ]
        block["gap"][name] = stat(a - b for a, b in pairs)
    return block


def _numbers(rows: list[Row], name: str) -> list[float]:
    return [float(row[name]) for row in rows if name in row]


def cost(rows: list[Row]) -> dict[str, Any]:
    """Return what the device has spent per class learned, before the first session, and per query.

    Of short tasks it is spent ``per`` task. In a stream of experiences, which begins with nothing, it is spent ``per``
    experience, and there is ``memory``: the bytes held after the last one. Counts are exact; energies are estimates
    from the table of ``insitu.ledger``, None for events it does not hold.
    """
    own = [row for row in rows if row["arm"] == "device"]
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
    return [_event(name, count) for name, count in counts.items() if count and count["max"]]


def _event(name: str, count: dict[str, float]) -> dict[str, Any]:
    energy = ENERGY_PJ.get(name)
    return {
        "event": name.replace("_", " "),
        "count": count,
        "energy_pj": round(energy[0] * count["median"], 3) if energy else None,
        "source": energy[1] if energy else "",
    }


def claims(rows: list[Row], claimed: Iterable[Claim]) -> list[dict[str, Any]]:
    """Return every claim with its values per seed and a verdict: met, missed, reported (no target) or not measured."""
    return [_claim(rows, claim) for claim in claimed]


def _claim(rows: list[Row], claim: Claim) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            # a mean over rows that are not there is a warning in NumPy, and here a thing not measured
            warnings.simplefilter("error", RuntimeWarning)
            values = [float(value) for value in claim.measure(rows)]
    except (KeyError, RuntimeWarning):
        values = []
    spread = stat(values)
    return {
        "name": claim.name,
        "unit": claim.unit,
        "published": claim.published,
        "where": claim.where,
        "target": _target(claim),
        "at_most": claim.at_most,
        "at_least": claim.at_least,
        "values": [round(value, 4) for value in values],
        "measured": spread,
        "verdict": _verdict(claim, spread),
    }


def _target(claim: Claim) -> str:
    bounds = [f"≥ {claim.at_least:g}"] if claim.at_least is not None else []
    bounds += [f"≤ {claim.at_most:g}"] if claim.at_most is not None else []
    return " and ".join(bounds)


def _verdict(claim: Claim, spread: dict[str, float] | None) -> str:
    if spread is None:
        return "not measured"
    if claim.at_most is None and claim.at_least is None:
        return "reported"
    low = -math.inf if claim.at_least is None else claim.at_least
    high = math.inf if claim.at_most is None else claim.at_most
    return "met" if low <= spread["median"] <= high else "missed"
