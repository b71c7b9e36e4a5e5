"""Tables of reports as CSV: one line per cell, so that a spreadsheet or a data frame can filter and pivot them."""

from __future__ import annotations

import csv
from typing import IO

from insitu.report import sections
from insitu.report.formatting import Report
from insitu.report.table import DASH, KeyFigure, Table

COLUMNS = ("report", "experiment", "table", "row", "column", "value", "low", "high", "unit")


def write(reports: dict[str, Report], to: IO[str]) -> None:
    """Write all cells of reports, named by their keys, with the digits that ``report.json`` has."""
    out = csv.writer(to, lineterminator="\n")
    out.writerow(COLUMNS)
    for name, report in reports.items():
        for block in sections.blocks(report):
            cells = []
            if isinstance(block, KeyFigure):
                cells = [("Key figures", block.name, "", block.cell)]
            elif isinstance(block, Table):
                cells = [
                    (block.title, ", ".join(cell.number for cell in row[: block.labels]), heading.whole, cell)
                    for row in block.rows
                    for heading, cell in list(zip(block.headings, row, strict=True))[block.labels :]
                ]
            for table, row, column, cell in cells:
                if cell.value is not None or cell.text not in ("", DASH):
                    value = cell.text if cell.value is None else cell.value
                    ends = cell.interval or ("", "")
                    out.writerow([name, report["experiment"], table, row, column, value, *ends, cell.unit])
