"""Exact digital search against faiss's flat index, and its growth with the number of classes.

    INSITU_RIVALS=folder python bench/search_vs_faiss.py [--sizes 100000 1000000] [--rounds 5] [--out FILE]

See bench/README.md.
"""

from __future__ import annotations

import os
import statistics
import sys
from typing import Any

import script
from _search_data import CANDIDATES
from rounds import Side
from script import Pair

RIVALS = ("faiss",)
OURS, THEIRS = script.HERE / "_search_insitu.py", script.HERE / "_search_faiss.py"
AT_LEAST = 0.8


def against_faiss(outputs: int, rounds: int, rival: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the rows of one size, and the versions; an answer that differs ends the run."""
    pairs = [
        Pair(f"search of a batch in {outputs} classes", "batch", "batch", AT_LEAST),
        Pair(f"search of one query at a time in {outputs} classes", "single", "single", AT_LEAST),
    ]
    os.environ["INSITU_BENCH_OUTPUTS"] = str(outputs)
    with Side(sys.executable, OURS, script.SOURCE) as ours, Side(rival, THEIRS) as theirs:
        for pair in pairs:
            if ours.ask(pair.ours)["value"] != theirs.ask(pair.theirs)["value"]:
                raise SystemExit(f"{pair.what}: the sides find other columns")
        versions = {"ours": ours.facts, "theirs": theirs.facts}
        return script.compared(ours, theirs, "faiss flat", pairs, rounds), versions


def approximate(outputs: int, rounds: int, rival: str) -> list[dict[str, Any]]:
    """Return the row of approximate search against the exact one of faiss, with its recall."""
    os.environ["INSITU_BENCH_OUTPUTS"] = str(outputs)
    with Side(sys.executable, OURS, script.SOURCE) as ours, Side(rival, THEIRS) as theirs:
        note = f"exact; ours compares {CANDIDATES} candidates, recall {ours.ask('recall')['value']:.1%}"
        pair = Pair(
            f"approximate search of one query at a time in {outputs} classes", "approximate", "single", note=note
        )
        return script.compared(ours, theirs, "faiss flat", [pair], rounds)


def growth(outputs: int, rounds: int) -> dict[str, float]:
    """Return the processor time per query of a batch."""
    os.environ["INSITU_BENCH_OUTPUTS"] = str(outputs)
    with Side(sys.executable, OURS, script.SOURCE) as side:
        queries = len(side.ask("batch")["value"])
        taken = statistics.median(side.ask("batch")["cpu_s"] for _ in range(rounds))
    return {"classes": outputs, "search_us": 1e6 * taken / queries}


def main() -> None:
    parser = script.options(__doc__, "search", 5)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000], help="classes, compared")
    parser.add_argument(
        "--approximate", type=int, nargs="*", default=[100_000], help="classes, searched approximately; needs usearch"
    )
    parser.add_argument(
        "--growth", type=int, nargs="+", default=[100, 1000, 10_000, 100_000, 1_000_000], help="classes, ours alone"
    )
    given = parser.parse_args()
    rival, result = script.interpreter("faiss"), script.begin(given.rounds)
    result["rows"] = []
    for size in given.sizes:
        rows, result["versions"] = against_faiss(size, given.rounds, rival)
        result["rows"] += rows
    for size in given.approximate:
        result["rows"] += approximate(size, given.rounds, rival)
    result["growth"] = [growth(size, given.rounds) for size in given.growth]
    script.finish(result, given.out)


if __name__ == "__main__":
    main()
