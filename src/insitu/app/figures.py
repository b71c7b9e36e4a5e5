"""The figures of a report: accuracy by session, old and new classes apart, the gap, and what time does."""

from __future__ import annotations

from html import escape
from typing import Any

from insitu.app import wording
from insitu.app.charts import HEIGHT, WIDTH, Line, chart
from insitu.app.report import Report


def figures(report: Report) -> str:
    """Return the figures as HTML; lines are medians over the seeds, bands reach from the least to the most."""
    if not report["table"]:
        return ""
    drawn = [_figure(*each) for each in _parts(report)]
    if len(report["ages"]) > 1:
        drawn.append(_ages(report["ages"]))
    note = "Lines are medians over the seeds; bands and whiskers reach from the least to the most."
    return f'<h2>Figures</h2>\n<p class="note">{note}</p>\n<div class="figures">{"".join(drawn)}</div>'


def picture(report: Report, style: str) -> str:
    """Return the first two figures side by side as one SVG file, in the light colours of the page's style sheet."""
    colours = style[style.index(":root") : style.index("}") + 1]
    rules = [row for row in style.splitlines() if row.startswith("svg .") or " .line" in row]
    text = "text { font: 12px system-ui, sans-serif; } .title { font-size: 14px; font-weight: 600; fill: var(--ink); }"
    wide, gap, head = WIDTH + 30, 20, 44
    out = []
    for number, (title, under, *rest) in enumerate(_parts(report)[:2]):
        inner = chart(title, *rest).replace("<svg ", f'<svg x="20" y="{head}" width="{WIDTH}" height="{HEIGHT}" ', 1)
        out.append(
            f'<g transform="translate({number * wide})"><text class="title" x="20" y="24">{escape(title)}</text>'
            f'<text class="tick" x="20" y="41">{escape(under)}</text>{inner}</g>'
        )
    size = f"{2 * wide + gap} {HEIGHT + head}"
    paper = '<rect width="100%" height="100%" fill="var(--paper)"/>'
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" role="img">'
    return "\n".join([opening, "<style>", colours, *rules, text, "</style>", paper, *out, "</svg>\n"])


def _parts(report: Report) -> list[tuple[Any, ...]]:
    """Return title, note, lines, ticks and axis of the figures over sessions."""
    sessions = report["table"][0]["sessions"]
    ticks = [str(row["session"]) for row in sessions]
    first, last = sessions[0]["classes"], sessions[-1]["classes"]
    below = f"session ({first} to {last} classes)" if first != last else "session"

    def line(label: str, style: str, arm: str, name: str) -> Line:
        return Line(label, style, [row[arm].get(name) for row in sessions])

    return [
        (
            "Accuracy after each session",
            "percent of all tests of the classes learned so far",
            [line("float", "float", "float", "overall"), line("device", "device", "device", "overall")],
            ticks,
            below,
        ),
        (
            "Old and new classes apart",
            "percent; dotted in float, solid on the device",
            [
                line("old, float", "device-float", "float", "base"),
                line("old", "device", "device", "base"),
                line("new, float", "novel-float", "float", "novel"),
                line("new", "novel", "device", "novel"),
            ],
            ticks,
            below,
        ),
        (
            "What the device loses",
            "float minus device, in points",
            [
                line("all", "float-solid", "gap", "overall"),
                line("old", "device", "gap", "base"),
                line("new", "novel", "gap", "novel"),
            ],
            ticks,
            below,
            True,
        ),
    ]


def _ages(ages: list[dict[str, Any]]) -> str:
    def line(label: str, style: str, arm: str, name: str) -> Line:
        return Line(label, style, [entry[arm].get(name) for entry in ages])

    lines = [
        line("all, float", "float", "float", "overall"),
        line("all", "float-solid", "device", "overall"),
        line("new, float", "novel-float", "float", "novel"),
        line("new", "novel", "device", "novel"),
    ]
    ticks = [wording.age(entry["age_s"]) for entry in ages]
    return _figure("As time passes", "percent, mean of the sessions", lines, ticks, "age of each session when read")


def _figure(title: str, under: str, lines: list[Line], ticks: list[str], below: str, from_zero: bool = False) -> str:
    drawn = chart(title, lines, ticks, below, from_zero)
    return f"<figure><figcaption>{title}<span>{under}</span></figcaption>{drawn}</figure>" if drawn else ""
