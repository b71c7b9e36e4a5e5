"""The update step of CWR* on 512 features and 10 classes, against Avalanche's ``CWRStar``; final accuracies of both.

    INSITU_RIVALS=folder python bench/cwr_vs_avalanche.py [--rounds 15] [--out FILE]

See bench/README.md.
"""

from __future__ import annotations

import statistics
import sys
from typing import Any

import script
from rounds import Side
from script import Pair

RIVALS = ("avalanche",)
OURS, THEIRS = script.HERE / "_cwr_insitu.py", script.HERE / "_cwr_avalanche.py"
BITS = {"quantised 8/16": (8, 16), "float": (0, 0)}
WHOLE = "given whole mini-batches, without its data loader"
PAIRS = [
    Pair("CWR* step, quantised 8/16", "second_quantised", "second", 5.0, note="as it comes"),
    Pair("CWR* step, quantised 8/16", "second_quantised", "second_batched", 5.0, note=WHOLE),
    Pair("CWR* step, quantised 8/16", "second_quantised", "second_plain", rival="plain PyTorch loop"),
    Pair("CWR* step, float", "second_float", "second_batched", note=WHOLE),
    Pair("CWR* step, float", "second_float", "second_plain", rival="plain PyTorch loop"),
]


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
    options = script.options(__doc__, "cwr", 15)
    options.add_argument("--seeds", type=int, default=5, help="streams of the accuracies, 2 or more; 0: none")
    given = options.parse_args()
    rival, result = script.interpreter("avalanche"), script.begin(given.rounds)
    with Side(sys.executable, OURS, script.SOURCE) as ours, Side(rival, THEIRS) as theirs:
        result["versions"] = {"ours": ours.facts, "theirs": theirs.facts}
        steps = ours.ask("second_quantised")["value"]
        result["rows"] = script.compared(ours, theirs, "Avalanche", PAIRS, given.rounds)
        result["mini_batches_of_a_measurement"] = steps
        if given.seeds:
            print(f"final accuracies, {given.seeds} seeds")
            result["accuracies"] = accuracies(ours, theirs, given.seeds)
    script.finish(result, given.out)


if __name__ == "__main__":
    main()
