"""The tables of a report's page: claims, sessions, costs, composition."""

from __future__ import annotations

from html import escape
from typing import Any

from insitu.report import comparison, formatting, movement
from insitu.report import sweep as swept
from insitu.report.document import Report
from insitu.report.intervals import Stat


def claims(report: Report) -> str:
    """Return the claims with their verdicts."""
    if not report["claims"]:
        return ""
    rows = []
    for claim in report["claims"]:
        where = f'<br><span class="note">{escape(claim["where"])}</span>' if claim["where"] else ""
        label = "" if claim["published"].startswith("not ") else "published"
        kind = claim["verdict"].replace(" ", "-")
        rows.append(
            f'<tr><td class="text">{escape(claim["name"])}{where}</td>'
            f'<td class="text soft" data-label="{label}">{escape(claim["published"])}</td>'
            f'<td data-label="target">{claim["target"] or "–"}</td>'
            f'<td data-label="measured">{_measured(claim)}</td>'
            f'<td class="verdict"><span class="chip {kind}">{claim["verdict"]}</span></td></tr>'
        )
    medians = f"medians, {formatting.brackets(report)}. Met: the interval keeps the target too, not the median alone."
    return (
        f'<h2>Claims</h2>\n<p class="note">{escape(_capital(medians))}</p>\n'
        '<div class="scroll"><table class="claims"><thead><tr><th class="text">claim</th>'
        f'<th class="text">published</th>'
        f"<th>target</th><th>measured</th><th></th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _measured(claim: dict[str, Any]) -> str:
    median, _, wide = formatting.measured(claim).partition(" ")
    unit = escape(claim["unit"]) if claim["measured"] else ""
    over = f'<br><span class="note">over {escape(claim["over"])}</span>' if claim["over"] and wide else ""
    return f'<strong>{median}</strong> <span class="soft">{escape(wide)} {unit}</span>{over}'


def sessions(report: Report) -> str:
    """Return the table of the first age, and those of other ages folded below it."""
    table, names = report["table"], formatting.names(report)
    if not table:
        return ""
    gap = "the gap is float minus device" if names == formatting.NAMES else formatting.gap(report)
    note = (
        f"Top-1 accuracy in percent, medians. {_capital(escape(gap))}, seed by seed. "
        f"Pointing at a figure shows its interval ({escape(formatting.intervals(report))})."
    )
    if tasks := table[0].get("tasks"):
        note += f" A seed has {tasks} tasks."
    read = f" {formatting.when(table[0])}:" if len(table) > 1 else ""
    folded = [
        f"<details><summary>{_capital(formatting.when(block))}</summary>{_age(block, report)}</details>"
        for block in table[1:]
    ]
    step = formatting.step(table[0]).capitalize()
    return f'<h2>{step} by {step.lower()}</h2>\n<p class="note">{note}{read and " Read"}{read}</p>\n' + "\n".join(
        [_age(table[0], report), *folded]
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _age(block: dict[str, Any], report: Report) -> str:
    names, heading = formatting.names(report), formatting.ends_heading(report)
    words = {"base": "old classes", "novel": "new classes", "harmonic": "harmonic mean"}
    shown = formatting.measures(block)
    rows = []
    for row in formatting.some(block["sessions"]):
        exact, device, gap = row["baseline"], row["learner"], row["gap"]["overall"]
        cells = [f"<td>{row['session']}</td><td>{row['classes']}</td>"]
        cells += [_cell(exact["overall"], "start"), _cell(device["overall"], "", "strong")]
        cells.append(f'<td>{formatting.number(gap, 2)}</td><td class="soft">{formatting.ends(gap, 2)}</td>')
        for name in shown:
            cells += [_cell(exact[name], "start"), _cell(device[name])]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    pair = f'<th class="arm start">{escape(names[0])}</th><th class="arm">{escape(names[1])}</th>'
    pairs = pair * len(shown)
    groups = "".join(f'<th class="group start" colspan="2">{words[name]}</th>' for name in shown)
    return (
        f'<div class="scroll"><table class="sessions"><thead><tr><th colspan="2"></th>'
        f'<th class="group start" colspan="4">all classes</th>{groups}</tr>'
        f"<tr><th>{formatting.step(block)}</th><th>classes</th>{pair}<th>gap</th><th>{heading}</th>"
        f"{pairs}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>{_stream(block, report)}"
    )


def _cell(value: Stat | None, kind: str = "", tag: str = "span") -> str:
    """Return the cell of a median, which shows its interval to who points at it."""
    about = f' title="{formatting.ends(value)}"' if formatting.ends(value) else ""
    kind = f' class="{kind}"' if kind else ""
    return f"<td{kind}{about}><{tag}>{formatting.number(value)}</{tag}></td>"


def _stream(block: dict[str, Any], report: Report) -> str:
    """Return the measures of a whole stream of experiences; '' where it is none."""
    names, heading = formatting.names(report), formatting.ends_heading(report)
    rows = []
    for name, (word, meaning) in formatting.STREAM.items():
        exact, device = (block.get("stream", {}).get(arm, {}).get(name) for arm in ("baseline", "learner"))
        if exact or device:
            rows.append(
                f'<tr><td class="text">{word}<br><span class="note">{meaning}</span></td>'
                f'<td>{formatting.number(exact, 2)}</td><td class="soft">{formatting.ends(exact, 2)}</td>'
                f"<td><strong>{formatting.number(device, 2)}</strong></td>"
                f'<td class="soft">{formatting.ends(device, 2)}</td></tr>'
            )
    if not rows:
        return ""
    return (
        '<div class="scroll"><table class="stream"><thead><tr><th class="text">over the whole stream</th>'
        f'<th class="arm">{escape(names[0])}</th><th>{heading}</th>'
        f'<th class="arm">{escape(names[1])}</th>'
        f"<th>{heading}</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def sweep(report: Report) -> str:
    """Return the table of a sweep, folded where there is a figure of it; '' where nothing was swept."""
    if not report.get("sweep") or not report["table"]:
        return ""
    head, lines = swept.table(report)
    cells = "".join(f'<th class="arm">{escape(each)}</th>' for each in head)
    rows = "".join(f"<tr>{''.join(f'<td>{each}</td>' for each in line)}</tr>" for line in lines)
    return (
        f"<details{'' if swept.figure(report) else ' open'}><summary>{swept.heading(report)}, as a table</summary>"
        f'<p class="note">Accuracy in {escape(swept.note(report))}.</p><div class="scroll"><table class="sessions">'
        f"<thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )


def all_arms(report: Report) -> str:
    """Return the tables of all arms; '' where there are only two."""
    note = f"Top-1 accuracy in percent, medians, {formatting.brackets(report)}."
    return _folded("All arms", escape(note), comparison.tables(report))


def movements(report: Report) -> str:
    """Return the tables of movements, that of the first age open; '' where there are none."""
    note = f"{movement.NOTE} {_capital(formatting.brackets(report))}."
    return _folded("Before the showing, and after it", escape(note), movement.tables(report))


def _folded(heading: str, note: str, tables: list[tuple[str, list[str], list[list[str]]]]) -> str:
    out = []
    for number, (title, head, lines) in enumerate(tables):
        cells = "".join(f'<th class="arm">{escape(each)}</th>' for each in head)
        rows = "".join(f"<tr>{''.join(f'<td>{each}</td>' for each in line)}</tr>" for line in lines)
        table = (
            f'<div class="scroll"><table class="sessions"><thead><tr>{cells}</tr></thead>'
            f"<tbody>{rows}</tbody></table></div>"
        )
        out.append(f"<details{'' if number else ' open'}><summary>{escape(title)}</summary>{table}</details>")
    return f'<h2>{heading}</h2>\n<p class="note">{note}</p>\n' + "\n".join(out) if out else ""


def cost(spent: dict[str, Any]) -> str:
    """Return what learning and searching spend."""
    rows = []
    for key, heading in (
        ("learning", f"One {spent.get('per', 'class')} learned"),
        ("query", "One query"),
        ("preparation", "The network" if spent.get("per") == "task" else "The base classes"),
    ):
        if spent[key]:
            rows.append(f'<tr class="part"><td class="text" colspan="3">{heading}</td></tr>')
        for each in spent[key]:
            source = f'<br><span class="note">{escape(each["source"])}</span>' if each["source"] else ""
            rows.append(
                f'<tr><td class="text">{escape(each["event"])}{source}</td>'
                f"<td>{formatting.count(each['count']['median'])}</td><td>{formatting.energy(each['energy_pj'])}</td></tr>"
            )
    if held := spent.get("memory"):
        rows.append('<tr class="part"><td class="text" colspan="3">Memory after the last experience</td></tr>')
        rows += [
            f'<tr><td class="text">{escape(each["event"].removesuffix(" bytes"))}</td>'
            f"<td>{formatting.memory(each['count']['median'])}</td><td></td></tr>"
            for each in held
        ]
    if not rows:
        return ""
    return (
        '<h2>What it costs</h2>\n<p class="note">Counts are exact. Energies are estimates: a count times one figure, '
        'whose source stands below it.</p>\n<div class="scroll"><table><thead><tr><th class="text">event</th>'
        f"<th>count</th><th>energy, about</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def composition(report: Report) -> str:
    """Return all fields of the experiment, those that were changed marked."""
    fields = report["composition"]["fields"]
    changed = {each["field"] for each in report.get("changes", [])}
    parts = {name: value for name, value in fields.items() if isinstance(value, dict)}
    plain = {name: value for name, value in fields.items() if name not in parts}
    cards = [
        f"<section><h3>{escape(name)}<b>{escape(value['type'])}</b></h3>"
        f"{_fields(value['fields'], changed, name)}</section>"
        for name, value in parts.items()
    ]
    cards.append(f"<section><h3>run<b>Experiment</b></h3>{_fields(plain, changed, '')}</section>")
    return f'<h2>Composition</h2>\n<div class="parts">{"".join(cards)}</div>'


def _fields(fields: dict[str, Any], changed: set[str], path: str) -> str:
    items = []
    for name, value in fields.items():
        here = f"{path}.{name}" if path else name
        below = _fields(value["fields"], changed, here) if isinstance(value, dict) else ""
        shown = (
            f'<span class="type">{escape(value["type"])}</span>' if isinstance(value, dict) else escape(_text(value))
        )
        mark = ' <span class="chip not-measured">changed</span>' if here in changed else ""
        row = f'<div class="row"><span class="name">{escape(name)}</span><span>{shown}{mark}</span></div>'
        items.append(f"<li>{row}{below}</li>")
    return f"<ul>{''.join(items)}</ul>" if items else ""


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_text(item["type"] if isinstance(item, dict) else item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
