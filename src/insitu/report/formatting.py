"""Words for times, energies, counts, machines and intervals, shared by sections, views and progress displays."""

from __future__ import annotations

import importlib
from typing import Any

from insitu.protocols import Protocol
from insitu.report.intervals import FEWEST

Report = dict[str, Any]  # as report.json holds it (docs/report.md)
ARMS = ("baseline", "learner")  # as rows and the JSON call them
NAMES = ("float", "device")  # as readers see them unless an experiment says otherwise
LEAST_AND_MOST = "the least and the most"  # what reports of schema 1 hold in place of intervals
UNITS = ((365 * 86400.0, "year"), (86400.0, "day"), (3600.0, "hour"), (60.0, "minute"))
ENERGIES = ((1e18, "MJ"), (1e15, "kJ"), (1e12, "J"), (1e9, "mJ"), (1e6, "µJ"), (1e3, "nJ"))


def protocol(report: Report) -> Protocol:
    """Return the protocol of a report by its name."""
    record: Protocol = importlib.import_module(f"insitu.protocols.{report['protocol']}").PROTOCOL
    return record


def names(report: Report) -> tuple[str, str]:
    """Return what baseline and learner are called."""
    first, second = report.get("names", NAMES)
    return first, second


def within(name: str) -> str:
    """Write where or by what something was measured: 'in float', 'on the device', else the name itself."""
    return {"float": "in float", "device": "on the device"}.get(name, name)


def gap(report: Report) -> str:
    """Write what the gap is."""
    first, second = names(report)
    return f"gap = {first} \u2212 {second}"


def when(report: Report, age_s: float) -> str:
    """Write when tests are made: '1 hour after each session was learned'."""
    given = protocol(report)
    return f"{age(age_s)} after " + (
        f"each {given.step} was learned" if given.continues else "the weights were written"
    )


def age(seconds: float) -> str:
    """Write a time span: 60 is '1 minute', 90 '90 s', a year and a half '1.5 years'."""
    for length, unit in UNITS:
        if seconds >= length:
            count = seconds / length
            whole = round(count, 1) if round(count, 2) != count else count
            return f"{whole:g} {unit}{'' if whole == 1 else 's'}"
    return f"{seconds:g} s"


def duration(seconds: float) -> str:
    """Write how long something took: '42 s', '3 min 05 s', '2 h 10 min'."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def energy(picojoules: float | None) -> str:
    """Write an energy with the unit that suits it; '' where none is known."""
    if picojoules is None:
        return ""
    for size, unit in ENERGIES:
        if picojoules >= size:
            return f"{_figures(picojoules / size)} {unit}"
    return f"{_figures(picojoules)} pJ"


def energy_range(low: float, high: float) -> str:
    """Write a range of energies in the unit of its upper end: '5 – 40 pJ'."""
    size, unit = next(((size, unit) for size, unit in ENERGIES if high >= size), (1.0, "pJ"))
    ends = [_figures(end / size) for end in (low, high)]
    return f"{' – '.join(dict.fromkeys(ends))} {unit}"


def count(value: float) -> str:
    """Write a count with thin gaps between thousands: 12 345."""
    whole = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"
    return whole.replace(",", "\u202f")


def amount(value: float, unit: str = "") -> str:
    """Write a number of any size with two or three figures: '12.2 years', '23 million', '4.4e12'."""
    for size, word in ((1e12, ""), (1e9, " billion"), (1e6, " million")):
        if value >= size:
            return f"{value / size:.3g}{word}{unit}" if word else f"{value:.1e}{unit}".replace("e+", "e")
    return f"{value:,.0f}{unit}".replace(",", "\u202f") if value >= 1000 else f"{value:.3g}{unit}"


def memory(value: float) -> str:
    """Write a number of bytes: '528 bytes', '300 KiB', '1.5 MiB'."""
    for size, unit in ((2**50, "PiB"), (2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if value >= size:
            return f"{_figures(value / size)} {unit}"
    return f"{value:.0f} bytes"


def brackets(report: Report) -> str:
    """Write what stands in brackets after a figure, and over what it is taken."""
    held = report["intervals"]
    if held["kind"] == LEAST_AND_MOST:
        return f"in brackets {held['kind']} over {seeds(report)}"
    whole, exact = held["gap"] or seeds(report), held["baseline"]
    text = f"in brackets {held['kind']} over {whole}"
    if not _enough(whole):
        text = f"no 95 % intervals over {whole}: they take {FEWEST} or more"
    if exact and exact != whole and _enough(exact):
        normal = " (normal, of the mean)" if exact.partition(" ")[2] == "tasks" else ""
        text += f"; {names(report)[0]} over {exact}{normal}"
    return text


def _enough(over: str) -> bool:
    """Return whether what an interval is taken over, such as '10 chips', is enough for one."""
    return int(over.partition(" ")[0]) >= FEWEST


def seeds(report: Report) -> str:
    """Write how many seeds there are."""
    return plural(len(report["seeds"]), "seed")


def machine(report: Report) -> str:
    """Write the machine in one line."""
    held = report["machine"]
    counts = [plural(held["cores"], "core")]
    if "threads" in held:  # reports before schema 2 do not say
        counts += [plural(held["threads"], "thread"), held["instructions"]]
    return f"{held['processor']}, {', '.join(counts)}, Python {held['python']}, {held['platform']}"


def cautions(report: Report) -> list[str]:
    """Return what a reader has to know before the figures: quick variant, changed fields, data not verified."""
    out = []
    if report.get("quick"):
        out.append("Quick variant: a smaller run to see that everything works; its figures are no results.")
    if report["paper"] and (changed := changes(report)):
        out.append(f"Not the published composition: {changed}.")
    if report.get("verified"):
        out.append(f"Not verified: {report['verified']}.".replace("..", "."))
    return out


def changes(report: Report) -> str:
    """Write the fields that were changed; '' where none was."""
    return ", ".join(map(_change, report.get("changes", [])))


def _change(each: dict[str, Any]) -> str:
    """Write a changed field and, with further variants, which of them it has reached and which not."""
    arms = [f"also in {'; '.join(each['also'])}"] if each.get("also") else []
    arms += [f"not in {'; '.join(each['but'])}"] if each.get("but") else []
    return f"{each['field']} {each['before']} → {each['after']}" + (f" ({', '.join(arms)})" if arms else "")


def plural(number: int, one: str) -> str:
    """Write a number of things: '1 chip', '64 chips'."""
    return f"{count(number)} {one}{'' if number == 1 else 's'}"


def _figures(value: float) -> str:
    """Write three figures, or a whole number, without an exponent."""
    return f"{value:.3g}" if value < 999.5 else f"{value:.0f}"
