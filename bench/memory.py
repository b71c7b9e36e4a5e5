"""What teaching and querying a memory costs by number of classes, and ``fit`` against scikit-learn's NearestCentroid.

usage: python bench/memory.py [--classes 50 1000 10000] [--rounds 7] [--one-by-one 2000] [--out FILE]

Processor time of this process, on the default phase-change crossbar, 512 components, five shots; threads as the
environment sets them (``OMP_NUM_THREADS=1`` for one). Ours and the rival take turns within every round.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import torch
from sklearn.neighbors import NearestCentroid

from insitu import Memory

FEATURES, SHOTS, FITTED = 512, 5, 1000


def examples(classes: int) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(classes), SHOTS)
    return rng.standard_normal((classes, FEATURES))[y] + rng.standard_normal((len(y), FEATURES)), y, rng


def cpu_ms(act: Callable[[], object], wait_s: float = 0.0) -> float:
    """Processor time of a call, and of what its threads spin in the time after it."""
    start = time.process_time()
    act()
    time.sleep(wait_s)
    return 1e3 * (time.process_time() - start)


def fit_against_nearest_centroid(rounds: int) -> dict[str, float]:
    x, y, _ = examples(FITTED)
    sides = {"ours_ms": lambda: Memory().fit(x, y), "theirs_ms": lambda: NearestCentroid().fit(x, y)}
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for round_ in range(rounds + 1):  # the first round warms up
        for name in sorted(sides, reverse=round_ % 2 == 1):
            taken[name].append(cpu_ms(sides[name], 0.05))
    ratios = [a / b for a, b in zip(taken["ours_ms"][1:], taken["theirs_ms"][1:], strict=True)]
    return {name: statistics.median(each[1:]) for name, each in taken.items()} | {"ratio": statistics.median(ratios)}


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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, nargs="+", default=[50, 1000, 10000])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--one-by-one", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "memory.json")
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # scikit-learn suspects a regression where most labels are new
    load = os.getloadavg()[0]
    found = {
        "facts": {
            "threads": torch.get_num_threads(),
            "processor": platform.processor() or platform.machine(),
            "versions": {"numpy": np.__version__, "torch": torch.__version__, "sklearn": sklearn.__version__},
            "load_before": load,
        },
        "fit": fit_against_nearest_centroid(given.rounds),
        "classes": {str(classes): by_classes(classes, given.rounds) for classes in given.classes},
        "one_by_one": longest_pause(given.one_by_one),
    }
    given.out.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
