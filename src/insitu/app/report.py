"""The report of a run: one JSON object that holds all that is shown, and the rows it was made from.

The schema is written down in ``docs/report.md``. Terminal, page and results ledger read this and nothing else.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from insitu.core import InsituError, write_whole

SCHEMA = 1
NEEDED = ("experiment", "title", "data", "seeds", "rows", "table", "ages", "cost", "claims", "composition", "machine")

Report = dict[str, Any]


def save(report: Report, file: Path) -> None:
    """Write the report whole."""
    text = json.dumps(report, indent=1, ensure_ascii=False)
    write_whole(file, lambda temporary: temporary.write_text(text + "\n", encoding="utf-8"))


def load(given: Path) -> Report:
    """Read a report from a file, or from ``report.json`` in a folder; raise ``InsituError`` where it is none."""
    file = given / "report.json" if given.is_dir() else given
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InsituError(f"no report at {file}; give the folder of a run, or its report.json") from error
    except ValueError as error:
        raise InsituError(f"{file} is no whole JSON ({error}); run the experiment again to write it anew") from error
    if not isinstance(report, dict) or report.get("schema") != SCHEMA:
        found = report.get("schema") if isinstance(report, dict) else None
        raise InsituError(f"{file} has schema {found}; this version reads schema {SCHEMA}: run the experiment again")
    if missing := [name for name in NEEDED if name not in report]:
        raise InsituError(f"{file} lacks {', '.join(missing)}; run the experiment again to write it anew")
    return report
