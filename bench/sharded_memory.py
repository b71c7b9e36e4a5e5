"""A sharded memory of unit vectors over one and over two actors of a Ray cluster on this machine.

    python bench/sharded_memory.py [--classes 1000000] [--rounds 5] [--out FILE]

Wanted: two actors answer 1.6 times as fast as one, with equal answers. Each actor has one thread. A million classes
take 2.2 GiB in all. Prints and writes bench/results/sharded.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parents[1] / "src")

import numpy as np
import ray
from ray.cluster_utils import Cluster

from insitu import ShardedMemory

DIM, PART, QUERIES = 512, 10_000, 64


def part(start: int, count: int) -> Any:
    return np.random.default_rng(start).standard_normal((count, DIM), np.float32)


def resident_bytes(_: Any) -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measured(shards: int, address: str, classes: int, rounds: int) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    queries = part(0, min(PART, classes))[:QUERIES] + rng.standard_normal((QUERIES, DIM), np.float32)
    with ShardedMemory(shards, address) as memory:
        empty = ray.get([shard.__ray_call__.remote(resident_bytes) for shard in memory._shards])
        taught, teaching = 0, []
        while taught < classes:
            x = part(taught, min(PART, classes - taught))
            start = time.perf_counter()
            memory.partial_fit(x, range(taught, taught + len(x)))
            teaching.append((time.perf_counter() - start) / len(x))
            taught += len(x)
        full = ray.get([shard.__ray_call__.remote(resident_bytes) for shard in memory._shards])
        answers, taken = memory.query(queries), []
        for _ in range(rounds):
            start = time.perf_counter()
            memory.query(queries)
            taken.append(time.perf_counter() - start)
        one = []
        for number in range(rounds):
            start = time.perf_counter()
            memory.partial_fit(part(classes + number, 1), [classes + number])
            one.append(time.perf_counter() - start)
    return {
        "query_s": statistics.median(taken),
        "teach_us_per_class": 1e6 * statistics.median(teaching),
        "teach_one_class_ms": 1e3 * statistics.median(one),
        "bytes_per_class": (sum(full) - sum(empty)) / classes,
        "answers": answers.labels.tolist(),
        "similarities": answers.similarities.tolist(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "sharded.json")
    given = parser.parse_args()
    memory = {"object_store_memory": 200 * 2**20, "num_cpus": 1}
    cluster = Cluster(initialize_head=True, head_node_args=memory | {"include_dashboard": False})
    cluster.add_node(**memory)
    load = os.getloadavg()[0]
    one, two = (measured(shards, cluster.address, given.classes, given.rounds) for shards in (1, 2))
    cluster.shutdown()
    equal = all(one.pop(name) == two.pop(name) for name in ("answers", "similarities"))
    found = {
        "classes": given.classes,
        "load_before": load,
        "one": one,
        "two": two,
        "ratio": one["query_s"] / two["query_s"],
        "equal_answers": equal,
        "wanted": {"ratio_at_least": 1.6, "equal_answers": True},
    }
    given.out.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
