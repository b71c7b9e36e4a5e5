"""Writing and searching a phase-change memory of 100 classes, against aihwkit's torch tile; growth; peak memory.

    INSITU_RIVALS=folder python bench/crossbar_vs_aihwkit.py [--rounds 15]

See bench/README.md.
"""

from __future__ import annotations

import math
import sys
from dataclasses import asdict, dataclass
from typing import Any

import script
from rounds import Side, compare
from script import SOURCE

RIVALS = ("aihwkit",)
OURS, THEIRS = script.HERE / "_crossbar_insitu.py", script.HERE / "_crossbar_aihwkit.py"
TEN_THOUSAND_BY_TENS = 1000.0  # their per-query search is measured on 10 queries


@dataclass(frozen=True)
class Pair:
    """One line of the comparison; ``at_least`` is the ratio this project wants, None where it only informs."""

    what: str
    ours: str
    theirs: str
    our_task: str
    their_task: str
    factor: float = 1.0
    at_least: float | None = None


PAIRS = (
    Pair(
        "write 100 classes x 5 shots of 512-d, shot by shot",
        "5 x add: SET pulses superposed in place (nandakumar2018)",
        "5 x set_weights + program_analog_weights: no pulses there, so every shot rewrites the tile (hermes)",
        "superpose",
        "program_every_shot",
        at_least=3.0,
    ),
    Pair(
        "the same, the five shots summed beforehand by the rival",
        "5 x add, as above",
        "1 x program: the tile sees only the sum",
        "superpose",
        "program",
    ),
    Pair(
        "write 512 x 100 once, like for like",
        "1 x write: iterative programming, HERMES fit, 2 devices per sign",
        "1 x program: the same fit",
        "write",
        "program",
    ),
    Pair(
        "search 10 000 queries at a new moment",
        "noise drawn for every query",
        "drift + forward: one noise draw shared by the batch; the same 256-row tiles",
        "search_anew",
        "search_anew",
        at_least=3.0,
    ),
    Pair(
        "the same, the rival in one 512-row tile",
        "256-row tiles, noise for every query",
        "half the conversions; one noise draw",
        "search_anew",
        "search_anew_single",
    ),
    Pair(
        "search 10 000 queries once more at the same moment",
        "noise drawn for every query",
        "forward alone: the noise of the last draw, frozen",
        "search_again",
        "search_again",
    ),
    Pair(
        "search 200 queries that come one at a time, at one moment",
        "noise drawn for every query",
        "forward alone: the noise of the last draw, frozen",
        "search_singly",
        "search_singly",
    ),
    Pair(
        "search 10 000 queries, noise for every query on both sides",
        "as above",
        "drift + forward for each query; measured on 10 queries, times 1000",
        "search_anew",
        "search_each",
        factor=TEN_THOUSAND_BY_TENS,
    ),
)


def growth(sizes: list[int], batch: int) -> list[dict[str, float]]:
    """Cost per query for memories of ``sizes`` classes, each in a process of its own."""
    out = []
    for classes in sizes:
        with Side(sys.executable, OURS, SOURCE) as ours:
            value = ours.ask("growth", classes, batch)["value"]
        per_query = value["per_query_s"]
        out.append(
            {
                "classes": classes,
                "per_query_us": 1e6 * per_query,
                "per_query_and_class_ns": 1e9 * per_query / classes,
                "first_batch_ms": 1e3 * value["first_batch_s"],
            }
        )
        print(
            f"  {classes:>7} classes  {1e6 * per_query:>9.1f} µs a query  {1e9 * per_query / classes:>6.2f} ns a class"
        )
    return out


def exponent(rows: list[dict[str, float]]) -> float:
    """Power with which the cost grows between the two largest memories: 1 is linear."""
    a, b = rows[-2], rows[-1]
    return math.log(b["per_query_us"] / a["per_query_us"]) / math.log(b["classes"] / a["classes"])


def memory(classes: int) -> dict[str, float]:
    """Peak resident size above what importing took, in MiB, of building a memory and searching 10 000 queries."""
    with Side(sys.executable, OURS, SOURCE) as ours:
        mib = ours.ask("peak", classes)["value"] / 2**20
    print(f"  {classes:>7} classes  {mib:>9.0f} MiB")
    return {"classes": classes, "peak_mib": mib}


def room(classes: int) -> dict[str, float]:
    """What a search over 10 000 queries needs beside the memory it searches."""
    with Side(sys.executable, OURS, SOURCE) as ours:
        value = ours.ask("search_room", classes)["value"]
    row = {
        "classes": classes,
        "search_mib": value["bytes"] / 2**20,
        "searched_memory_mib": value["memory_bytes"] / 2**20,
        "search_s": value["s"],
    }
    print(f"  {classes:>7} classes  {row['search_mib']:>9.0f} MiB beside a memory of", end="")
    print(f" {row['searched_memory_mib']:.0f} MiB, {value['s']:.1f} s")
    return row


def against(rival: str, rounds: int) -> dict[str, Any]:
    """Run all pairs; print a table; return rows and versions."""
    with Side(sys.executable, OURS, SOURCE) as ours, Side(rival, THEIRS) as theirs:
        facts = {"ours": ours.facts, "theirs": theirs.facts}
        measured = compare(ours, theirs, [(p.our_task, p.their_task, p.factor) for p in PAIRS], rounds)
    rows = []
    for pair, row in zip(PAIRS, measured, strict=True):
        shown = script.Pair(pair.what, "", "", pair.at_least, note=f"{pair.ours}; rival: {pair.theirs}")
        rows.append(asdict(pair) | script.row(shown, "aihwkit", row))
    return {"versions": facts, "rows": rows}


def main() -> None:
    options = script.options(__doc__, "crossbar", 15)
    options.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 10_000, 100_000])
    options.add_argument("--batch", type=int, default=100, help="queries at a time when measuring growth")
    options.add_argument("--ours-only", action="store_true")
    given = options.parse_args()
    if len(given.sizes) < 2:
        options.error("--sizes are at least 2")
    rival = "" if given.ours_only else script.interpreter("aihwkit")
    result = script.begin(given.rounds) | {"arithmetic": "ours: whole numbers of 16 bits, sums in 32"}
    if rival:
        result |= against(rival, given.rounds)
    print(f"processor time per query, {given.batch} queries at a time")
    rows = growth(given.sizes, given.batch)
    power = exponent(rows)
    print(f"  grows with the power {power:.2f} of the number of classes (1 is linear)")
    print("peak memory of a search over 10 000 queries, above what importing takes")
    result |= {"growth": rows, "growth_exponent": power, "memory": [memory(classes) for classes in (100, 1_000)]}
    print("memory that a search for the best column needs, 10 000 queries")
    result["search_room"] = [room(classes) for classes in given.sizes]
    script.finish(result, given.out)


if __name__ == "__main__":
    main()
