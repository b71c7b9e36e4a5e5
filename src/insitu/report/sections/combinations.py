"""Combinations of learner, substrate and backbone in one table and one map: accuracy, what is lost, what it costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from insitu import catalog
from insitu.experiments import Experiment, Variant
from insitu.ledger import Ledger
from insitu.metrics import Row
from insitu.report import formatting
from insitu.report.drawing import FONT, HEIGHT, WIDTH, colours
from insitu.report.formatting import Report
from insitu.report.intervals import Stat
from insitu.report.sample import Sample
from insitu.report.sections import pairs
from insitu.report.table import DASH, Block, Cell, Figure, Heading, KeyFigure, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KEY = "combinations"
LABELS = [Heading(name, words=True) for name in ("backbone", "learner", "substrate")]
LETTER = 0.62 * FONT  # mean width of a letter, in points
SLOPE = 35.0  # degrees of the labels below a map


def summary(sample: Sample, experiment: Experiment) -> list[dict[str, Any]] | None:
    """Return a line per combination: ``accuracy`` and ``aged`` at first and last age, ``drop`` below float, costs.

    ``further`` holds the other columns of the protocol, at the first and the last age.

    Costs are those of seed 0: picojoules per class held and per query (None where no event has an energy), and bytes
    next to the substrate. None of experiments that are no combinations.
    """
    if not experiment.combined:
        return None
    first_s, last_s = experiment.ages_s[0], experiment.ages_s[-1]
    column, *others = (each.name for each in sample.protocol.columns)
    lines: list[dict[str, Any]] = []
    pair = [
        Variant(name, learner) for name, learner in (("baseline", experiment.baseline), ("learner", experiment.learner))
    ]
    for variant in [*pair, *experiment.variants]:
        own = sample.where(arm=variant.name)
        row = next((row for row in own.where(age_s=first_s).rows if row["seed"] == 0), Row())
        lines.append(
            {
                **_parts(variant, str(getattr(experiment.scenario, "backbone", ""))),
                "arm": variant.name,
                "over": sample.seeds(variant.name),
                "accuracy": own.where(age_s=first_s).column(variant.name, column),
                "aged": own.where(age_s=last_s).column(variant.name, column),
                "further": [
                    {name: own.where(age_s=age_s).column(variant.name, name) for name in others}
                    for age_s in (first_s, last_s)
                ],
                "class_pj": _picojoules(row, "spent_", float(row.get("classes", 0))),
                "query_pj": _picojoules(row, "query_", 1.0),
                "bytes": sum(float(value) for name, value in row.items() if name.startswith("kept_")),
            }
        )
    for line in lines:
        line["drop"] = _drop(sample, line, lines, column, first_s)
    return lines


def _parts(variant: Variant, backbone: str) -> dict[str, str]:
    substrate = getattr(variant.learner, "substrate", None)
    device = getattr(substrate, "device", None)
    bits = getattr(substrate, "bits", 0)
    held = _name(device) if device is not None else f"{bits}-bit" if bits else "float"
    support = " (programmed)" if getattr(variant.learner, "support", "") == "program" and device is not None else ""
    return {
        "learner": _name(variant.learner),
        "substrate": held + support,
        "backbone": str(dict(variant.changes).get("backbone", backbone)),
    }


def _name(record: object) -> str:
    part = catalog.part_of(type(record))
    return part.name if part else type(record).__name__


def _drop(sample: Sample, line: dict[str, Any], lines: list[dict[str, Any]], column: str, age_s: float) -> Stat | None:
    """Return how far a combination is below the same learner and backbone in float, seed by seed."""
    alike = (
        each["arm"]
        for each in lines
        if (each["learner"], each["backbone"], each["substrate"]) == (line["learner"], line["backbone"], "float")
    )
    reference = next(alike, None)
    if reference is None or reference == line["arm"]:
        return None

    def values(rows: list[Row]) -> list[float]:
        at = {(row["arm"], row["seed"]): float(row[column]) for row in rows if column in row}
        seeds = sorted({seed for arm, seed in at if arm == line["arm"]}, key=float)
        return [at[reference, seed] - at[line["arm"], seed] for seed in seeds if (reference, seed) in at]

    return sample.where(age_s=age_s).stat(values, (reference, line["arm"]))


def _picojoules(row: Row, prefix: str, shared_by: float) -> float | None:
    counts = {name.removeprefix(prefix): int(value) for name, value in row.items() if name.startswith(prefix)}
    known = Ledger.of(**counts).energy_pj()
    return known / shared_by if known and shared_by else None


def blocks(report: Report) -> list[Block]:
    """Return the map of accuracies, the table, and one of the other columns per age."""
    lines = report.get(KEY)
    if not lines:
        return []
    protocol = formatting.protocol(report)
    column, ages_s = protocol.columns[0], report["composition"]["fields"]["ages_s"]
    rows = []
    for line in lines:
        fresh, aged = line["accuracy"], line["aged"]
        lost = fresh["median"] - aged["median"] if fresh and aged else None
        rows.append(
            [
                *_labels(line),
                Cell.of(fresh, column.unit, column.digits),
                Cell.of(line["drop"], "points", column.digits + 1),
                Cell("", lost, unit="points", digits=column.digits + 1) if lost is not None else Cell(),
                *(Cell(formatting.energy(line[name]), line[name], unit="pJ") for name in ("class_pj", "query_pj")),
                Cell(formatting.memory(line["bytes"]), line["bytes"], unit="bytes") if line["bytes"] else Cell(DASH),
            ]
        )
    headings = [
        *LABELS,
        Heading(column.heading, interval=True, strong=True),
        Heading("below float", interval=True),
        Heading(f"lost after {formatting.age(float(ages_s[-1]))}"),
        Heading("per class", "energy, about"),
        Heading("per query", "energy, about"),
        Heading("kept digitally"),
    ]
    age = formatting.age(float(ages_s[0]))
    note = (
        f"Medians after the last {protocol.step}, {age} after learning. Below float: than the same learner in float, "
        "seed by seed. Energies are estimates from exact counts; blank where no event of a combination has one."
    )
    title = "All combinations"
    return [
        *_best(report, lines),
        Figure(title, f"percent, {column.heading}, after the last {protocol.step}", _map(lines), cover=True),
        Table(title, headings, rows, note, labels=len(LABELS)).present(),
        *_further(report, lines),
    ]


def _labels(line: dict[str, Any]) -> list[Cell]:
    return [Cell(line[heading.text]) for heading in LABELS]


def _best(report: Report, lines: list[dict[str, Any]]) -> list[KeyFigure]:
    column = formatting.protocol(report).columns[0]
    measured = [line for line in lines if line["accuracy"]]
    best = max(measured, key=lambda line: float(line["accuracy"]["median"]), default=None)
    if best is None:
        return []
    note = f"{best['learner']}, {best['substrate']}, {best['backbone']}"
    return [KeyFigure("Most accurate", Cell.of(best["accuracy"], column.unit, column.digits), note)]


def _further(report: Report, lines: list[dict[str, Any]]) -> list[Table]:
    """Return a table per age of the protocol's other columns; reports of earlier versions do not hold them."""
    protocol, ages_s = formatting.protocol(report), report["composition"]["fields"]["ages_s"]
    columns, tables = protocol.columns[1:], []
    for place, age_s in enumerate(dict.fromkeys((float(ages_s[0]), float(ages_s[-1])))):
        rows = [
            [*_labels(line), *(Cell.of(line["further"][place][c.name], c.unit, c.digits) for c in columns)]
            for line in lines
            if "further" in line
        ]
        title = f"All combinations: old and new classes, {formatting.when(report, age_s)}"
        headings = [*LABELS, *(Heading(pairs.titled(protocol, c), interval=True) for c in columns)]
        if rows:
            folded: Literal["open", "folded"] = "folded" if place else "open"
            tables.append(Table(title, headings, rows, labels=len(LABELS), place=folded).present())
    return tables


