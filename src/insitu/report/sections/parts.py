"""The composition of a run: every field of its parts, the changed ones marked."""

from __future__ import annotations

from typing import Any

from insitu.experiments import Experiment
from insitu.report.composition import DESCRIPTION, composition, text
from insitu.report.formatting import Report
from insitu.report.sample import Sample
from insitu.report.table import Block, Cell, Heading, Table

KEY = "composition"


def summary(sample: Sample, experiment: Experiment) -> dict[str, Any]:
    """Return the experiment as plain data."""
    return composition(experiment, DESCRIPTION | {"sweep"})


def blocks(report: Report) -> list[Block]:
    """Return one row per field, named by its path."""
    changed = {each["field"] for each in report.get("changes", [])}
    rows = [
        [Cell(path), Cell(value), Cell("changed", mark="warn") if path in changed else Cell()]
        for path, value in fields(report[KEY])
    ]
    return (
        [Table("Composition", [Heading("field"), Heading("value", words=True), Heading("")], rows, place="appendix")]
        if rows
        else []
    )


def fields(held: dict[str, Any], path: str = "") -> list[tuple[str, str]]:
    """Return path and text of every field of a composition, outer ones first."""
    out = []
    for name, value in held["fields"].items():
        here = f"{path}.{name}" if path else name
        out.append((here, text(value)))
        if isinstance(value, dict):
            out += fields(value, here)
    return out
