"""Exact digital search against faiss's flat index, and its growth with the number of classes.

    INSITU_RIVAL_FAISS=path/to/python python bench/search_vs_faiss.py [--sizes 100000 1000000] [--rounds 5] [--out FILE]

Both sides hold the same unit vectors of 512 numbers and answer the same queries; an answer that differs ends the run.
``INSITU_BENCH_THREADS=2`` gives both two threads.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import sys
from pathlib import Path
from typing import Any

from rounds import THREADS, Side, compare

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent / "src"
VARIABLE = "INSITU_RIVAL_FAISS"
AT_LEAST = 0.8


def against_faiss(outputs: int, rounds: int, rival: str) -> dict[str, Any]:
    os.environ["INSITU_BENCH_OUTPUTS"] = str(outputs)
    ours, theirs = HERE / "_search_insitu.py", HERE / "_search_faiss.py"
    with Side(sys.executable, ours, SOURCE) as mine, Side(rival, theirs) as other:
        for task in ("batch", "single"):
            if mine.ask(task)["value"] != other.ask(task)["value"]:
                raise SystemExit(f"{task} of {outputs}: the sides find other columns")
        batch, single = compare(mine, other, [("batch", "batch", 1.0), ("single", "single", 1.0)], rounds)
        return {"batch": batch, "single": single, "facts": mine.facts | other.facts}


def growth(sizes: list[int], rounds: int) -> dict[str, Any]:
    """Return processor seconds per query of each size, and the slope of their logarithms."""
    taken = {}
    for outputs in sizes:
        os.environ["INSITU_BENCH_OUTPUTS"] = str(outputs)
        with Side(sys.executable, HERE / "_search_insitu.py", SOURCE) as side:
            side.ask("batch")
            queries = int(os.environ.get("INSITU_BENCH_QUERIES", "256"))
            taken[outputs] = statistics.median(side.ask("batch")["cpu_s"] for _ in range(rounds)) / queries
    return {"seconds_per_query": taken, "exponent": slope(list(taken), list(taken.values()))}


def slope(sizes: list[int], seconds: list[float]) -> float:
    """Return the least-squares slope of log seconds over log size."""
    x, y = [math.log(size) for size in sizes], [math.log(each) for each in seconds]
    middle = statistics.mean(x)
    return sum((a - middle) * b for a, b in zip(x, y, strict=True)) / sum((a - middle) ** 2 for a in x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--growth", type=int, nargs="*", default=[100, 1000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--out", type=Path, default=HERE / "results" / f"search{f'-{THREADS}' if THREADS > 1 else ''}.json"
    )
    given = parser.parse_args()
    rival = os.environ.get(VARIABLE, sys.executable)
    load = os.getloadavg()[0]
    found: dict[str, Any] = {
        "facts": {"threads": THREADS, "processor": platform.processor() or platform.machine(), "load_before": load},
        "against_faiss": {str(size): against_faiss(size, given.rounds, rival) for size in given.sizes},
        "growth": growth(given.growth, given.rounds) if given.growth else {},
        "wanted": {"ratio_at_least": AT_LEAST, "exponent_at_most": 1.05},
    }
    given.out.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
