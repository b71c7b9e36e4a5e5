"""Inference of the default binary network, frozen, against its float twin in torch, in the fastest way torch has here.

    python bench/binary_network.py [--rounds 15] [--threads 1 2] [--out FILE]

Prints a table and writes bench/results/binary_network.json. See bench/README.md.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
from pathlib import Path
from typing import Any

import rounds
from crossbar_vs_aihwkit import processor

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent / "src"  # what is measured is this checkout
SIDE = HERE / "_binary_network_side.py"
BATCHES = (1, 32)
WANTED = 4.0
EAGER = ("eager", "eager last", "eager folded", "eager folded last")
FLOAT = (*EAGER, "jit folded", "jit folded last", "compile", "compile last")
HALF = ("eager folded last bf16",)
TRIES = 2  # of every variant, to find the fastest


def images_per_task(batch: int) -> int:
    return 32 if batch > 1 else 8


def preliminary(theirs: rounds.Side, batch: int, variants: tuple[str, ...]) -> dict[str, float]:
    """Return processor milliseconds per image of each variant, the best of a few tries but the first."""
    out = {}
    for variant in variants:
        taken = [theirs.ask(f"{variant}/{batch}")["cpu_s"] for _ in range(TRIES + 1)][1:]
        out[variant] = round(1e3 * min(taken) / images_per_task(batch), 4)
        print(f"  batch {batch:>2}  {variant:<24} {out[variant]:>8.3f} ms an image")
    return out


def measure(threads: int, count: int, variants: tuple[str, ...]) -> dict[str, Any]:
    """Compare both sides on ``threads`` threads each."""
    rounds.THREADS = threads
    with rounds.Side(sys.executable, SIDE, SOURCE) as ours, rounds.Side(sys.executable, SIDE, SOURCE) as theirs:
        print(f"{threads} thread(s); every way of running the twin, processor time")
        tried = {batch: preliminary(theirs, batch, variants + HALF) for batch in BATCHES}
        fastest = {batch: min(variants, key=tried[batch].__getitem__) for batch in BATCHES}
        rivals = [(batch, rival) for batch in BATCHES for rival in (fastest[batch], *HALF)]
        pairs = [(f"frozen/{batch}", f"{rival}/{batch}", 1.0) for batch, rival in rivals]
        rows = rounds.compare(ours, theirs, pairs, count)
        facts = {"ours": ours.facts, "theirs": theirs.facts}
    lines = []
    for (batch, rival), row in zip(rivals, rows, strict=True):
        each = images_per_task(batch)
        per_image = {key: value / each if key.endswith("_ms") else value for key, value in row.items()}
        reached = row["cpu_ratio"] if threads == 1 else min(row["ratio"], row["cpu_ratio"])
        verdict = "" if rival in HALF else "met" if reached >= WANTED else "not met"
        lines.append({"batch": batch, "rival": rival, "at_least": WANTED, "verdict": verdict} | per_image)
        print(
            f"  batch {batch:>2}  ours {per_image['cpu_ours_ms']:.3f}  {rival} {per_image['cpu_theirs_ms']:.3f} ms of "
            f"processor time an image: {row['cpu_ratio']:.2f} ({row['cpu_ratio_lower_quartile']:.2f}.."
            f"{row['cpu_ratio_upper_quartile']:.2f}); on the clock {row['ratio']:.2f}; {verdict}"
        )
    return {"threads": threads, "tried_cpu_ms_per_image": tried, "rows": lines, "versions": facts}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options.add_argument(
        "--no-compile", action="store_true", help="leave torch.compile out, which needs a C++ compiler"
    )
    options.add_argument("--out", type=Path, default=HERE / "results" / "binary_network.json")
    given = options.parse_args()
    if given.rounds < 2:
        raise SystemExit("--rounds is at least 2")
    variants = tuple(name for name in FLOAT if not (given.no_compile and name.startswith("compile")))
    result: dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        "rounds": given.rounds,
        "machine": {"processor": processor(), "cores": os.cpu_count(), "load_before": round(os.getloadavg()[0], 2)},
    }
    with rounds.Side(sys.executable, SIDE, SOURCE) as ours:
        result["bytes"] = ours.ask("size")["value"]
    result["measured"] = [measure(threads, given.rounds, variants) for threads in given.threads]
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=2) + "\n")
    print(f"written: {given.out}")


if __name__ == "__main__":
    main()
