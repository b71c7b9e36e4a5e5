"""Fit the law of scale that ``insitu plan`` extrapolates with, to simulations made here, and show it against them.

usage: python bench/scaling_law.py [--fit-only] [--results FILE]

Simulates memories that grow, setting by setting, into ``bench/results/scaling_law.json`` (a killed run continues after
the last finished setting); fits the constants of each embedding, once to all settings and again to resampled ones, for
the error bar; and writes them to ``src/insitu/planning/scaling_law.json``, the figure to
``docs/figures/scaling_law.svg`` and the table to ``docs/planning.md``. Of every embedding the largest sizes are held
out: the fit never sees them. About a quarter of an hour of processor time.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from _scaling_fit import lines, write
from _scaling_simulation import RANDOM, REAL, Setting, simulate
from insitu.core import write_text

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results" / "scaling_law.json"
HERMES, PULSED = "pcm-hermes2022", "pcm-nandakumar2018"

SETTINGS = [
    *(
        Setting(name, rows, shots, device, 0, seed)
        for name in REAL
        for rows in (64, 128, 512)
        for shots in (1, 5)
        for device in ("", HERMES, PULSED)
        for seed in (0, 1)
    ),
    *(Setting(RANDOM, rows, shots, "", 10**5, 0) for rows in (64, 128) for shots in (1, 5)),
    *(Setting(RANDOM, rows, 5, device, 10**5, 0) for rows in (64, 128) for device in (HERMES, PULSED)),
    *(Setting(RANDOM, 512, 1, device, 10**5, 0) for device in ("", HERMES)),
    *(Setting(RANDOM, 64, 5, device, 10**6, 1) for device in ("", HERMES)),
]


def main() -> None:
    """Simulate what is missing, fit and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fit-only", action="store_true", help="fit to the simulations that are finished")
    parser.add_argument("--results", type=Path, default=RESULTS, help="file of the simulations")
    given = parser.parse_args()
    done: dict[str, Any] = json.loads(given.results.read_text()) if given.results.exists() else {}
    for setting in [] if given.fit_only else SETTINGS:
        if setting.name not in done:
            start = time.process_time()
            right = simulate(setting)
            done[setting.name] = {"right": right, "seconds": round(time.process_time() - start, 1)}
            write_text(given.results, lines(done))
            print(setting.name, {size: round(hits / count, 3) for size, (hits, count) in right.items()}, flush=True)
    # as read back, since the names of sizes in JSON are texts
    done = json.loads(given.results.read_text())
    write([(each, done[each.name]["right"]) for each in SETTINGS if each.name in done], ROOT)


if __name__ == "__main__":
    main()
