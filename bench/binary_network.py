"""Inference of the default binary network, frozen, against its float twin in torch, in the fastest way torch has here.

    python bench/binary_network.py [--rounds 15] [--threads 1 2] [--compile]

See bench/README.md.
"""

from __future__ import annotations

import sys
from typing import Any

import rounds
import script
from script import SOURCE, Pair

RIVALS = ()
SIDE = script.HERE / "_binary_network_side.py"
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
        pairs = [
            Pair(
                f"binary network, batch {batch}, {threads} thread(s)",
                f"frozen/{batch}",
                f"{rival}/{batch}",
                None if rival in HALF else WANTED,
                note=f"{rival}; a task is {images_per_task(batch)} images",
            )
            for batch, rival in rivals
        ]
        rows = script.compared(ours, theirs, "PyTorch float twin", pairs, count)
        facts = {"ours": ours.facts, "theirs": theirs.facts}
    return {"threads": threads, "tried_cpu_ms_per_image": tried, "rows": rows, "versions": facts}


def main() -> None:
    options = script.options(__doc__, "binary_network", 15)
    options.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options.add_argument("--compile", action="store_true", help="try torch.compile too, which needs a C++ compiler")
    given = options.parse_args()
    variants = tuple(name for name in FLOAT if given.compile or not name.startswith("compile"))
    result = script.begin(given.rounds)
    with rounds.Side(sys.executable, SIDE, SOURCE) as ours:
        result["bytes"] = ours.ask("size")["value"]
    measured = [measure(threads, given.rounds, variants) for threads in given.threads]
    result["rows"] = [row for each in measured for row in each.pop("rows")]
    result["versions"] = measured[0].pop("versions")
    script.finish(result | {"measured": measured}, given.out)


if __name__ == "__main__":
    main()