def _map(lines: list[dict[str, Any]]) -> Callable[[Axes], None]:
    """Draw a row per backbone and learner and a column per substrate, the deeper, the more accurate."""
    several = len({line["backbone"] for line in lines}) > 1
    names = [f"{line['learner']}, {line['backbone']}" if several else line["learner"] for line in lines]
    down, across = list(dict.fromkeys(names)), list(dict.fromkeys(line["substrate"] for line in lines))
    measured = [(name, line) for name, line in zip(names, lines, strict=True) if line["accuracy"]]
    at = {(name, line["substrate"]): line["accuracy"]["median"] for name, line in measured}
    low, high = min(at.values(), default=0.0), max(at.values(), default=1.0)

    def draw(axes: Axes) -> None:
        # room for the longest labels, in the size that the page gives them, but never more than three fifths
        left = min(LETTER * max(map(len, "\n".join(down).split("\n")), default=0) + FONT, 0.6 * WIDTH) / WIDTH
        slope = np.sin(np.radians(SLOPE))
        below = min(LETTER * slope * max(map(len, across), default=0) + 2 * FONT, 0.6 * HEIGHT) / HEIGHT
        axes.set_position((left, below, 0.98 - left, 0.96 - below))
        for (row, substrate), value in at.items():
            x, y = across.index(substrate), down.index(row)
            share = (value - low) / ((high - low) or 1)
            axes.bar(x, 0.95, 0.95, y - 0.475, color=(colours()["learner"], 0.03 + 0.49 * share), linewidth=0)
            axes.text(x, y, f"{value:.1f}", ha="center", va="center")
        # anchored at its end, a label keeps clear of the map whatever font shows it
        axes.set_xticks(range(len(across)), across, rotation=SLOPE, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(down)), down)
        axes.set_xlim(-0.5, len(across) - 0.5)
        axes.set_ylim(len(down) - 0.5, -0.5)
        axes.grid(visible=False)

    return draw
