"""Interleaved measuring of two sides, each in a process of its own that lives through all rounds.

Ours and the rival take turns within every round, so that whatever else the machine does falls on both; what is reported
is the median of the ratios pair by pair. Standard library only: the rival's interpreter imports this file too.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

THREADS = int(os.environ.get("INSITU_BENCH_THREADS", "1"))  # of each side; with one, work is compared, not schedulers
INSTRUCTIONS = os.environ.get("INSITU_BENCH_INSTRUCTIONS", "")  # avx2 keeps both sides to it; empty: all there are
LIMITS = {
    "": {},
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": "+avx2,+fma",
    },
}


def serve(tasks: dict[str, Callable[..., Any]], facts: dict[str, str]) -> None:
    """Answer requests ``[name, *arguments]``: a JSON line each with seconds, processor seconds and what came of it."""
    answers = os.fdopen(os.dup(1), "w")
    sys.stdout = sys.stderr  # a library that prints must not talk into the answers
    print(json.dumps({"facts": facts}), file=answers, flush=True)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        if THREADS > 1:  # threads and processors that were idle in the other side's turn take milliseconds to start
            tasks[name](*arguments)
        start, worked = time.perf_counter(), time.process_time()
        value = tasks[name](*arguments)
        seconds, cpu = time.perf_counter() - start, time.process_time() - worked
        plain = value if isinstance(value, (int, float, list, dict)) else None
        print(json.dumps({"s": seconds, "cpu_s": cpu, "value": plain}), file=answers, flush=True)


class Side:
    """A child process that serves tasks; ``facts`` are its versions. It imports from ``source`` first, if given."""

    def __init__(self, python: str, script: Path, source: Path | None = None) -> None:
        limits = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), str(THREADS))
        kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
        if INSTRUCTIONS not in LIMITS:
            raise SystemExit(f"INSITU_BENCH_INSTRUCTIONS is avx2 or empty; got {INSTRUCTIONS}")
        paths = {"PYTHONPATH": str(source)} if source else {}
        self.child = subprocess.Popen(
            [python, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=kept | limits | LIMITS[INSTRUCTIONS] | paths,
        )
        self.facts: dict[str, str] = self._answer(script.name)["facts"]

    def __enter__(self) -> Side:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.child.stdin
        self.child.stdin.close()
        self.child.wait()

    def ask(self, name: str, *arguments: Any) -> dict[str, Any]:
        """Run one task and return its seconds ``s`` and ``value``."""
        assert self.child.stdin
        print(json.dumps([name, *arguments]), file=self.child.stdin, flush=True)
        return self._answer(name)

    def _answer(self, what: str) -> dict[str, Any]:
        assert self.child.stdout
        line = self.child.stdout.readline()
        if not line:
            raise SystemExit(f"{what}: the measuring process ended with code {self.child.wait()}; its error is above")
        answer: dict[str, Any] = json.loads(line)
        return answer


def compare(ours: Side, theirs: Side, pairs: list[tuple[str, str, float]], rounds: int) -> list[dict[str, float]]:
    """Time each pair (our task, their task, factor) in ``rounds`` rounds, the first side changing from round to round.

    The factor multiplies their seconds, for a task too slow to be run whole. One round before them warms both up and is
    thrown away. A ratio above 1 means that ours is faster.
    """
    taken: list[list[tuple[dict[str, Any], dict[str, Any]]]] = [[] for _ in pairs]
    for count in range(rounds + 1):
        for rows, (mine, other, _) in zip(taken, pairs, strict=True):
            if count % 2:
                b, a = theirs.ask(other), ours.ask(mine)
            else:
                a, b = ours.ask(mine), theirs.ask(other)
            if count:
                rows.append((a, b))
    return [
        measured(rows, "s", factor, "") | measured(rows, "cpu_s", factor, "cpu_")
        for rows, (_, _, factor) in zip(taken, pairs, strict=True)
    ]


def measured(
    rows: list[tuple[dict[str, Any], dict[str, Any]]], key: str, factor: float, prefix: str
) -> dict[str, float]:
    """Medians of both sides and of their ratios, pair by pair, with quartiles."""
    low, middle, high = statistics.quantiles([factor * b[key] / a[key] for a, b in rows], n=4)
    return {
        f"{prefix}ours_ms": 1e3 * statistics.median(a[key] for a, _ in rows),
        f"{prefix}theirs_ms": 1e3 * factor * statistics.median(b[key] for _, b in rows),
        f"{prefix}ratio": middle,
        f"{prefix}ratio_lower_quartile": low,
        f"{prefix}ratio_upper_quartile": high,
    }
