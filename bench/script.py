"""What the scripts that measure against a rival share: options, the rival's interpreter, rows of ratios, result files.

A script declares itself by ``RIVALS``, the names of environments below the folder that ``INSITU_RIVALS`` names, or ()
where the rival is a package of this project's own environment; ``all.py`` finds it by that. Its result file holds what
``begin`` returns, ``versions``, and ``rows`` as ``compared`` returns them.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from insitu.report import environment
from rounds import INSTRUCTIONS, THREADS, Side, compare

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent / "src"  # what is measured is this checkout
RESULTS = HERE / "results"
VARIABLE = "INSITU_RIVALS"
SKIPPED = 77  # exit code of a script whose rival is not there


@dataclass(frozen=True)
class Pair:
    """One row: what is compared, the task of either side, and the ratio wanted; None where the row only informs."""

    what: str
    ours: str
    theirs: str
    at_least: float | None = None
    factor: float = 1.0  # on the rival's time, where it does less or more work
    rival: str = ""  # named in the table; by default that of ``compared``
    note: str = ""


def options(doc: str | None, name: str, rounds: int) -> argparse.ArgumentParser:
    """Return a parser of what every script takes."""
    out = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    out.add_argument("--rounds", type=_rounds, default=rounds, help="rounds that count, at least 2")
    out.add_argument("--out", type=Path, default=RESULTS / f"{name}{variant()}.json")
    return out


def _rounds(text: str) -> int:
    if (count := int(text)) < 2:
        raise argparse.ArgumentTypeError("rounds are at least 2")
    return count


def variant() -> str:
    """Return what is added to the name of a result: the instructions and the threads both sides are kept to."""
    parts = (INSTRUCTIONS, f"{THREADS}_threads" if THREADS > 1 else "")
    return "".join(f"_{part}" for part in parts if part)


def interpreter(rival: str) -> str:
    """Return the Python of a rival's environment; end with ``SKIPPED`` and one line where there is none."""
    found, _ = interpreters((rival,))
    return found[rival]


def interpreters(rivals: tuple[str, ...]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the Pythons of the rivals' environments, and why there is none of the others; some have to be there."""
    found, missing = {}, {}
    folder = os.environ.get(VARIABLE)
    for rival in rivals:
        places = [Path(folder or ".") / rival / inside / "bin" / "python" for inside in ("", "venv")]
        if folder and (known := [place for place in places if place.is_file()]):
            found[rival] = str(known[0])
        elif folder:
            missing[rival] = f"there is no environment {rival} below {VARIABLE}; bench/README.md says how to make it"
        else:
            missing[rival] = f"{VARIABLE} does not name the folder of the rivals' environments (bench/README.md)"
    for rival, why in missing.items():
        print(f"without {rival}: {why}", file=sys.stderr)
    if not found:
        skip("; ".join(sorted(set(missing.values()))))
    return found, missing


def skip(reason: str) -> NoReturn:
    """End this script: the rival cannot be measured."""
    print(f"skipped: {reason}", file=sys.stderr)
    raise SystemExit(SKIPPED)


def begin(rounds: int) -> dict[str, Any]:
    """Return the first entries of a result: date, commit, machine and its load, threads, instructions, rounds."""
    return {
        "date": datetime.date.today().isoformat(),
        "commit": commit(),
        "machine": environment.machine() | {"threads": THREADS, "load_before": round(os.getloadavg()[0], 2)},
        "instructions": INSTRUCTIONS or "all of this processor",
        "rounds": rounds,
    }


def commit() -> str:
    """Return the commit of this checkout, or 'unknown'."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(command, cwd=HERE, capture_output=True, encoding="utf-8")
    return done.stdout.strip() or "unknown"


def compared(ours: Side, theirs: Side, rival: str, pairs: list[Pair], rounds: int) -> list[dict[str, Any]]:
    """Measure every pair in interleaved rounds; print and return a row each."""
    tasks = [(pair.ours, pair.theirs, pair.factor) for pair in pairs]
    return [row(pair, rival, found) for pair, found in zip(pairs, compare(ours, theirs, tasks, rounds), strict=True)]


def row(pair: Pair, rival: str, found: dict[str, float]) -> dict[str, Any]:
    """Print and return what was found for a pair; a wanted ratio is met where the medians of both clocks reach it."""
    verdict = ""
    if pair.at_least is not None:
        reached = min(found["ratio"], found["cpu_ratio"])
        verdict = "met" if reached >= pair.at_least else "not met"
    out = {"what": pair.what, "rival": pair.rival or rival, "note": pair.note, "at_least": pair.at_least}
    print(
        f"{pair.what} / {out['rival']}\n  {found['ours_ms']:.3g} ms against {found['theirs_ms']:.3g} ms: ratio "
        f"{found['ratio']:.2f} ({found['ratio_lower_quartile']:.2f}..{found['ratio_upper_quartile']:.2f}), "
        f"of processor time {found['cpu_ratio']:.2f}"
        + (f"; wanted {pair.at_least:g}: {verdict}" if verdict else ""),
        flush=True,
    )  # fmt: skip
    return out | {"verdict": verdict} | found


def finish(result: dict[str, Any], out: Path) -> None:
    """Write a result."""
    result["machine"]["load_after"] = round(os.getloadavg()[0], 2)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n")
    print(f"written: {out}")
