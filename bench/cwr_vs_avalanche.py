"""The update step of CWR* on 512 features and 10 classes, against Avalanche's ``CWRStar``; final accuracies of both.

    INSITU_RIVAL_AVALANCHE=path/to/python python bench/cwr_vs_avalanche.py [--rounds 15] [--out FILE]

Prints a table and writes bench/results/cwr.json. See bench/README.md.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any

from crossbar_vs_aihwkit import processor
from rounds import THREADS, Side, compare

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent / "src"  # what is measured is this checkout
OURS, THEIRS = HERE / "_cwr_insitu.py", HERE / "_cwr_avalanche.py"
VARIABLE = "INSITU_RIVAL_AVALANCHE"
HOW = f"the rival is not here: name an interpreter that imports avalanche in {VARIABLE}; see bench/README.md"
BITS = {"quantised 8/16": (8, 16), "float": (0, 0)}

# what, our task, their task, the ratio wanted
PAIRS = (
    ("quantised 8/16; Avalanche as it comes", "second_quantised", "second", 5.0),
    ("quantised 8/16; Avalanche given whole mini-batches", "second_quantised", "second_batched", 5.0),
    ("quantised 8/16; plain PyTorch loop", "second_quantised", "second_plain", None),
    ("float; Avalanche given whole mini-batches", "second_float", "second_batched", None),
    ("float; plain PyTorch loop", "second_float", "second_plain", None),
)


def speed(ours: Side, theirs: Side, rounds: int) -> list[dict[str, Any]]:
    """Time one experience of 2000 examples and 5 epochs on both sides; print and return a row per pair."""
    steps = ours.ask("second_quantised")["value"]
    rows = []
    for (what, _, _, wanted), row in zip(
        PAIRS, compare(ours, theirs, [(a, b, 1.0) for _, a, b, _ in PAIRS], rounds), strict=True
    ):
        reached = min(row["ratio"], row["cpu_ratio"])
        verdict = "" if wanted is None else "met" if reached >= wanted else "not met"
        per_step = {f"{side}_step_us": 1e3 * row[f"{side}_ms"] / steps for side in ("ours", "theirs")}
        rows.append({"what": what, "at_least": wanted, "verdict": verdict} | row | per_step)
        spread = f"{row['ratio_lower_quartile']:.1f}..{row['ratio_upper_quartile']:.1f}"
        print(f"{what}\n  {per_step['ours_step_us']:.0f} µs a step against {per_step['theirs_step_us']:.0f} µs")
        print(f"  ratio {row['ratio']:.1f}, quartiles {spread}, of processor time {row['cpu_ratio']:.1f}  {verdict}")
    return rows


def accuracies(ours: Side, theirs: Side, seeds: int) -> dict[str, dict[str, Any]]:
    """Return the final accuracies of both streams, seed by seed, and the mean differences to Avalanche."""
    out: dict[str, dict[str, Any]] = {}
    for stream in ("nc", "ni"):
        found = {
            name: [ours.ask("accuracy", stream, seed, *bits)["value"] for seed in range(seeds)]
            for name, bits in BITS.items()
        }
        found["Avalanche"] = [theirs.ask("accuracy", stream, seed)["value"] for seed in range(seeds)]
        out[stream] = {"percent": found}
        for name, values in found.items():
            apart = [a - b for a, b in zip(values, found["Avalanche"], strict=True)]
            row = {"mean": statistics.mean(values), "to_avalanche": statistics.mean(apart)}
            row["spread_of_difference"] = statistics.stdev(apart)
            out[stream][name] = row
            print(f"  {stream}  {name:<15} {row['mean']:6.2f} %   {row['to_avalanche']:+.2f} to Avalanche")
    return out


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument(
        "--rival", default=os.environ.get(VARIABLE), help=f"interpreter with avalanche (or {VARIABLE})"
    )
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--out", type=Path, default=HERE / "results" / "cwr.json")
    given = options.parse_args()
    if not (given.rival and Path(given.rival).is_file()):
        raise SystemExit(HOW)
    if given.rounds < 2 or given.seeds < 2:
        raise SystemExit("--rounds and --seeds are at least 2")
    result: dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        "threads": THREADS,
        "machine": {"processor": processor(), "cores": os.cpu_count(), "load_before": round(os.getloadavg()[0], 2)},
        "rounds": given.rounds,
    }
    with Side(sys.executable, OURS, SOURCE) as ours, Side(given.rival, THEIRS) as theirs:
        result["versions"] = {"ours": ours.facts, "theirs": theirs.facts}
        result["steps"] = speed(ours, theirs, given.rounds)
        print(f"final accuracies, {given.seeds} seeds")
        result["accuracies"] = accuracies(ours, theirs, given.seeds)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=2) + "\n")
    print(f"written: {given.out}")


if __name__ == "__main__":
    main()
