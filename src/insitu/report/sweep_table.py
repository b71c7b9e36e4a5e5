"""The rows of a sweep as one table on disk: Parquet where pyarrow is installed, else CSV, with what they are about."""

from __future__ import annotations

import csv
import io
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from insitu.core import InsituError, read_text, write_text, write_whole

SCHEMA = 1
ABOUT, PARQUET, CSV = "sweep.json", "sweep.parquet", "sweep.csv"
Rows = list[dict[str, Any]]


def check(folder: Path, experiment: str) -> None:
    """Raise ``InsituError`` where ``folder`` holds the table of another experiment, or of another version's format."""
    try:
        held = json.loads(read_text(folder / ABOUT))
        schema, of = held["schema"], held["experiment"]
    except FileNotFoundError:
        return
    except NotADirectoryError as error:
        raise InsituError(f"--out is a folder, and {folder} is a file; give another folder") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InsituError(f"{folder / ABOUT} is not that of a sweep; choose another --out, or remove it") from error
    if schema != SCHEMA:
        raise InsituError(
            f"{folder} holds a sweep of schema {schema}, written by another version of insitu; this one writes schema "
            f"{SCHEMA}: choose another --out"
        )
    if of != experiment:
        raise InsituError(f"{folder} holds a sweep of {of}; choose another --out for {experiment}")


def save(folder: Path, about: dict[str, Any], rows: Rows) -> Path:
    """Write the table and what it is ``about``; return the file of the table."""
    about = {"schema": SCHEMA, **about}
    names = list(dict.fromkeys(name for row in rows for name in row))
    if find_spec("pyarrow"):
        file = folder / PARQUET
        write_whole(file, lambda part: _parquet(part, names, rows, about))
    else:
        file = folder / CSV
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(file, out.getvalue())
    write_text(folder / ABOUT, json.dumps(about, indent=1, ensure_ascii=False) + "\n")
    return file


def _parquet(file: Path, names: list[str], rows: Rows, about: dict[str, Any]) -> None:
    import pyarrow
    import pyarrow.parquet

    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        words = any(isinstance(value, str) for value in values)
        columns[name] = [None if value is None else str(value) for value in values] if words else values
    table = pyarrow.table(columns)
    pyarrow.parquet.write_table(table.replace_schema_metadata({"insitu": json.dumps(about)}), file)
