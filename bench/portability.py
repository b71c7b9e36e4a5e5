"""Compare the rows of experiments between instruction sets and numbers of threads, all forced on this machine.

usage: python bench/portability.py [NAME ...] [--full] [--seeds N] [--settings NAME ...] [--keep FOLDER]

Each experiment (default: all quick variants) runs in a process of its own per setting, with caches of its own:

    as-it-is    what the processor has, two threads; the others are compared with it
    one-thread  the same in one thread
    avx2        torch, oneDNN, MKL, NumPy, OpenBLAS and Numba held at AVX2
    oldest      all of these held at SSE, but Numba, whose loops are held at AVX2: sums come in other orders

Exits with 1 where a number differs as printed, and says of every setting how many differ in any bit. Experiments whose
images or weights are not here are left out. ``--keep`` keeps caches and rows for the next time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

DIGITS = 2  # that reports print of percentages, centimetres and counts, at most
FINER = {"omega_base": 3, "omega_shoulder": 3}  # rad/s
FEATURES = "+sse4.2,+popcnt,+avx,+avx2,+fma,+f16c,+bmi,+bmi2,+lzcnt,+movbe"
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
NUMBA = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": FEATURES}
LIBRARIES = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_CBWR", "OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES")
ABSENT = 3  # exit code of a child whose data is not here

Rows = list[dict[str, Any]]


def settings() -> dict[str, dict[str, str]]:
    """Return the variables of every setting that this machine can take; the first is what others are compared with."""
    two, one = (dict.fromkeys(THREADS, count) for count in "21")
    found = {"as-it-is": two, "one-thread": one}
    if platform.machine() == "x86_64":
        from numpy._core._multiarray_umath import __cpu_dispatch__ as dispatched

        beyond = " ".join(name for name in dispatched if name != "X86_V3" and "AVX2" not in name)
        held = {
            "avx2": ("avx2", "AVX2", "AVX2", "Haswell", beyond),
            "oldest": ("default", "SSE41", "COMPATIBLE", "Nehalem", " ".join(dispatched)),
        }
        found |= {name: two | NUMBA | dict(zip(LIBRARIES, values, strict=True)) for name, values in held.items()}
    return found


def run(name: str, setting: str, cache: Path, full: bool = False, seeds: int = 0) -> Rows | None:
    """Return the rows of an experiment under a setting, or None where its data is not here.

    Encodings go into ``cache``.
    """
    cleared = {key: value for key, value in os.environ.items() if key not in {*LIBRARIES, *NUMBA, *THREADS}}
    own = {"INSITU_CACHE": str(cache / "insitu")}  # Numba keeps compiled loops by processor and features
    rows = cache / f"{name}.json"
    rows.parent.mkdir(parents=True, exist_ok=True)
    given = [sys.executable, __file__, name, "--to", str(rows), "--seeds", str(seeds), *["--full"] * full]
    code = subprocess.run(given, env=cleared | own | settings()[setting], check=False).returncode
    if code == ABSENT:
        return None
    if code:
        raise SystemExit(f"{name} failed under {setting}")
    read: Rows = json.loads(rows.read_text())
    return read


def compute(name: str, full: bool, seeds: int) -> Rows:
    """Return the rows of an experiment, in this process."""
    import importlib

    from insitu import catalog
    from insitu.core import InsituError
    from insitu.metrics import REDRAWN
    from insitu.run import rows

    module = importlib.import_module(catalog.find(name, "experiments").module)
    experiment = replace(module.EXPERIMENT, sweep=()) if full else module.QUICK
    try:
        experiment.scenario.describe(experiment.data)
    except InsituError as error:
        print(f"{name} is left out: {error}")
        raise SystemExit(ABSENT) from None
    without = () if full else (REDRAWN,)  # repeats the baseline on other support sets, and takes as long as the rest
    return [row for seed in range(seeds or experiment.seeds) for row in rows(experiment, seed, without)]


def differences(ours: Rows, theirs: Rows, exact: bool = False) -> list[str]:
    """Return a line for every number that differs as printed or, where ``exact``, in any bit."""
    if len(ours) != len(theirs):
        return [f"{len(ours)} rows against {len(theirs)}"]
    found = []
    for a, b in zip(ours, theirs, strict=True):
        where = " ".join(str(a[key]) for key in ("seed", "arm", "session", "age_s"))
        for key in sorted(a.keys() | b.keys()):
            x, y = a.get(key), b.get(key)
            if not exact and isinstance(x, float) and isinstance(y, float):
                x, y = (round(value, FINER.get(key, DIGITS)) for value in (x, y))
            if x != y:
                found.append(f"{where}: {key} {x} against {y}")
    return found


def quick() -> list[str]:
    """Return the names of the experiments that have a quick variant."""
    import importlib

    from insitu import catalog

    parts = catalog.parts("experiments")
    return [part.name for part in parts if hasattr(importlib.import_module(part.module), "QUICK")]


def compare(names: list[str], chosen: list[str], folder: Path, full: bool, seeds: int) -> bool:
    """Run every experiment under every setting, print what differs, and return whether anything does as printed."""
    bad = False
    for name in names:
        first: Rows | None = None
        for setting in chosen:
            started = time.monotonic()
            rows = run(name, setting, folder / setting, full, seeds)
            if rows is None:
                break
            first = first or rows
            found, bits = differences(first, rows), differences(first, rows, exact=True)
            bad = bad or bool(found)
            took = time.monotonic() - started
            print(f"{name}, {setting}: {len(found)} numbers differ as printed, {len(bits)} in any bit ({took:.0f} s)")
            print("".join(f"    {line}\n" for line in (found or bits)[:5]), end="", flush=True)
    return bad


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--full", action="store_true", help="whole experiments, without their sweeps")
    parser.add_argument("--seeds", type=int, default=0, help="instead of as many as the experiment has")
    parser.add_argument("--settings", nargs="+", default=list(settings()), choices=list(settings()))
    parser.add_argument("--keep", type=Path, help="folder for caches and rows")
    parser.add_argument("--to", type=Path, help=argparse.SUPPRESS)  # a child, which writes its rows there
    args = parser.parse_args()
    if args.to:
        args.to.write_text(json.dumps(compute(*args.names, args.full, args.seeds)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        kept = args.keep or Path(folder)
        return int(compare(args.names or quick(), args.settings, kept.resolve(), args.full, args.seeds))


if __name__ == "__main__":
    raise SystemExit(main())
