"""What learning and queries cost: exact counts of events, and energies estimated from them."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

from insitu.experiments import Experiment
from insitu.hardware import ENERGY_PJ
from insitu.metrics import Row
from insitu.protocols import class_stream
from insitu.report import formatting
from insitu.report.formatting import Report
from insitu.report.intervals import Stat, stat
from insitu.report.sample import Sample
from insitu.report.table import Block, Cell, Heading, KeyFigure, Table

KEY = "cost"
BYTES = "_bytes"  # ends the names of counts that are no events but memory held


class Energy(NamedTuple):
    """An estimated energy with its range, in picojoules."""

    typical_pj: float
    low_pj: float
    high_pj: float


def summary(sample: Sample, experiment: Experiment) -> dict[str, Any]:
    """Return what the learner has spent."""
    return spent_by(sample, "learner")


def spent_by(sample: Sample, arm: str) -> dict[str, Any]:
    """Return what ``arm`` has spent ``per`` class, experience or task learned, before that, and per query.

    ``memory`` holds the bytes next to the substrate at the end. Counts are exact; energies are estimates from the table
    of ``insitu.hardware``, None for events it does not hold.
    """
    own = [row for row in sample.rows if row["arm"] == arm]
    if not own:
        return {"classes": 0, "per": "class", "learning": [], "query": [], "preparation": []}
    own = [row for row in own if row["age_s"] == min(float(r["age_s"]) for r in own)]
    seeds: dict[Any, list[Row]] = {}
    for row in sorted(own, key=lambda row: (float(row["seed"]), float(row["session"]))):
        seeds.setdefault(row["seed"], []).append(row)
    first, last = [rows[0] for rows in seeds.values()], [rows[-1] for rows in seeds.values()]
    classes = [float(row.get("classes", 0)) for row in last]

    def of(
        prefix: str, rows: list[Row], per: list[float] | None = None, less: list[Row] | None = None
    ) -> list[dict[str, Any]]:
        def value(i: int, name: str) -> float:
            spent = float(rows[i].get(name, 0)) - (float(less[i].get(name, 0)) if less else 0)
            return spent if per is None else spent / per[i] if per[i] else math.nan

        return _events(last, prefix, value)

    out: dict[str, Any] = {"query": of("query_", last)}
    if not sample.protocol.continues:
        out |= {"per": "task", "learning": of("spent_", last), "preparation": of("prepared_", last)}
    elif sample.protocol.name == class_stream.PROTOCOL.name:
        spent, held = of("spent_", last, [float(len(rows)) for rows in seeds.values()]), of("spent_", last)
        memory = [each for each in held if each["event"].endswith(" bytes")]
        learning = [each for each in spent if not each["event"].endswith(" bytes")]
        out |= {"per": "experience", "learning": learning, "preparation": [], "memory": memory}
    else:
        # where no class is old, nothing was learned before the first session
        before = [row if "base" in row else Row() for row in first]
        classes = [now - float(row.get("classes", 0)) for now, row in zip(classes, before, strict=True)]
        learning, memory = of("spent_", last, classes, before), of("kept_", last)
        out |= {"per": "class", "learning": learning, "preparation": of("spent_", before), "memory": memory}
    return {"classes": int(median(classes)), **out}


def _events(last: list[Row], prefix: str, value: Callable[[int, str], float]) -> list[dict[str, Any]]:
    """Return the counts whose names begin with ``prefix``, one ``value`` per seed."""
    names = sorted({name for row in last for name in row if name.startswith(prefix)})
    counts = {name.removeprefix(prefix): stat(value(i, name) for i in range(len(last))) for name in names}
    return [_event(name, count) for name, count in counts.items() if count and any(count.values())]


def _event(name: str, count: Stat) -> dict[str, Any]:
    energy = ENERGY_PJ.get(name)
    return {
        "event": name.replace("_", " "),
        "count": count,
        "energy_pj": round(energy.typical * count["median"], 3) if energy else None,
        "low_pj": round(energy.low * count["median"], 3) if energy else None,
        "high_pj": round(energy.high * count["median"], 3) if energy else None,
        "source": energy.source if energy else "",
    }


def total(events: list[dict[str, Any]]) -> Energy | None:
    """Return the energies of events together, None where none has a figure; older reports have no ranges."""
    known = [each for each in events if each["energy_pj"] is not None]
    if not known:
        return None
    return Energy(
        *(sum(each.get(key, each["energy_pj"]) for each in known) for key in ("energy_pj", "low_pj", "high_pj"))
    )


def energy_cell(energy: Energy | None) -> Cell:
    """Return the cell of an energy, shown as its range."""
    if energy is None:
        return Cell()
    return Cell(
        formatting.energy_range(energy.low_pj, energy.high_pj),
        energy.typical_pj,
        (energy.low_pj, energy.high_pj),
        unit="pJ",
    )


def blocks(report: Report) -> list[Block]:
    """Return the table of all events and, as a key figure, the energy of learning."""
    held = report[KEY]
    per = held.get("per", "class")
    rows = []
    for key, what in (
        ("learning", f"per {per} learned"),
        ("query", "per query"),
        ("preparation", "preparation, once"),
        ("memory", "memory at the end"),
    ):
        for each in held.get(key, []):
            value = each["count"]["median"]
            text = formatting.memory(value) if key == "memory" else formatting.count(value)
            count = Cell(text, value, unit="bytes" if key == "memory" else "")
            event = Cell(each["event"].removesuffix(" bytes"), note=each["source"])
            rows.append([Cell(what), event, count, energy_cell(total([each]))])
        if sum(each["energy_pj"] is not None for each in held.get(key, [])) > 1:
            rows.append([Cell(what), Cell("together"), Cell(), energy_cell(total(held[key]))])
    if not rows:
        return []
    name = formatting.names(report)[1]
    spender = "the device" if name == formatting.NAMES[1] else name
    headings = [Heading(""), Heading("event", words=True), Heading("count"), Heading("energy, about")]
    note = "Counts are exact. Energies are estimates: a count times the range of one figure, whose source is given."
    out: list[Block] = [Table(f"What {spender} spends", headings, rows, note, labels=2)]
    if (energy := total(held["learning"])) is not None:
        out.append(KeyFigure(f"Energy per {per} learned", energy_cell(energy), "estimated from exact counts"))
    return out
