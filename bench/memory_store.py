"""What teaching and asking a memory in a file takes, and how large and how quickly opened the file is.

usage: python bench/memory_store.py [FOLDER]

Vectors of 512 numbers, on the default phase-change crossbar. Times are medians: seconds on the clock, and processor
time of this process, which other work on the machine disturbs less.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from insitu import Memory

FEATURES = 512


def timed(act: Callable[[int], object], times: int) -> str:
    clock, processor = [], []
    for number in range(times):
        start, spent = time.perf_counter(), time.process_time()
        act(number)
        clock.append(time.perf_counter() - start)
        processor.append(time.process_time() - spent)
    return f"{np.median(clock) * 1e3:7.1f} ms  ({np.median(processor) * 1e3:6.1f} ms of processor time)"


def measure(folder: Path, classes: int) -> None:
    path, rng = folder / f"{classes}.insitu", np.random.default_rng(0)
    centres = rng.standard_normal((classes, FEATURES))
    y = np.repeat(np.arange(classes), 5)
    x = centres[y] + rng.standard_normal((len(y), FEATURES))
    fresh = centres[y] + rng.standard_normal((len(y), FEATURES))
    with Memory.open(path) as memory:
        memory.fit(x, y)
        memory.partial_fit(x[:1], y[:1])
        print(f"{classes} classes of 5 examples, {memory.score(fresh[:1000], y[:1000]):.1%} of new ones recognised")
        known = timed(lambda n: memory.partial_fit(fresh[n : n + 1], y[n : n + 1]), 30)
        print("  teach one example of a known class  ", known)
        new = timed(lambda n: memory.partial_fit(fresh[n : n + 1], [classes + n]), 30)
        print("  teach one example of a new class    ", new)
        print("  predict one                         ", timed(lambda n: memory.predict(fresh[n : n + 1]), 50))
        print("  predict 100                         ", timed(lambda n: memory.predict(fresh[:100]), 10))
    print("  open                                ", timed(lambda n: Memory.open(path).close(), 3))
    print(f"  file                                 {path.stat().st_size / 2**20:7.1f} MiB")


if __name__ == "__main__":
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as made:
        for each in (10, 100, 1000):
            measure(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(made), each)
