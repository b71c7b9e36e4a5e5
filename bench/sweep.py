"""A sweep by one and by two worker processes of this machine, each to an empty folder, taking turns.

    python bench/sweep.py [--rounds 3] [--out FILE]

Wanted: two processes take 1.8 times less. Start-up of driver and workers is part of the time. Prints and writes
bench/results/sweep.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from insitu.report import environment

COMMAND = ("karunaratne2022-miniimagenet", "--grid", "learner.substrate.adc-bits=6,8", "--seeds", "4")
WORKERS = (1, 2)


def seconds(workers: int) -> float:
    """Return how long a whole sweep takes."""
    with tempfile.TemporaryDirectory() as out:
        begun = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "insitu", "sweep", *COMMAND, "--workers", str(workers), "--out", out],
            check=True,
            capture_output=True,
            env={"OMP_NUM_THREADS": "1", **os.environ},
        )
        return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "sweep.json")
    given = parser.parse_args()
    machine = environment.machine() | {"load_before": round(os.getloadavg()[0], 2)}
    rounds = [[seconds(workers) for workers in WORKERS] for _ in range(given.rounds)]
    found = {
        "date": f"{datetime.date.today()}",
        "machine": machine,
        "command": ["insitu", "sweep", *COMMAND],
        "seconds": {workers: [each[number] for each in rounds] for number, workers in enumerate(WORKERS)},
        "ratio": statistics.median(one / two for one, two in rounds),
        "wanted": {"ratio_at_least": 1.8},
    }
    given.out.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
