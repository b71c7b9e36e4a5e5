"""A report in the terminal: sessions, cost per learned class, claims with verdicts. Reads only the report."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from insitu.app import wording
from insitu.app.report import Report

STYLES = {"met": "green", "missed": "bold red", "not measured": "yellow", "reported": "dim"}


def show(report: Report, console: Console) -> None:
    """Print the report as tables."""
    console.print(f"\n[bold]{escape(report['title'])}[/bold]")
    console.print(escape(f"{report['data']}; {wording.seeds(report)}"), style="dim")
    for caution in wording.cautions(report):
        console.print(escape(caution), style="yellow")
    for block in report["table"]:
        console.print(_sessions(block, several=len(report["table"]) > 1))
    console.print(
        "Accuracies in percent, medians over the seeds; gap = float − device, in points, with the least and the most "
        "over the seeds.",
        style="dim",
    )
    if report["cost"]["learning"] or report["cost"]["query"]:
        console.print(_cost(report["cost"]))
    if report["claims"]:
        console.print(_claims(report["claims"]))


def _table(title: str) -> Table:
    return Table(title=f"\n{title}", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def _sessions(block: dict[str, Any], several: bool) -> Table:
    read = f", read {wording.age(block['age_s'])} after it was written" if several else ""
    table = _table(f"Per session{read}")
    for heading in ("", "classes", "float", "device", "gap", "least … most"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("base", "novel", "harmonic"):
        table.add_column(f"{heading}\nfloat", justify="right", no_wrap=True)
        table.add_column("\ndevice", justify="right", no_wrap=True)
    table.columns[0].header = "session"
    for row in block["sessions"]:
        exact, device, gap = row["float"], row["device"], row["gap"]["overall"]
        cells = [str(row["session"]), str(row["classes"]), wording.number(exact["overall"])]
        cells += [f"[bold]{wording.number(device['overall'])}[/bold]", wording.number(gap, 2), wording.spread(gap)]
        for name in ("base", "novel", "harmonic"):
            cells += [wording.number(exact[name]), wording.number(device[name])]
        table.add_row(*cells)
    return table


def _cost(cost: dict[str, Any]) -> Table:
    table = _table("What the device spends (counts exact, energies estimated)")
    table.add_column("")
    table.add_column("event")
    table.add_column("count", justify="right")
    table.add_column("energy, about", justify="right")
    headings = {"learning": "per learned class", "query": "per query"}
    for name, heading in headings.items():
        known = [each["energy_pj"] for each in cost[name] if each["energy_pj"] is not None]
        for number, each in enumerate(cost[name]):
            count = wording.count(each["count"]["median"])
            table.add_row(heading if not number else "", each["event"], count, wording.energy(each["energy_pj"]))
        if len(known) > 1:
            table.add_row("", "[dim]together[/dim]", "", f"[dim]{wording.energy(sum(known))}[/dim]")
    return table


def _claims(claims: list[dict[str, Any]]) -> Table:
    table = _table("Claims")
    table.add_column("claim", ratio=3)
    table.add_column("published", ratio=1)
    table.add_column("target", justify="right", no_wrap=True)
    table.add_column("measured [least … most]", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for claim in claims:
        verdict = f"[{STYLES[claim['verdict']]}]{claim['verdict']}[/]"
        measured = escape(wording.measured(claim))
        table.add_row(escape(claim["name"]), escape(claim["published"]), claim["target"], measured, verdict)
    return table
