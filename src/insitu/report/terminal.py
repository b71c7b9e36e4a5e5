"""Tables of a report in the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import groupby

from rich import box, table
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement

from insitu.report import formatting, sections
from insitu.report.formatting import Report
from insitu.report.table import Table

LABEL = 34  # columns of a label in words, which wraps
STYLES = {
    "strong": "bold",
    "heading": "bold",
    "good": "green",
    "fair": "yellow",
    "bad": "bold red",
    "warn": "yellow",
    "plain": "dim",
}


def console() -> Console:
    """Return the console for results; output to a file has no width of its own and gets 110 columns."""
    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(width=110 if piped else None, highlight=False)


def show(report: Report, to: Console) -> None:
    """Print the tables of a report, the first one last, next to the prompt."""
    to.print(f"\n[bold]{escape(report['title'])}[/bold]")
    to.print(escape(f"{report['data']}; {formatting.seeds(report)}"), style="dim")
    for caution in formatting.cautions(report):
        to.print(escape(caution), style="yellow")
    tables = sections.tables(report)
    for each in tables[1:] + tables[:1]:
        print_table(each, to)
    to.print(escape(f"Figures are medians, {formatting.brackets(report)}."), style="dim")


def print_table(given: Table, to: Console) -> None:
    """Print a table; one that is too wide is continued below."""
    to.print(f"\n[bold]{escape(given.title)}[/bold]")
    for number, part in enumerate(_fitting(given, to)):
        to.print(*[""] * (number > 0), part, sep="\n")
    if given.note:
        to.print(escape(given.note), style="dim")


def _fitting(given: Table, to: Console) -> Iterator[table.Table]:
    """Yield the table as it is, or with intervals below their numbers, or in parts that fit the width."""
    columns = list(range(given.labels, len(given.headings)))
    words = any(given.headings[column].words for column in columns)
    groups = [list(own) for _, own in groupby(columns, lambda c: given.headings[c].group or str(c))]

    def fits(columns: list[int], below: bool) -> bool:
        unbound = to.options.update(width=10_000)
        return Measurement.get(to, unbound, _laid_out(given, columns, below)).maximum <= to.width

    ways = [([columns], False), ([columns], True), (groups, False), (groups, True), ([[c] for c in columns], True)]
    fitting = (way for way in ways if all(fits(unit, way[1]) for unit in way[0]))
    units, below = ([columns], True) if words and not fits(columns, False) else next(fitting, ways[-1])
    part: list[int] = []
    for unit in units:
        if part and not fits([*part, *unit], below):
            yield _laid_out(given, part, below)
            part = []
        part += unit
    yield _laid_out(given, part, below)


def _laid_out(given: Table, columns: list[int], below: bool) -> table.Table:
    """Lay labels and some columns out, intervals to the right of their numbers or ``below`` them."""
    out = table.Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    shown, last = given.shown(), ""
    apart = {c for c in columns if given.headings[c].interval and not below and any(row[c].ends for row in shown)}
    for column in (*range(given.labels), *columns):
        heading = given.headings[column]
        group = "" if heading.group == last else heading.group.replace(" ", "\n") + "\n"
        last = heading.group
        text = heading.text if column < given.labels else heading.text.replace(" ", "\n")
        left = heading.words or (column < given.labels and given.rows[0][column].value is None)
        out.add_column(
            escape(group + text),
            justify="left" if left else "right",
            no_wrap=not heading.words,
            overflow="fold",
            vertical="top",
            max_width=LABEL if heading.words and column < given.labels else None,
        )
        if column in apart:
            out.add_column()
    for row in shown:
        cells: list[str] = []
        for column in (*range(given.labels), *columns):
            heading, cell = given.headings[column], row[column]
            style = STYLES[cell.mark] if cell.mark else "bold" if heading.strong else ""
            number = escape(f"{cell.number} {cell.suffix}" if heading.unit and cell.suffix else cell.number)
            ends = f"[dim]{cell.ends.replace(' … ', '…')}[/dim]" if heading.interval and cell.ends else ""
            text = f"[{style}]{number}[/]" if style and number else number
            cells += [text, ends] if column in apart else [f"{text}\n{ends}" if ends else text]
        out.add_row(*cells)
    return out
