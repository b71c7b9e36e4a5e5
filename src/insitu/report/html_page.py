"""A report as one HTML file: pictures inside, no link that leads out, light and dark."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from itertools import groupby
from pathlib import Path

from insitu.core import read_text, write_text
from insitu.report import drawing, formatting, sections
from insitu.report.formatting import Report
from insitu.report.table import Animation, Cell, Figure, Heading, KeyFigure, Pictures, Table

WIDE = 10  # numbers side by side, from which on intervals stand below theirs
LARGEST_GIF = 400 * 1024  # bytes of an animation that the page holds


def save(report: Report, file: Path) -> None:
    """Write the page whole."""
    write_text(file, page(report))


def page(report: Report) -> str:
    """Return the page: key figures, the first table, all figures, the other tables."""
    blocks = sections.blocks(report)
    first, *rest = [
        _table(block) if isinstance(block, Table) else _pictures(block)
        for block in blocks
        if isinstance(block, Table | Pictures)
    ] or [""]
    figures = [_figure(block) for block in blocks if isinstance(block, Figure | Animation)]
    note = (
        f"Figures are medians, {formatting.brackets(report)}. Bands and whiskers of charts are such intervals; other "
        "intervals of tables show on hover."
    )
    body = [
        _head(report),
        _key_figures([block for block in blocks if isinstance(block, KeyFigure)]),
        first,
        f'<h2>Figures</h2>\n<div class="figures">{"".join(figures)}</div>' if any(figures) else "",
        *rest,
        f'<p class="note">{escape(note)}</p>',
        _foot(report),
    ]
    text = "\n".join(part for part in body if part)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(report['title'])}</title>\n"
        f"<style>\n{read_text(drawing.STYLE)}</style>\n</head>\n<body>\n<main>\n{text}\n</main>\n</body>\n</html>\n"
    )


def _head(report: Report) -> str:
    changed = formatting.changes(report)
    changed = "" if report["paper"] or not changed else f" Changed fields: {escape(changed)}."
    cautions = "".join(f'<p class="caution">{escape(text)}</p>' for text in formatting.cautions(report))
    return (
        f'<p class="eyebrow"><b>insitu</b> · {escape(report["experiment"])} · {escape(report["started"][:10])}</p>\n'
        f"<h1>{escape(report['title'].rstrip('.'))}</h1>\n"
        + (f'<p class="lead">{escape(report["paper"])}</p>\n' if report["paper"] else "")
        + f'<p class="note">{escape(report["data"])}; {formatting.seeds(report)}.{changed}</p>\n{cautions}'
    )


def _key_figures(given: list[KeyFigure]) -> str:
    cells = "".join(
        f'<div><dt>{escape(each.name)}</dt><dd class="big">{each.cell.number} '
        f'<small>{escape(each.cell.suffix)}</small></dd><dd class="under">{escape(each.note)}</dd></div>'
        for each in given
    )
    return f'<dl class="tiles">{cells}</dl>' if cells else ""


def _figure(block: Figure | Animation) -> str:
    if isinstance(block, Figure):
        picture = drawing.inline(block)
    else:
        gif = block.gif()
        if len(gif) > LARGEST_GIF:
            return ""
        data = f"data:image/gif;base64,{b64encode(gif).decode()}"
        picture = f'<img src="{data}" width="480" height="400" alt="{escape(block.title)}">'
    caption = f"<figcaption>{escape(block.title)}<span>{escape(block.note)}</span></figcaption>"
    return f"<figure>{caption}{picture}</figure>"


def _pictures(block: Pictures) -> str:
    items = "".join(
        f'<li><img src="data:image/jpeg;base64,{each.jpeg}" alt="{escape(each.caption)}"><b>{escape(each.caption)}</b>'
        f"<span>{escape(each.note)}</span></li>"
        for each in block.items
    )
    return (
        f'<h2>{escape(block.title)}</h2>\n<p class="note">{escape(block.note)}</p>\n<ul class="pictures">{items}</ul>'
    )


def _table(table: Table) -> str:
    """Return a table below its title, or folded behind it."""
    grouped = any(heading.group for heading in table.headings)
    groups = [(name, len(list(own))) for name, own in groupby(table.headings, lambda heading: heading.group)]
    upper = "".join(f'<th class="group{" start" * bool(n)}" colspan="{count}">{escape(n)}</th>' for n, count in groups)
    lower = "".join(
        f"<th{_classes(heading, place, table)}>{escape(heading.text)}</th>"
        for place, heading in enumerate(table.headings)
    )
    rows = "".join(
        f"<tr>{''.join(_cell(cell, whole[place], table, place) for place, cell in enumerate(row))}</tr>"
        for row, whole in zip(table.shown(), table.thinned(), strict=True)
    )
    stacked = (
        table.labels > 2
        or any(heading.words for heading in table.headings[table.labels :])
        or any(cell.note for row in table.rows for cell in row[1 : table.labels])
    )
    kind = ("stacked" if stacked else "plain") + " dense" * (table.width > WIDE)
    text = (
        f'<div class="scroll"><table class="{kind}"><thead>'
        f"{f'<tr>{upper}</tr>' if grouped else ''}<tr>{lower}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
    note = f'<p class="note">{escape(table.note)}</p>\n' if table.note else ""
    if table.place == "open":
        return f"<h2>{escape(table.title)}</h2>\n{note}{text}"
    return f"<details><summary>{escape(table.title)}</summary>{note}{text}</details>"


def _cell(cell: Cell, whole: Cell, table: Table, place: int) -> str:
    """Return a cell; ``whole`` is what it holds where its label repeats the one above, which narrow screens show."""
    heading = table.headings[place]
    if whole.text and not cell.text:
        return f"<td{_classes(heading, place, table, again=True)}><span>{escape(whole.text)}</span></td>"
    number = (
        f"<strong>{escape(cell.number)}</strong>"
        if heading.strong or cell.mark in ("strong", "heading")
        else escape(cell.number)
    )
    if cell.mark and cell.mark not in ("strong", "heading") and cell.number:
        number = f'<span class="chip {cell.mark}">{number}</span>'
    if heading.interval and cell.ends:
        number += f' <span class="soft">[{cell.ends}]</span>'
    if heading.unit and cell.suffix:
        number += f' <span class="soft">{escape(cell.suffix)}</span>'
    if cell.note:
        number += f'<span class="note">{escape(cell.note)}</span>'
    hint = f' title="{cell.ends}"' if cell.ends and not heading.interval else ""
    label = f' data-label="{escape(heading.whole)}"' if place >= table.labels and not cell.mark else ""
    return f"<td{_classes(heading, place, table, cell.mark)}{hint}{label}>{number}</td>"


def _classes(heading: Heading, place: int, table: Table, mark: str = "", again: bool = False) -> str:
    first = heading.group and table.headings[place - 1].group != heading.group
    left = heading.words or place < table.labels
    names = ["text"] * left + ["start"] * bool(first) + ["mark"] * bool(mark) + ["again"] * again
    return f' class="{" ".join(names)}"' if names else ""


def _foot(report: Report) -> str:
    lines = {
        "machine": formatting.machine(report),
        "versions": ", ".join(f"{name} {version}" for name, version in report["versions"].items()),
        "started": report["started"].replace("T", " ").replace("+00:00", " UTC"),
        "computing": formatting.duration(report["seconds"]),
        "seeds": ", ".join(map(str, report["seeds"])),
    }
    items = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in lines.items())
    return f"<footer><dl>{items}</dl></footer>"
