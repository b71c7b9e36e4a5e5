"""The report of a run: one JSON object that holds all that is shown, and the rows it was made from.

The schema is written down in ``docs/report.md``. Sections read this and nothing else.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

from insitu.core import InsituError, read_text, write_text
from insitu.experiments import Experiment
from insitu.report import upgrade
from insitu.report.formatting import Report
from insitu.report.sample import Sample
from insitu.report.sections import SECTIONS, claims

SCHEMA = 3  # see ``upgrade`` for those before
NEEDED = ("experiment", "title", "data", "seeds", "rows", "table", "ages", "cost", "claims", "composition", "machine")


def build(about: Report, sample: Sample, experiment: Experiment) -> Report:
    """Return the report of an experiment: what is known ``about`` the run, and the part of every section."""
    made = {
        **about,
        "schema": SCHEMA,
        "protocol": sample.protocol.name,
        "paper": experiment.paper,
        "verified": experiment.verified,
        "names": list(experiment.names),
        "intervals": sample.intervals(),
    }
    made |= {section.KEY: section.summary(sample, experiment) for section in SECTIONS}
    return made | {"claims": claims.judged(made["claims"], about["changes"]), "rows": sample.rows}


def save(report: Report, file: Path) -> None:
    """Write the report whole."""
    write_text(file, json.dumps(report, indent=1, ensure_ascii=False) + "\n")


def load(given: Path) -> Report:
    """Read a report from a file, or from ``report.json`` in a folder; raise ``InsituError`` where it is none."""
    file = given / "report.json" if given.is_dir() else given
    again = "run the experiment again"
    report: Report
    try:
        report = json.loads(read_text(file))
    except FileNotFoundError as error:
        raise InsituError(f"no report at {file}; give the folder of a run, or its report.json") from error
    except ValueError as error:
        raise InsituError(f"{file} is not complete JSON ({error}); {again}") from error
    if not (isinstance(report, dict) and "schema" in report):
        raise InsituError(f"{file} is not a report of insitu; give the folder of a run, or its report.json")
    found = report["schema"]
    if not (isinstance(found, int) and 1 <= found <= SCHEMA):
        raise InsituError(f"{file} has schema {found}; this version reads schema 1 to {SCHEMA}: {again}")
    needed = {1: NEEDED, 2: (*NEEDED, "intervals")}.get(found, (*NEEDED, "intervals", "protocol"))
    if missing := [name for name in needed if name not in report]:
        raise InsituError(f"{file} lacks {', '.join(missing)}; {again}")
    try:
        if found < SCHEMA:
            report = upgrade.upgraded(report)
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise InsituError(f"{file} is not a complete report ({error}); {again}") from error
    name = report["protocol"]
    if not (isinstance(name, str) and name.isidentifier() and find_spec(f"insitu.protocols.{name}")):
        raise InsituError(f"{file} is of the protocol {name!r}, which this version does not have; update insitu")
    return report
