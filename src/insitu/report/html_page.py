"""A report as one HTML file: figures inside, no link that leads out, light and dark. Reads only the report."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from insitu.core import read_text, write_text
from insitu.report import claims, figures, formatting, html_tables
from insitu.report.document import Report

STYLE = Path(__file__).with_name("html_page.css")


def save(report: Report, file: Path) -> None:
    """Write the page whole."""
    text = page(report)
    write_text(file, text)


def page(report: Report) -> str:
    """Return the page as text."""
    parts = [_head(report), _tiles(report), html_tables.claims(report), figures.figures(report)]
    parts += [
        html_tables.sessions(report),
        html_tables.all_arms(report),
        html_tables.movements(report),
        html_tables.sweep(report),
        html_tables.cost(report["cost"]),
        html_tables.composition(report),
        _foot(report),
    ]
    body = "\n".join(part for part in parts if part)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(report['title'])}</title>\n"
        f"<style>\n{read_text(STYLE)}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _head(report: Report) -> str:
    cautions = "".join(f'<p class="caution">{escape(text)}</p>' for text in formatting.cautions(report))
    return (
        f'<p class="eyebrow"><b>insitu</b> · {escape(report["experiment"])} · {escape(report["started"][:10])}</p>\n'
        f"<h1>{escape(report['title'].rstrip('.'))}</h1>\n"
        f'<p class="lead">{escape(report["paper"])}</p>\n'
        f'<p class="note">{escape(report["data"])}; {formatting.seeds(report)}.</p>\n{cautions}'
    )


def _tiles(report: Report) -> str:
    tiles: list[tuple[str, str, str]] = []
    counts = {verdict: sum(c["verdict"] == verdict for c in report["claims"]) for verdict in claims.JUDGED}
    if judged := sum(counts.values()):
        median, left = counts[claims.IN_THE_MEDIAN], len(report["claims"]) - judged
        under = [f"{median} more in the median"] * (median > 0) + [f"{left} without a verdict"] * (left > 0)
        tiles.append(("Claims met", f"{counts[claims.MET]}<small> of {judged}</small>", ", ".join(under)))
    first, _ = formatting.names(report)

    def tile(name: str, device: Any, exact: Any) -> tuple[str, str, str]:
        return (
            name,
            f"{formatting.number(device)}<small> %</small>",
            f"{formatting.within(first)} {formatting.number(exact)} %",
        )

    stream = report["table"][0].get("stream") if report["table"] else None
    if stream:
        tiles.append(tile("Average accuracy", *(stream[arm]["average_accuracy"] for arm in ("learner", "baseline"))))
    elif report["ages"]:
        fresh = report["ages"][0]
        name = "After the last step" if report["table"][0].get("tasks") else "Mean over the sessions"
        tiles.append(tile(name, fresh["learner"]["overall"], fresh["baseline"]["overall"]))
    if report["table"]:
        last = report["table"][0]["sessions"][-1]
        if last["learner"]["novel"]:
            tiles.append(tile("New classes, last session", last["learner"]["novel"], last["baseline"]["novel"]))
    if moved := report.get("movement"):
        exact, device = moved["ages"][0]["arms"][:2]
        for name, words, unit, digits in (
            ("hand_median", "Hand, off by", "cm", 1),
            ("changed", "Weights changed", "%", 1),
        ):
            pair = [formatting.number(arm["after"].get(name), digits) for arm in (device, exact)]
            tiles.append((words, f"{pair[0]}<small> {unit}</small>", f"{formatting.within(first)} {pair[1]} {unit}"))
    known = [each["energy_pj"] for each in report["cost"]["learning"] if each["energy_pj"] is not None]
    if known:
        per = report["cost"].get("per", "class")
        tiles.append((f"Energy per learned {per}", f"{formatting.energy(sum(known))}", "estimated from exact counts"))
    cells = "".join(
        f'<div><dt>{name}</dt><dd class="big">{big}</dd><dd class="under">{escape(under)}</dd></div>'
        for name, big, under in tiles
    )
    return f'<dl class="tiles">{cells}</dl>' if tiles else ""


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
