"""Plan a memory too large to simulate: tiles, devices, energy, time, and the accuracy to be expected.

usage: insitu plan --classes 10_000_000 [--dim 512] [--shots 5] [--device pcm-hermes2022] [--json]

--dim is the number of rows, the length of the vectors that are held; --device any device of 'insitu list devices', one
of your own included, whose error is measured on a small array at once. Accuracy comes from a law that was fitted to
simulations, with its 95 % range, for three kinds of classes: random ones, which are nearly orthogonal, and those of two
real data sets in the vectors of the shipped encoders. Where a plan lies beyond what was simulated, the output says so.
--json prints the plan as JSON, in picojoules and nanoseconds.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from insitu import catalog
from insitu.core import InsituError

if TYPE_CHECKING:
    from insitu.planning.plan import Plan, Range

NUMBERS = {"--dim": 512, "--shots": 5}
MOST = 10**12  # classes
TIMES = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"))


def main(args: list[str]) -> int:
    """Print the plan that the flags ask for."""
    numbers, name, as_json = _arguments(args)
    part = catalog.find(name, "devices")
    from insitu.planning.plan import plan

    made = plan(numbers["--classes"], numbers["--dim"], numbers["--shots"], catalog.load(part)())
    if as_json:
        print(json.dumps({"device": part.name, **asdict(made)}, indent=1))
    else:
        print("\n".join(_lines(made, part.name)))
    return 0


def _arguments(args: list[str]) -> tuple[dict[str, int], str, bool]:
    numbers, device, as_json, rest = dict(NUMBERS), "pcm-hermes2022", False, list(args)
    while rest:
        word, equals, value = rest.pop(0).partition("=")
        if word == "--json":
            as_json = True
            continue
        if word not in ("--classes", *NUMBERS, "--device"):
            known = ["--classes", *NUMBERS, "--device", "--json"]
            raise InsituError(f"plan does not know {word}; {catalog.suggest(word, known) or ', '.join(known)}")
        if not equals and not rest:
            example = "pcm-hermes2022" if word == "--device" else NUMBERS.get(word, "10_000_000")
            raise InsituError(f"{word} takes a value, such as {word} {example}")
        value = value if equals else rest.pop(0)
        if word == "--device":
            device = value
        elif re.fullmatch(r"[0-9]+(_[0-9]+)*", value):
            numbers[word] = int(value)
        else:
            raise InsituError(f"{word} is a whole number, such as {NUMBERS.get(word, '10_000_000')}; got {value}")
    if not 2 <= numbers.get("--classes", 0) <= MOST:
        raise InsituError(f"plan takes --classes, from 2 to {MOST:_}; got {numbers.get('--classes', 'none')}")
    return numbers, device, as_json


def _lines(made: Plan, device: str) -> list[str]:
    from insitu.report import formatting

    def row(name: str, text: str) -> str:
        return f"{name:28}{text}"

    def events(counts: dict[str, float]) -> list[str]:
        return [row("", f"{formatting.count(count)} {name.replace('_', ' ')}") for name, count in counts.items()]

    def energy(given: Range) -> str:
        return formatting.energy_range(given.low, given.high)

    out = [
        f"{formatting.count(made.classes)} classes of {made.rows} rows from {made.shots} shots on {device}",
        "",
        row("tiles of 256 x 256", f"{formatting.count(made.tiles)}, or {formatting.plural(made.chips, 'chip')} of 64"),
        row("devices", formatting.count(made.devices)),
        row("digital memory next to them", formatting.memory(made.digital_bytes)),
        row("write one class", f"{energy(made.write_pj)}; {_times(made.write_ns)}, cells at once – one by one"),
        *events(made.write_events),
        row("write all classes", energy(_scaled(made.write_pj, made.classes))),
        row("search, one query", f"{energy(made.search_pj)}; {_times(made.search_ns)}, all tiles at once"),
        *events(made.search_events),
        row("error of similarities", f"{made.error:.3f} of what random classes differ by, a minute after writing"),
        "",
        "accuracy to be expected, with its 95 % range",
    ]
    for each in made.accuracy:
        percent = f"{each.percent.typical:.1f} % [{each.percent.low:.1f} … {each.percent.high:.1f}]"
        beyond = f"  extrapolated: {'; '.join(each.beyond)}" if each.beyond else ""
        out.append(row(f"  {each.embedding} classes", f"{percent}{beyond}"))
    notes = [
        "Counts are exact. Energies and times are ranges of estimates; comparing scores in digital takes more time."
    ]
    if not device.startswith("pcm-"):
        notes.append("Energies and times of pulses are those of phase-change cells.")
    return [*out, "", *notes]


def _scaled(given: Range, times: int) -> Any:
    return type(given)(*(times * each for each in (given.typical, given.low, given.high)))


def _times(given: Range) -> str:
    return " – ".join(dict.fromkeys(_time(end) for end in (given.low, given.high)))


def _time(ns: float) -> str:
    size, unit = next(((size, unit) for size, unit in TIMES if ns >= size), (1.0, "ns"))
    return f"{ns / size:.3g} {unit}"
