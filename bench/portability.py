"""Compare the rows of experiments between instruction sets and numbers of threads, all forced on this machine.

usage: python bench/portability.py [NAME ...] [--full] [--seeds N]

Each experiment (default: all that have a quick variant) runs in a process of its own per setting, with caches of its
own: as the processor is, with AVX2 only, and with one thread. Exits with 1 where a printed digit differs. ``--full``
takes the whole experiments with ``--seeds`` seeds (default 1) in place of the quick variants.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

DIGITS = 2  # that reports print of percentages, centimetres and counts at most; velocities have 3
FINER = {"omega_base": 4, "omega_shoulder": 4}
HASWELL = "+sse4.2,+popcnt,+avx,+avx2,+fma,+f16c,+bmi,+bmi2,+lzcnt,+movbe,-avx512f"

Rows = list[dict[str, Any]]


def avx2() -> dict[str, str]:
    """Return the variables that keep every library from instructions beyond AVX2."""
    from numpy._core._multiarray_umath import __cpu_dispatch__ as dispatched

    return {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "NPY_DISABLE_CPU_FEATURES": " ".join(name for name in dispatched if name > "X86_V3" or "512" in name),
        "OPENBLAS_CORETYPE": "Haswell",
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": HASWELL,
    }


def threads(count: int) -> dict[str, str]:
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    return dict.fromkeys(names, str(count))


def settings() -> dict[str, dict[str, str]]:
    """Return the environments that are compared; the first is what others are compared with."""
    two = threads(2)
    return {"as it is": two, "AVX2": two | avx2(), "one thread": threads(1), "AVX2, one thread": threads(1) | avx2()}


def run(name: str, environment: dict[str, str], full: bool, seeds: int, cache: Path) -> Rows:
    """Return the rows of one experiment under these variables; compiled loops and encodings are kept in ``cache``."""
    kept = {key: value for key, value in os.environ.items() if key not in avx2()}
    own = {"NUMBA_CACHE_DIR": str(cache / "numba"), "INSITU_CACHE": str(cache / "insitu")}
    given = [sys.executable, __file__, "--child", name, "--seeds", str(seeds), *["--full"] * full]
    with tempfile.NamedTemporaryFile("r", suffix=".json") as file:
        subprocess.run([*given, "--to", file.name], env=kept | own | environment, check=True)
        rows: Rows = json.load(file)
    return rows


def child(name: str, full: bool, seeds: int) -> Rows:
    from insitu import catalog
    from insitu.run import rows

    module = importlib.import_module(catalog.find(name, "experiments").module)
    experiment = replace(module.EXPERIMENT, seeds=seeds, sweep=()) if full else module.QUICK
    return [row for seed in range(experiment.seeds) for row in rows(experiment, seed)]


def differences(ours: Rows, theirs: Rows, exact: bool = False) -> list[str]:
    """Return a line for every number that differs as printed, or, where ``exact``, at all."""
    if len(ours) != len(theirs):
        return [f"{len(ours)} rows against {len(theirs)}"]
    found = []
    for a, b in zip(ours, theirs, strict=True):
        where = " ".join(str(a[key]) for key in ("seed", "arm", "session", "age_s"))
        for key in sorted(a.keys() | b.keys()):
            x, y = a.get(key), b.get(key)
            printed = not exact and isinstance(x, float) and isinstance(y, float)
            if (round(x, FINER.get(key, DIGITS)) != round(y, FINER.get(key, DIGITS))) if printed else x != y:
                found.append(f"{where}: {key} {x} against {y}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for caches and rows, kept for the next time")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--to", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        args.to.write_text(json.dumps(child(args.child, args.full, args.seeds)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        return compare(args.names or quick(), args.full, args.seeds, args.keep or Path(folder))


def quick() -> list[str]:
    from insitu import catalog

    parts = catalog.parts("experiments")
    return [part.name for part in parts if hasattr(importlib.import_module(part.module), "QUICK")]


def compare(names: list[str], full: bool, seeds: int, folder: Path) -> int:
    bad = 0
    for name in names:
        first: Rows = []
        for setting, environment in settings().items():
            started = time.monotonic()
            rows = run(name, environment, full, seeds, folder / setting.partition(",")[0].replace(" ", "-"))
            (folder / f"{name}-{setting}.json").write_text(json.dumps(rows))
            first = first or rows
            found, bits = differences(first, rows), differences(first, rows, exact=True)
            bad += len(found)
            seconds = time.monotonic() - started
            print(f"{name}, {setting}: {len(found)} numbers differ as printed, {len(bits)} at all ({seconds:.0f} s)")
            for line in found[:5]:
                print(f"    {line}")
    return min(bad, 1)


if __name__ == "__main__":
    raise SystemExit(main())
