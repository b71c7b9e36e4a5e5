"""Every benchmark against a named rival, one after another, and one table of their ratios.

    INSITU_RIVALS=folder python bench/all.py [NAME ...] [--rounds 5] [--table]

Scripts are those of this folder that hold ``RIVALS``; NAME picks some. A rival that is not there is skipped with the
reason. ``--table`` measures nothing. The table of all results in bench/results is printed, and written to
bench/RESULTS.md with figures of growth.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import results_table
import script


def scripts() -> dict[str, Path]:
    """Return the scripts that measure against a rival by name."""
    found = sorted(script.HERE.glob("[!_]*.py"))
    return {path.stem: path for path in found if "\nRIVALS = (" in path.read_text(encoding="utf-8")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(scripts()))
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each script")
    parser.add_argument("--table", action="store_true", help="only make the table of the results that are there")
    given = parser.parse_args()
    if odd := [name for name in given.names if name not in scripts()]:
        parser.error(f"no benchmark {odd[0]}; there are {', '.join(scripts())}")
    skipped: dict[str, str] = {}
    for name, path in scripts().items():
        if given.table or (given.names and name not in given.names):
            continue
        print(f"== {name}", flush=True)
        begun = time.monotonic()
        # the threads of both sides are set by rounds.py; those of a script itself are one
        done = subprocess.run(
            [sys.executable, path, "--rounds", str(given.rounds)],
            env={"OMP_NUM_THREADS": "1", **os.environ},
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        sys.stderr.write(done.stderr)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
            skipped[name] = reason if done.returncode == script.SKIPPED else f"failed: {reason}"
        print(f"   {time.monotonic() - begun:.0f} s", flush=True)
    rows = results_table.read()
    print(results_table.terminal(rows))
    for name, reason in skipped.items():
        print(f"{name}: {reason}")
    results_table.write(rows, skipped)
    if any(reason.startswith("failed") for reason in skipped.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
