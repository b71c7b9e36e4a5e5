"""Two runs in one table: what differs in their compositions, then figure by figure with intervals."""

from __future__ import annotations

from insitu.core import InsituError
from insitu.report import formatting, sections
from insitu.report.composition import changes
from insitu.report.formatting import Report
from insitu.report.table import DASH, Cell, Heading, Table


def compare(first: Report, second: Report, names: tuple[str, str]) -> Table:
    """Return what differs between two runs of one protocol; ``names`` are what they are called.

    Of a table over sessions or ages, the first row and the last one are compared. Raises ``InsituError`` where the
    protocols differ, because then no figure of one run means the same as one of the other.
    """
    if first["protocol"] != second["protocol"]:
        raise InsituError(
            f"{names[0]} follows {first['protocol']} and {names[1]} {second['protocol']}, which measure different "
            "things; compare runs of one protocol, or give their common folder to show both"
        )
    mine, theirs = _figures(first), _figures(second | {"names": list(formatting.names(first))})
    parts = {"Composition": _composition(first, second)}
    same = 0
    for title, cells in mine.items():
        shared = {
            about: (cell, theirs[title][about]) for about, cell in cells.items() if about in theirs.get(title, {})
        }
        parts[title] = {about: pair for about, pair in shared.items() if pair[0] != pair[1]}
        same += len(shared) - len(parts[title])
    rows = []
    for title, differing in parts.items():
        rows += [[Cell(title, mark="heading"), Cell(), Cell(), Cell()]] * bool(differing)
        rows += [[Cell(about), *pair, _difference(*pair)] for about, pair in differing.items()]
    note = (
        f"A: {names[0]}; B: {names[1]}. {same} figures are the same in both. "
        "Differences of medians are bold where the intervals do not overlap."
    )
    pair = [Heading(name, interval=True, unit=True) for name in "AB"]
    return Table("Two runs compared", [Heading("", words=True), *pair, Heading("B \u2212 A")], rows, note)


def _composition(first: Report, second: Report) -> dict[str, tuple[Cell, Cell]]:
    """Return what differs in parts and fields, in data, number of seeds and versions."""
    before, after = (
        {"experiment": each["experiment"], "data": each["data"], "seeds": len(each["seeds"]), **each["versions"]}
        for each in (first, second)
    )
    out = {name: (str(before.get(name, DASH)), str(after.get(name, DASH))) for name in before | after}
    out |= {c["field"]: (c["before"], c["after"]) for c in changes(first["composition"], second["composition"])}
    return {field: (Cell(mine), Cell(theirs)) for field, (mine, theirs) in out.items() if mine != theirs}


def _figures(report: Report) -> dict[str, dict[str, Cell]]:
    """Return the cells of every open table that hold a number or a verdict, by its title and by row and column."""
    out: dict[str, dict[str, Cell]] = {}
    for block in sections.blocks(report):
        if isinstance(block, Table) and block.place == "open":
            for row in block.rows[:: max(len(block.rows) - 1, 1)] if block.sequence else block.rows:
                about = ", ".join(cell.number for cell in row[: block.labels])
                about = f"{block.headings[0].text} {about}" if block.sequence else about
                for heading, cell in list(zip(block.headings, row, strict=True))[block.labels :]:
                    if cell.value is not None or cell.mark in ("good", "fair", "bad"):
                        out.setdefault(block.title, {})[f"{about}: {heading.whole}"] = cell
    return out


def _difference(first: Cell, second: Cell) -> Cell:
    """Return the difference of two numbers, the ratio where they are written as texts, such as '5 nJ'."""
    if first.value is None or second.value is None:
        return Cell()
    if first.text:
        return Cell(f"× {second.value / first.value:.3g}" if first.value else "")
    (low, high), (lower, higher) = first.interval or (0, 0), second.interval or (0, 0)
    apart = first.interval and second.interval and (high < lower or higher < low)
    return Cell("", second.value - first.value, digits=first.digits, mark="strong" if apart else "")
