"""How figures are written, the same in the terminal, the page and the ledger."""

from __future__ import annotations

from typing import Any, TypeVar

from insitu.report.intervals import FEWEST, Stat

T = TypeVar("T")
ARMS = ("baseline", "learner")  # as rows and the JSON call them
NAMES = ("float", "device")  # as readers see them unless an experiment says otherwise
LEAST_AND_MOST = "the least and the most"  # what reports before schema 2 hold in place of intervals
SOME = 24  # rows of a long table that are shown
# measures of a stream of experiences, with what they are
STREAM = {
    "average_accuracy": ("average accuracy", "after the last experience, each experience counted alike, in percent"),
    "forgetting": ("forgetting", "best earlier accuracy of an experience minus its last one, in points"),
    "backward_transfer": ("backward transfer", "last accuracy of an experience minus its first one, in points"),
}
UNITS = ((365 * 86400.0, "year"), (86400.0, "day"), (3600.0, "hour"), (60.0, "minute"))
ENERGIES = ((1e12, "J"), (1e9, "mJ"), (1e6, "µJ"), (1e3, "nJ"))


def names(report: dict[str, Any]) -> tuple[str, str]:
    """Return what baseline and learner are called."""
    first, second = report.get("names", NAMES)
    return first, second


def arms(held: dict[str, Any]) -> list[str]:
    """Return the names of all arms, each with what its interval is taken over, where that is known."""
    over = held.get("over") or [""] * len(held["names"])
    return [f"{name} ({each})" if each else name for name, each in zip(held["names"], over, strict=True)]


def within(name: str) -> str:
    """Write where or by what something was measured: 'in float', 'on the device', else the name itself."""
    return {"float": "in float", "device": "on the device"}.get(name, name)


def gap(report: dict[str, Any]) -> str:
    """Write what the gap is."""
    first, second = names(report)
    return f"gap = {first} \u2212 {second}"


def step(block: dict[str, Any]) -> str:
    """Return what one step of a block is called."""
    return "step" if block.get("tasks") else "experience" if block.get("stream") else "session"


def when(block: dict[str, Any]) -> str:
    """Write when a block's tests were made: '1 hour after each session was written'."""
    if block.get("tasks"):
        return f"tasks {age(block['age_s'])} after the weights were written"
    return f"{age(block['age_s'])} after each {step(block)} was {'learned' if block.get('stream') else 'written'}"


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
            return f"{picojoules / size:.3g} {unit}"
    return f"{picojoules:.3g} pJ"


def count(value: float) -> str:
    """Write a count with thin gaps between thousands: 12 345."""
    whole = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"
    return whole.replace(",", "\u202f")


def memory(value: float) -> str:
    """Write a number of bytes: '528 bytes', '300 KiB', '1.5 MiB'."""
    for size, unit in ((2**20, "MiB"), (2**10, "KiB")):
        if value >= size:
            return f"{value / size:.3g} {unit}" if value < 1000 * size else f"{value / size:.0f} {unit}"
    return f"{value:.0f} bytes"


def some(rows: list[T]) -> list[T]:
    """Return at most ``SOME`` of the rows, evenly chosen, the first and the last among them: a table has an end."""
    if len(rows) <= SOME:
        return rows
    return [rows[round(place * (len(rows) - 1) / (SOME - 1))] for place in range(SOME)]


def measures(block: dict[str, Any]) -> list[str]:
    """Return which accuracies beside the overall one a block of sessions holds: none in a stream of experiences."""
    names = ("base", "novel", "harmonic")
    return [
        name for name in names if any(row[arm][name] for row in block["sessions"] for arm in ("baseline", "learner"))
    ]


def number(stat: Stat | None, digits: int = 1) -> str:
    """Write the median; a dash where nothing was measured."""
    return f"{_signed(stat['median'], digits)}" if stat else "–"


def ends(stat: Stat | None, digits: int = 1) -> str:
    """Write the ends of the interval; '' where there is none, or where they agree."""
    if not stat or stat["low"] is None or stat["high"] is None:
        return ""
    low, high = _signed(stat["low"], digits), _signed(stat["high"], digits)
    return f"{low} … {high}" if low != high else ""


def with_ends(stat: Stat | None, digits: int = 1) -> str:
    """Write the median with its interval, where there is one: '98.1 [97.9 … 98.4]'."""
    wide = ends(stat, digits)
    return f"{number(stat, digits)}{f' [{wide}]' if wide else ''}"


def measured(claim: dict[str, Any]) -> str:
    """Write median and interval of a claim, with digits enough to tell it from its target."""
    return with_ends(claim["measured"], 3 if claim.get("unit") == "rad/s" else 2)


def brackets(report: dict[str, Any]) -> str:
    """Write what stands in brackets after a figure."""
    text = intervals(report)
    return text if text.startswith("no ") else f"in brackets {text}"


def intervals(report: dict[str, Any]) -> str:
    """Write what the intervals of a report are and over what they are taken."""
    held = report["intervals"]
    if held["kind"] == LEAST_AND_MOST:
        return f"{held['kind']} over {seeds(report)}"
    whole, exact = held["gap"] or seeds(report), held["baseline"]
    text = f"{held['kind']} over {whole}"
    if not _enough(whole):
        text = f"no 95 % intervals over {whole}: they take {FEWEST} or more"
    if exact and exact != whole and _enough(exact):
        text += f"; {names(report)[0]} over {exact}{_normal(exact)}"
    return text


def ends_heading(report: dict[str, Any]) -> str:
    """Return the heading of a column of ends."""
    return "least … most" if report["intervals"]["kind"] == LEAST_AND_MOST else "95 % interval"


def _enough(over: str) -> bool:
    """Return whether what an interval is taken over, such as '10 chips', is enough for one."""
    return int(over.partition(" ")[0]) >= FEWEST


def _normal(over: str) -> str:
    return " (normal, of the mean)" if over.partition(" ")[2] == "tasks" else ""


def seeds(report: dict[str, Any]) -> str:
    """Write how many seeds there are."""
    return _plural(len(report["seeds"]), "seed")


def machine(report: dict[str, Any]) -> str:
    """Write the machine in one line."""
    held = report["machine"]
    counts = [_plural(held["cores"], "core")]
    if "threads" in held:  # reports before schema 2 do not say
        counts += [_plural(held["threads"], "thread"), held["instructions"]]
    return f"{held['processor']}, {', '.join(counts)}, Python {held['python']}, {held['platform']}"


def cautions(report: dict[str, Any]) -> list[str]:
    """Return what a reader has to know before the figures: quick variant, changed fields, data not verified."""
    out = []
    if report.get("quick"):
        out.append("Quick variant: a smaller run to see that everything works; its figures are no results.")
    if changed := report.get("changes"):
        out.append(f"Not the published composition: {', '.join(map(_change, changed))}.")
    if report.get("verified"):
        out.append(f"Not verified: {report['verified']}.".replace("..", "."))
    return out


def _change(each: dict[str, Any]) -> str:
    """Write a changed field, and where there are further arms, which it has reached and which not."""
    arms = [f"also in {'; '.join(each['also'])}"] if each.get("also") else []
    arms += [f"not in {'; '.join(each['but'])}"] if each.get("but") else []
    return f"{each['field']} {each['before']} → {each['after']}" + (f" ({', '.join(arms)})" if arms else "")


def _plural(count: int, one: str) -> str:
    return f"{count} {one}{'' if count == 1 else 's'}"


def _signed(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "\u2212")
