"""Our side of the crossbar benchmark: writes and searches a 512 x 100 memory. Started by crossbar_vs_aihwkit.py."""

from __future__ import annotations

import platform
import resource
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import insitu
from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.devices.pcm_nandakumar2018 import PcmNandakumar2018
from insitu.substrates.crossbar import Crossbar
from rounds import THREADS, serve

DIM, CLASSES, SHOTS, QUERIES = 512, 100, 5, 10_000
SINGLY = 200  # queries that come one at a time


def peak_bytes() -> int:
    """Return the largest resident size of this process so far, not counting the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss of a child begins at its parent's size on Linux
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return int(fields["VmHWM"].split()[0]) * 1024
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if platform.system() == "Darwin" else used * 1024


def forget_peak() -> int:
    """Let the peak begin anew, where the system can, and return it."""
    marks = Path("/proc/self/clear_refs")
    if marks.exists():
        marks.write_text("5")
    return peak_bytes()


IMPORTED = peak_bytes()
torch.set_num_threads(THREADS)
torch.manual_seed(0)
rng = np.random.default_rng(0)
columns = list(range(CLASSES))
clock_s = 1000.0

accumulating = Crossbar(PcmNandakumar2018(), pairs=1)
programmed = Crossbar(PcmHermes2022(devices_per_sign=2), pairs=1)


def later() -> float:
    """Return a time at which nothing has been read yet: drift and read statistics are worked out anew."""
    global clock_s
    clock_s += 1.0
    return clock_s


def tasks() -> dict[str, Any]:
    weights = torch.randn(DIM, CLASSES)
    shots = [torch.randn(DIM, CLASSES).sign() for _ in range(SHOTS)]
    queries = torch.randn(QUERIES, DIM)
    erased = accumulating.blank(DIM, CLASSES, 0.0, rng)
    held = programmed.store(weights, 0.0, rng)

    def superpose() -> None:
        memory = erased
        for shot in shots:
            memory = accumulating.add(memory, columns, shot, 1.0, rng)

    def search_singly() -> None:
        for row in range(SINGLY):
            programmed.multiply(held, queries[row : row + 1], clock_s, rng)

    def growth(classes: int, batch: int) -> dict[str, float]:
        """Processor seconds per query where ``classes`` are stored: at a new moment, and again at the same one."""
        memory = accumulating.blank(DIM, classes, 0.0, rng)
        few = queries[:batch]
        start = time.process_time()
        accumulating.multiply(memory, few, 100.0, rng)
        first = time.process_time() - start
        taken = []
        while len(taken) < 5 or sum(taken) < 2.0:
            start = time.process_time()
            accumulating.multiply(memory, few, 100.0, rng)
            taken.append(time.process_time() - start)
        return {"first_batch_s": first, "per_query_s": statistics.median(taken) / batch}

    def peak(classes: int) -> float:
        """Bytes above what importing took, after building a memory and searching it with all queries."""
        memory = accumulating.blank(DIM, classes, 0.0, rng)
        accumulating.multiply(memory, torch.randn(QUERIES, DIM), 100.0, rng)
        return float(peak_bytes() - IMPORTED)

    def search_room(classes: int) -> dict[str, float]:
        """Bytes that a search over all queries needs beside the memory it searches; and its seconds."""
        memory = accumulating.blank(DIM, classes, 0.0, rng)
        accumulating.search(memory, queries[:100], 100.0, rng)  # what was read stays with the memory
        before = forget_peak()
        start = time.process_time()
        accumulating.search(memory, queries, 100.0, rng)
        return {"s": time.process_time() - start, "bytes": peak_bytes() - before, "memory_bytes": before - IMPORTED}

    return {
        "superpose": superpose,
        "write": lambda: programmed.write(held, columns, weights, 1.0, rng),
        "search_anew": lambda: programmed.multiply(held, queries, later(), rng),
        "search_again": lambda: programmed.multiply(held, queries, clock_s, rng),
        "search_singly": search_singly,
        "growth": growth,
        "peak": peak,
        "search_room": search_room,
    }


serve(
    tasks(),
    {
        "insitu": insitu.__dict__.get("__version__", "0.1.0"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    },
)
