"""A report in the terminal: sessions, cost per learned class, claims with verdicts. Reads only the report."""

from __future__ import annotations

import os
import sys
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from insitu.report import comparison, formatting, movement, sweep
from insitu.report.document import Report

STYLES = {
    "met": "green",
    "met in the median": "yellow",
    "missed": "bold red",
    "not measured": "yellow",
    "not judged": "yellow",
    "reported": "dim",
}


def console() -> Console:
    """Return the console for results: a page of text has no width of its own, give it a hundred columns."""
    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(width=100 if piped else None, highlight=False)


def show(report: Report, to: Console) -> None:
    """Print the report as tables."""
    to.print(f"\n[bold]{escape(report['title'])}[/bold]")
    to.print(escape(f"{report['data']}; {formatting.seeds(report)}"), style="dim")
    for caution in formatting.cautions(report):
        to.print(escape(caution), style="yellow")
    names = formatting.names(report)
    for block in report["table"]:
        read = f", {formatting.when(block)}" if len(report["table"]) > 1 else ""
        to.print(f"\n[bold]Per {formatting.step(block)}{read}[/bold]", _sessions(block, names), sep="\n")
        if block.get("stream"):
            to.print("\n[bold]Over the whole stream[/bold]", _stream(block["stream"], names), sep="\n")
    if report["table"]:
        _about_accuracy(report, to)
    for title, head, lines in movement.tables(report):
        to.print(f"\n[bold]{escape(title)}[/bold]", _lines(head, lines), sep="\n")
    if report.get("movement"):
        to.print(escape(movement.NOTE), style="dim")
    for title, head, lines in comparison.tables(report):
        to.print(f"\n[bold]{escape(title)}[/bold]", _lines(head, lines), sep="\n")
    if report.get("sweep") and report["table"]:
        to.print(f"\n[bold]{sweep.heading(report)}[/bold]", _sweep(report), sep="\n")
        to.print(escape(f"Accuracy in {sweep.note(report)}."), style="dim")
    if report["cost"]["learning"] or report["cost"]["query"]:
        spender = "the device" if names == formatting.NAMES else escape(names[1])
        to.print(f"\n[bold]What {spender} spends[/bold] (counts exact, energies estimated)", _cost(report["cost"]))
    if report["claims"]:
        to.print("\n[bold]Claims[/bold]", _claims(report["claims"]), sep="\n")
    to.print(escape(f"Figures are medians, {formatting.brackets(report)}."), style="dim")


def _about_accuracy(report: Report, to: Console) -> None:
    names = formatting.names(report)
    pairs = f"; old, new, harmonic: {'/'.join(names)}" if any(map(formatting.measures, report["table"])) else ""
    to.print(
        escape(f"Accuracy in percent, medians; {formatting.gap(report)} in points, with its interval{pairs}."),
        style="dim",
    )


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in headings:
        table.add_column(escape(heading), justify="right", no_wrap=True)
    return table


def _sessions(block: dict[str, Any], names: tuple[str, str]) -> Table:
    words = {"base": "old", "novel": "new", "harmonic": "harmonic"}
    shown = formatting.measures(block)
    table = _table(formatting.step(block), "classes", *map(_folded, names), "gap", "", *(words[name] for name in shown))
    for row in formatting.some(block["sessions"]):
        exact, device, gap = row["baseline"], row["learner"], row["gap"]["overall"]
        spread = formatting.ends(gap, 2).replace(" … ", "…")
        cells = [str(row["session"]), str(row["classes"]), formatting.number(exact["overall"])]
        cells += [
            f"[bold]{formatting.number(device['overall'])}[/bold]",
            formatting.number(gap, 2),
            f"[dim]{spread}[/dim]",
        ]
        for name in shown:
            pair = f"{formatting.number(exact[name])}/{formatting.number(device[name])}"
            cells.append(pair if exact[name] or device[name] else "–")
        table.add_row(*cells)
    return table


def _folded(name: str) -> str:
    """Write a name as a heading: a word a line, so that the column stays narrow."""
    return name.replace(" ", "\n")


def _sweep(report: Report) -> Table:
    return _lines(*sweep.table(report))


def _lines(head: list[str], lines: list[list[str]]) -> Table:
    table = _table(*map(_folded, head))
    table.columns[0].no_wrap, table.columns[0].max_width = False, 24  # of an arm, with what it is taken over
    for line in lines:
        table.add_row(*map(_two_lines, line))
    return table


def _two_lines(cell: str) -> str:
    """Write the interval of a cell below its median, so that the column stays narrow."""
    median, bracket, ends = cell.partition(" [")
    return f"{escape(median)}\n[dim]{ends.removesuffix(']').replace(' … ', '…')}[/dim]" if bracket else escape(cell)


def _stream(stream: dict[str, Any], names: tuple[str, str]) -> Table:
    table = _table("", _folded(names[0]), "", _folded(names[1]), "")
    table.columns[0].justify = "left"
    for name, (word, _) in formatting.STREAM.items():
        cells = [word]
        for arm in ("baseline", "learner"):
            spread = formatting.ends(stream[arm][name], 2).replace(" … ", "…")
            cells += [formatting.number(stream[arm][name], 2), f"[dim]{spread}[/dim]"]
        table.add_row(*cells)
    return table


def _cost(cost: dict[str, Any]) -> Table:
    table = _table("", "", "count", "energy, about")
    table.columns[0].justify = table.columns[1].justify = "left"
    for name, heading in {
        "learning": f"per {cost['per']}" if cost.get("per") == "task" else f"per learned {cost.get('per', 'class')}",
        "query": "per query",
    }.items():
        known = [each["energy_pj"] for each in cost[name] if each["energy_pj"] is not None]
        for number, each in enumerate(cost[name]):
            count = formatting.count(each["count"]["median"])
            table.add_row("" if number else heading, each["event"], count, formatting.energy(each["energy_pj"]))
        if len(known) > 1:
            table.add_row("", "together", "", formatting.energy(sum(known)), style="dim")
    for number, each in enumerate(cost.get("memory", [])):
        held = formatting.memory(each["count"]["median"])
        table.add_row("" if number else "memory at the end", each["event"].removesuffix(" bytes"), held, "")
    return table


def _claims(claims: list[dict[str, Any]]) -> Table:
    table = _table("claim", "published", "target", "measured", "over", "")
    for column in (*table.columns[:2], *table.columns[4:]):
        column.justify, column.no_wrap, column.overflow = "left", False, "fold"
    for claim in claims:
        verdict = f"[{STYLES[claim['verdict']]}]{claim['verdict']}[/]"
        measured = _two_lines(formatting.measured(claim))
        cells = [escape(claim[name]) for name in ("name", "published", "target")]
        table.add_row(*cells, measured, escape(claim["over"]), verdict)
    return table
