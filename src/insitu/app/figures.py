"""The figures of a report: accuracy by session, old and new classes apart, the gap, and what time does."""

from __future__ import annotations

from typing import Any

from insitu.app import wording
from insitu.app.charts import Line, chart
from insitu.app.report import Report


def figures(report: Report) -> str:
    """Return the figures as HTML; lines are medians over the seeds, bands reach from the least to the most."""
    if not report["table"]:
        return ""
    sessions = report["table"][0]["sessions"]
    ticks = [str(row["session"]) for row in sessions]
    first, last = sessions[0]["classes"], sessions[-1]["classes"]
    below = f"session ({first} to {last} classes)" if first != last else "session"

    def line(label: str, style: str, arm: str, name: str) -> Line:
        return Line(label, style, [row[arm].get(name) for row in sessions])

    drawn = [
        _figure(
            "Accuracy after each session",
            "percent of all tests of the classes learned so far",
            [line("float", "float", "float", "overall"), line("device", "device", "device", "overall")],
            ticks,
            below,
        ),
        _figure(
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
        _figure(
            "What the device loses",
            "float minus device, in points",
            [
                line("all", "float-solid", "gap", "overall"),
                line("old", "device", "gap", "base"),
                line("new", "novel", "gap", "novel"),
            ],
            ticks,
            below,
            from_zero=True,
        ),
    ]
    if len(report["ages"]) > 1:
        drawn.append(_ages(report["ages"]))
    note = "Lines are medians over the seeds; bands and whiskers reach from the least to the most."
    return f'<h2>Figures</h2>\n<p class="note">{note}</p>\n<div class="figures">{"".join(drawn)}</div>'


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
