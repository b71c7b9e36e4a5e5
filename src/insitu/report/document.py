"""The report of a run: one JSON object that holds all that is shown, and the rows it was made from.

The schema is written down in ``docs/report.md``. Terminal, page and results ledger read this and nothing else.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from insitu.core import InsituError, read_text, write_text
from insitu.report import formatting

SCHEMA = 3  # 2: intervals in place of least and most; 3: rows of "baseline" and "learner"
NEEDED = ("experiment", "title", "data", "seeds", "rows", "table", "ages", "cost", "claims", "composition", "machine")

RENAMED = {"float": "baseline", "device": "learner"}  # since schema 3
HELD = ("table", "ages", "intervals", "example", "sweep", "arms")  # what those names are keys of

Report = dict[str, Any]


def save(report: Report, file: Path) -> None:
    """Write the report whole."""
    text = json.dumps(report, indent=1, ensure_ascii=False)
    write_text(file, text + "\n")


def load(given: Path) -> Report:
    """Read a report from a file, or from ``report.json`` in a folder; raise ``InsituError`` where it is none."""
    file = given / "report.json" if given.is_dir() else given
    try:
        report = json.loads(read_text(file))
    except FileNotFoundError as error:
        raise InsituError(f"no report at {file}; give the folder of a run, or its report.json") from error
    except ValueError as error:
        raise InsituError(f"{file} is no whole JSON ({error}); run the experiment again to write it anew") from error
    if not isinstance(report, dict):
        report = {}
    found = report.get("schema")
    if found not in range(1, SCHEMA + 1):
        raise InsituError(
            f"{file} has schema {found}; this version reads schema 1 to {SCHEMA}: run the experiment again"
        )
    needed = NEEDED if found == 1 else (*NEEDED, "intervals")
    if missing := [name for name in needed if name not in report]:
        raise InsituError(f"{file} lacks {', '.join(missing)}; run the experiment again to write it anew")
    if found == SCHEMA:
        return report
    try:
        return _of_schema_2(_of_schema_1(report) if found == 1 else report)
    except (TypeError, AttributeError) as error:
        raise InsituError(f"{file} is not a whole report ({error}); run the experiment again") from error


def _of_schema_1(report: Report) -> Report:
    """Return a report of version 0.1.0 as views read it: least and most stand where intervals do, and say so."""
    held: Report = _renamed(report)
    held["intervals"] = {"kind": formatting.LEAST_AND_MOST, "baseline": "", "learner": "", "gap": ""}
    for claim in held["claims"]:
        claim["over"] = formatting.seeds(report)
    return held


def _of_schema_2(report: Report) -> Report:
    """Return a report whose rows and tables say "float" and "device", which are now "baseline" and "learner"."""
    held: Report = {name: _arms_renamed(value) if name in HELD else value for name, value in report.items()}
    for row in held["rows"]:
        row["arm"] = RENAMED.get(row["arm"], row["arm"])
    return held


def _arms_renamed(value: Any) -> Any:
    if isinstance(value, list):
        return [_arms_renamed(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {RENAMED.get(name, name): _arms_renamed(each) for name, each in value.items()}


def _renamed(value: Any) -> Any:
    if isinstance(value, list):
        return [_renamed(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"median", "min", "max"}:
        return {"median": value["median"], "low": value["min"], "high": value["max"]}
    return {name: _renamed(each) for name, each in value.items()}
