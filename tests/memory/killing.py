"""Kills a process that writes to a memory's file, at random moments, and checks the file afterwards.

usage: killing.py [MOMENTS]

A writer is forked from a process that has everything imported, so that all of the time until the kill is writing.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from insitu import Memory
from insitu.core import InsituError
from insitu.memory.storage import maintenance
from insitu.memory.storage.store import Store

FEATURES = 24
LONGEST_S = 0.25  # of a writer's life


@dataclass
class Outcome:
    moments: int = 0
    acknowledged: int = 0
    lost: int = 0  # acknowledged, but not in the file
    unasked: int = 0  # in the file, but neither acknowledged nor the one that was under way
    corrupt: int = 0


def vector(number: int) -> np.ndarray:
    return np.random.default_rng(number).standard_normal((1, FEATURES))


def label(number: int) -> str:
    return f"class {number % 7}"


def example(number: int) -> int:
    """Return the id of the last example that was taught before event ``number``: ids are never used twice."""
    return sum(each % CYCLE not in CHANGES for each in range(1, number)) - 1


CYCLE = 17
# of events whose number has this remainder: the event before is one of teaching
CHANGES: dict[int, tuple[str, Callable[[int], list[object]], Callable[[Memory, int], object]]] = {
    0: ("forget", lambda n: [label(n - 1)], lambda memory, n: memory.forget(label(n - 1))),
    4: ("undo", lambda n: [], lambda memory, n: memory.undo()),
    7: ("remove", lambda n: [label(n - 1)], lambda memory, n: memory.remove_example(example(n))),
    10: (
        "relabel",
        lambda n: [label(n - 1), f"moved {n % 3}"],
        lambda memory, n: memory.relabel(example(n), f"moved {n % 3}"),
    ),
    13: (
        "rename",
        lambda n: [label(n - 1), f"renamed {n}"],
        lambda memory, n: memory.rename(label(n - 1), f"renamed {n}"),
    ),
    14: ("undo", lambda n: [], lambda memory, n: memory.undo()),
}


def happen(memory: Memory, number: int) -> None:
    """Apply event ``number``, counted from 1: it is a function of its number alone."""
    if number % CYCLE in CHANGES:
        CHANGES[number % CYCLE][2](memory, number)
    else:
        memory.partial_fit(vector(number), [label(number)])


def write(path: Path, said: int, first: int) -> None:
    torch.set_num_threads(1)  # threads of the parent are not there
    with Memory.open(path, dim=64) as memory:
        for number in range(first, 10**9):
            happen(memory, number)
            os.write(said, number.to_bytes(8, "little"))


def kill_at(path: Path, first: int, wait_s: float, opened: bool) -> int:
    """Start a writer and kill it after a while; return the last number that it acknowledged, or the one before FIRST.

    With ``opened`` the while begins at the first acknowledgement, else when the writer starts to open the file.
    """
    heard, said = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # about forks with threads, of which the child uses none
        child = os.fork()
    if not child:
        os.close(heard)
        try:
            write(path, said, first)
        finally:
            os._exit(1)  # only reached by failing
    os.close(said)
    got = os.read(heard, 8) if opened else b""
    time.sleep(wait_s)
    os.kill(child, signal.SIGKILL)
    while more := os.read(heard, 2**16):
        got += more
    os.close(heard)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the writer failed by itself"
    return int.from_bytes(got[-8:], "little") if got else first - 1


def kill(path: Path, moments: int, seed: int = 0) -> Outcome:
    """Kill a writer ``moments`` times and compare the file with what was acknowledged."""
    rng = np.random.default_rng(seed)
    outcome, there = Outcome(), 0
    for _ in range(moments):
        last = kill_at(path, there + 1, float(rng.uniform(0, LONGEST_S)), bool(rng.integers(4)))
        outcome.moments += 1
        outcome.acknowledged += last - there
        try:
            with Memory.open(path, dim=64):  # as the next writer would: this takes back what was not committed
                pass
            now = maintenance.verify(path)
            check_journal(path, there)
        except InsituError as error:
            print(f"moment {outcome.moments}: {error}")
            outcome.corrupt += 1
            return outcome
        outcome.lost += max(last - now, 0)
        outcome.unasked += max(now - last - 1, 0)
        there = now
    check_state(path)
    return outcome


def check_journal(path: Path, after: int) -> None:
    """Raise unless the journal's events after the first so many are those that were applied."""
    store = Store.open(path, {}, readonly=True)
    for number, event in enumerate(store.journal(), 1):
        if number <= after:
            continue
        kind, labels, _ = CHANGES.get(number % CYCLE, ("learn", lambda n: [label(n)], None))
        assert (event.kind, event.labels) == (kind, labels(number))
        if kind == "learn":
            assert np.array_equal(event.arrays["x"], vector(number))
    store.close()


def check_state(path: Path) -> None:
    """Raise unless the devices equal those of one process that applied the same events without interruption."""
    with Memory.open(path, readonly=True) as memory:
        again = memory.replay()
        asked = np.concatenate([vector(number) for number in range(20)])
        assert np.array_equal(again.predict_proba(asked), memory.predict_proba(asked))
        assert again.cost() == memory.cost()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        found = kill(Path(folder) / "memory.insitu", int(sys.argv[1]) if len(sys.argv) > 1 else 200)
    print(found)
    sys.exit(bool(found.lost or found.unasked or found.corrupt or not found.acknowledged))
