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

THREADS = 1  # one thread on each side: what is compared is work, not schedulers


def serve(tasks: dict[str, Callable[..., Any]], facts: dict[str, str]) -> None:
    """Answer requests ``[name, *arguments]``, a JSON line each, with seconds taken and what the task returned."""
    answers = os.fdopen(os.dup(1), "w")
    sys.stdout = sys.stderr  # a library that prints must not talk into the answers
    print(json.dumps({"facts": facts}), file=answers, flush=True)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        start = time.perf_counter()
        value = tasks[name](*arguments)
        seconds = time.perf_counter() - start
        plain = value if isinstance(value, (int, float, list, dict)) else None
        print(json.dumps({"s": seconds, "value": plain}), file=answers, flush=True)


class Side:
    """A child process that serves tasks; ``facts`` are its versions."""

    def __init__(self, python: str, script: Path) -> None:
        limits = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), str(THREADS))
        kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
        self.child = subprocess.Popen(
            [python, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=kept | limits
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
    seconds: list[list[tuple[float, float]]] = [[] for _ in pairs]
    for count in range(rounds + 1):
        for taken, (mine, other, factor) in zip(seconds, pairs, strict=True):
            if count % 2:
                b, a = theirs.ask(other)["s"], ours.ask(mine)["s"]
            else:
                a, b = ours.ask(mine)["s"], theirs.ask(other)["s"]
            if count:
                taken.append((a, b * factor))
    out = []
    for taken in seconds:
        low, middle, high = statistics.quantiles([b / a for a, b in taken], n=4)
        out.append(
            {
                "ours_ms": 1e3 * statistics.median(a for a, _ in taken),
                "theirs_ms": 1e3 * statistics.median(b for _, b in taken),
                "ratio": middle,
                "ratio_lower_quartile": low,
                "ratio_upper_quartile": high,
            }
        )
    return out
