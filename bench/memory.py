"""What teaching and querying a memory costs by number of classes, and ``fit`` against scikit-learn's NearestCentroid.

usage: python bench/memory.py [--classes 50 1000 10000] [--rounds 7] [--one-by-one 2000]

Processor time of this process, on the default phase-change crossbar, 512 components, five shots; threads as the
environment sets them (``OMP_NUM_THREADS=1`` for one). Ours and the rival take turns within every round.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import sklearn
import torch
from sklearn.neighbors import NearestCentroid

import script
from insitu import Memory
from rounds import measured
from script import Pair

RIVALS = ()
FEATURES, SHOTS, FITTED = 512, 5, 1000


def examples(classes: int) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(classes), SHOTS)
    return rng.standard_normal((classes, FEATURES))[y] + rng.standard_normal((len(y), FEATURES)), y, rng


def cpu_ms(act: Callable[[], object]) -> float:
    """Processor time of a call."""
    start = time.process_time()
    act()
    return 1e3 * (time.process_time() - start)


def both_clocks(act: Callable[..., object], *given: Any) -> dict[str, float]:
    """Return seconds of a call, and those of the processor with what its threads spin in the time after it."""
    start, worked = time.perf_counter(), time.process_time()
    act(*given)
    seconds = time.perf_counter() - start
    time.sleep(0.05)
    return {"s": seconds, "cpu_s": time.process_time() - worked}


def against_nearest_centroid(rounds: int) -> list[dict[str, Any]]:
    """Fit and query both in turns, in this process; the first round warms up."""
    x, y, rng = examples(FITTED)
    queries = x[:1000] + rng.standard_normal((1000, FEATURES))
    rival, out = f"scikit-learn {sklearn.__version__} NearestCentroid", []
    for name, mine in (("phase-change crossbar", Memory()), ("digital", Memory("digital"))):
        for what, at_least, given in (("fit", 1 / 3, (x, y)), ("predict", None, (queries,))):
            theirs, taken = NearestCentroid().fit(x, y), []
            for count in range(rounds + 1):
                sides = [both_clocks(getattr(each, what), *given) for each in (mine, theirs)[:: (-1) ** count]]
                taken += [tuple(sides[:: (-1) ** count])] if count else []
            found = measured(taken, "s", 1.0, "") | measured(taken, "cpu_s", 1.0, "cpu_")
            amount = f"{FITTED} classes of {SHOTS} x {FEATURES}" if what == "fit" else f"{len(queries)} queries"
            out.append(script.row(Pair(f"Memory on the {name}, {what}: {amount}", "", "", at_least), rival, found))
    return out


def by_classes(classes: int, rounds: int) -> dict[str, float]:
    x, y, rng = examples(classes)
    memory = Memory().fit(x, y)
    queries = x + rng.standard_normal(x.shape)
    memory.predict(queries[:1])
    query = [cpu_ms(lambda n=n: memory.predict(queries[n : n + 1])) for n in range(5 * rounds)]
    known = [cpu_ms(lambda n=n: memory.partial_fit(queries[n : n + 1], y[n : n + 1])) for n in range(rounds)]
    new = [
        cpu_ms(lambda n=n: memory.partial_fit(queries[n * SHOTS : (n + 1) * SHOTS], [classes + n] * SHOTS))
        for n in range(rounds)
    ]
    after = cpu_ms(lambda: memory.predict(queries[:1]))
    names = {"query_ms": query, "known_class_ms": known, "new_class_ms": new}
    return {name: statistics.median(each) for name, each in names.items()} | {"query_after_teaching_ms": after}


def longest_pause(classes: int) -> dict[str, float]:
    rng, memory, taken = np.random.default_rng(0), Memory(), []
    for number in range(classes):
        x = rng.standard_normal(FEATURES) + rng.standard_normal((SHOTS, FEATURES))
        start = time.process_time()
        memory.partial_fit(x, [number] * SHOTS)
        taken.append(1e3 * (time.process_time() - start))
    return {"median_ms": statistics.median(taken), "longest_ms": max(taken[2:]), "first_ms": taken[0]}


def main() -> None:
    parser = script.options(__doc__, "memory", 7)
    parser.add_argument("--classes", type=int, nargs="+", default=[50, 1000, 10000])
    parser.add_argument("--one-by-one", type=int, default=2000)
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # scikit-learn suspects a regression where most labels are new
    result = script.begin(given.rounds) | {
        "versions": {"numpy": np.__version__, "torch": torch.__version__, "scikit-learn": sklearn.__version__},
        "rows": against_nearest_centroid(given.rounds),
    }
    growth = [{"classes": classes} | by_classes(classes, given.rounds) for classes in given.classes]
    script.finish(result | {"growth": growth, "one_by_one": longest_pause(given.one_by_one)}, given.out)


if __name__ == "__main__":
    main()
