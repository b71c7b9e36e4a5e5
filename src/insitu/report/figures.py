"""The figures of a report: accuracy by session, old and new classes apart, the gap, the matrix, what time does."""

from __future__ import annotations

from html import escape
from typing import Any

from insitu.report import comparison, formatting, movement_figures, sweep
from insitu.report.charts import HEIGHT, WIDTH, Line, chart
from insitu.report.document import Report
from insitu.report.heat_map import Axis, heat


def figures(report: Report) -> str:
    """Return the figures as HTML; lines are medians over the seeds, bands their intervals."""
    if moved := movement_figures.figures(report):
        shown = "".join(_figure(*each) for each in moved)
        return f'<h2>One movement</h2>\n<p class="note">{movement_figures.NOTE}</p>\n<div class="figures">{shown}</div>'
    if not report["table"]:
        return ""
    several = comparison.figures(report)  # which show what lines of two would
    aged = _ages(report) if len(report["ages"]) > 1 and not several else []
    parts = _parts(report)[1:] if several else _parts(report)
    drawn = [_figure(*each) for each in (*several, *parts, *_matrices(report), *sweep.figure(report), *aged)]
    note = f"Lines are medians; bands and whiskers: {formatting.intervals(report)}."
    return f'<h2>Figures</h2>\n<p class="note">{escape(note)}</p>\n<div class="figures">{"".join(drawn)}</div>'


def picture(report: Report, style: str) -> str:
    """Return two figures side by side as one SVG file, in the light colours of the page's style sheet.

    They are the first two, of a movement too; of many arms, these and the gap; of a stream, the first and what is kept
    on the device; with a sweep, the first and that.
    """
    colours = style[style.index(":root") : style.index("}") + 1]
    rules = [row for row in style.splitlines() if row.startswith("svg .") or " .line" in row]
    text = "text { font: 12px system-ui, sans-serif; } .title { font-size: 14px; font-weight: 600; fill: var(--ink); }"
    wide, gap, head = WIDTH + 30, 20, 44
    out = []
    for number, (title, under, drawn) in enumerate(_pair(report)):
        inner = drawn.replace("<svg ", f'<svg x="20" y="{head}" width="{WIDTH}" height="{HEIGHT}" ', 1)
        out.append(
            f'<g transform="translate({number * wide})"><text class="title" x="20" y="24">{escape(title)}</text>'
            f'<text class="tick" x="20" y="41">{escape(under)}</text>{inner}</g>'
        )
    size = f"{2 * wide + gap} {HEIGHT + head}"
    paper = '<rect width="100%" height="100%" fill="var(--paper)"/>'
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" role="img">'
    return "\n".join([opening, "<style>", colours, *rules, text, "</style>", paper, *out, "</svg>\n"])


def _pair(report: Report) -> list[tuple[str, str, str]]:
    if moved := movement_figures.figures(report):
        return [each for each in moved if each[2].startswith("<svg")][:2]
    parts = _parts(report)
    if several := comparison.figures(report):
        return [*several, parts[-1]][:2]
    return [parts[0], *(sweep.figure(report) or _matrices(report)[-1:] or parts[1:2])]


def _parts(report: Report) -> list[tuple[str, str, str]]:
    """Return title, note and drawing of the figures over sessions that have anything to show."""
    block, names = report["table"][0], formatting.names(report)
    sessions = block["sessions"]
    ticks = [str(row["session"]) for row in sessions]
    first, last = sessions[0]["classes"], sessions[-1]["classes"]
    step = formatting.step(block)
    below = f"{step} ({first} to {last} classes)" if first != last else step

    def line(label: str, style: str, arm: str, name: str) -> Line:
        return Line(label, style, [row[arm].get(name) for row in sessions])

    overall = [line(names[0], "baseline", "baseline", "overall"), line(names[1], "learner", "learner", "overall")]
    apart = [
        line(f"old, {names[0]}", "learner-float", "baseline", "base"),
        line("old", "learner", "learner", "base"),
        line(f"new, {names[0]}", "novel-float", "baseline", "novel"),
        line("new", "novel", "learner", "novel"),
    ]
    lost = [
        line("all", "float-solid", "gap", "overall"),
        line("old", "learner", "gap", "base"),
        line("new", "novel", "gap", "novel"),
    ]
    told = f"percent; dotted {formatting.within(names[0])}, solid {formatting.within(names[1])}"
    gap = ("The gap", f"{formatting.gap(report)}, in points")
    if names == formatting.NAMES:
        gap = ("What the device loses", "float minus device, in points")
    return _drawn(
        (f"Accuracy after each {step}", "percent of all tests of the classes learned so far", overall, ticks, below),
        ("Old and new classes apart", told, apart, ticks, below),
        (*gap, lost, ticks, below, True),
    )


def _matrices(report: Report) -> list[tuple[str, str, str]]:
    """Return title, note and drawing of the accuracy matrix of each arm of a stream."""
    block = report["table"][0]
    numbers = [str(row["session"]) for row in block["sessions"]]
    under = "percent after each experience, on the classes that came in each"
    out = []
    for arm, name in zip(formatting.ARMS, formatting.names(report), strict=True):
        held = block.get("stream", {}).get(arm, {"experiences": []})
        if len(held["experiences"]) > 1:  # one column says what the first figure says
            title = f"What is kept, {formatting.within(name)}"
            rows = formatting.some(list(zip(numbers, held["matrix"], strict=True)))
            after = Axis("after learning experience", "after experience", [row[0] for row in rows])
            on = [str(number) for number in held["experiences"]]
            tested = Axis("tested on the classes of experience", "on experience", on)
            out.append((title, under, heat(title, arm, [row[1] for row in rows], after, tested)))
    return out


def _drawn(*parts: tuple[Any, ...]) -> list[tuple[str, str, str]]:
    charts = [(title, under, chart(title, *rest)) for title, under, *rest in parts]
    return [each for each in charts if each[2]]


def _ages(report: Report) -> list[tuple[str, str, str]]:
    ages, (first, _) = report["ages"], formatting.names(report)

    def line(label: str, style: str, arm: str, name: str) -> Line:
        return Line(label, style, [entry[arm].get(name) for entry in ages])

    lines = [
        line(f"all, {first}", "baseline", "baseline", "overall"),
        line("all", "float-solid", "learner", "overall"),
        line(f"new, {first}", "novel-float", "baseline", "novel"),
        line("new", "novel", "learner", "novel"),
    ]
    ticks = [formatting.age(entry["age_s"]) for entry in ages]
    return _drawn(("As time passes", "percent, mean of the sessions", lines, ticks, "age of each session when read"))


def _figure(title: str, under: str, drawn: str) -> str:
    return f"<figure><figcaption>{escape(title)}<span>{escape(under)}</span></figcaption>{drawn}</figure>"
