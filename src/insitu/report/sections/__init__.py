"""The sections of a report, in the order in which a page shows them; a new section is one file and a name here.

A section is a module with ``KEY``, its part of the JSON; ``summary(sample, experiment)``, which computes that part from
the rows of a run (None where the section does not apply); and ``blocks(report)``, which returns its tables and figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from insitu.experiments import Experiment
from insitu.report.formatting import Report
from insitu.report.sample import Sample
from insitu.report.sections import (
    ages,
    chain,
    claims,
    combinations,
    confusions,
    cost,
    example,
    parts,
    retention,
    sessions,
    stream,
    sweep,
    variants,
)
from insitu.report.table import Block, Table


class Section(Protocol):
    """What a module of this folder provides."""

    KEY: str

    def summary(self, sample: Sample, experiment: Experiment) -> Any: ...  # noqa: D102  # see the module's docstring
    def blocks(self, report: Report) -> Sequence[Block]: ...  # noqa: D102


SECTIONS: tuple[Section, ...] = (
    claims,
    combinations,
    variants,
    sessions,
    stream,
    ages,
    retention,
    confusions,
    example,
    sweep,
    chain,
    cost,
    parts,
)


def blocks(report: Report) -> list[Block]:
    """Return all tables and figures of a report; one of combinations has no baseline and learner to compare."""
    shown: tuple[Section, ...] = (combinations, parts) if report.get(combinations.KEY) else SECTIONS
    return [block for section in shown for block in section.blocks(report)]


def tables(report: Report) -> list[Table]:
    """Return the tables of a report that every view shows: all but appendices."""
    return [block for block in blocks(report) if isinstance(block, Table) and block.place != "appendix"]
