"""Finished seeds on disk: written whole, found again by the composition's key, never computed twice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from insitu.core import InsituError, read_text, write_text
from insitu.experiments import Experiment
from insitu.metrics import Row


@dataclass(frozen=True)
class Seed:
    """What one seed gave."""

    number: int
    rows: list[Row]
    seconds: float


@dataclass(frozen=True)
class Store:
    """The seeds of one composition, in a folder of their own below the output folder."""

    folder: Path

    @staticmethod
    def open(out: Path, key: str) -> Store:
        """Return the store below ``out``; raise ``InsituError`` now, not after an hour, where it cannot be written."""
        folder = out / "seeds" / key
        probe = folder / ".writable"
        try:
            write_text(probe, "")
        except InsituError as error:
            reason = getattr(error.__cause__, "strerror", None) or error
            raise InsituError(f"results cannot be kept in {out} ({reason}); choose another --out") from error.__cause__
        probe.unlink(missing_ok=True)
        return Store(folder)

    def path(self, number: int) -> Path:
        """Return the file of one seed."""
        return self.folder / f"seed-{number:04d}.json"

    def read(self, number: int) -> Seed | None:
        """Return a finished seed, or None where it has to be computed: a damaged file counts as none."""
        try:
            held = json.loads(read_text(self.path(number)))
            return Seed(number, list(held["rows"]), float(held["seconds"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, seed: Seed) -> None:
        """Keep a finished seed."""
        text = json.dumps({"seed": seed.number, "seconds": round(seed.seconds, 3), "rows": seed.rows})
        write_text(self.path(seed.number), text)


class Watcher(Protocol):
    """Who is told while seeds are computed."""

    def begin(self, seed: int) -> None:
        """A seed starts."""

    def row(self, row: Row) -> None:
        """A row has been measured."""

    def end(self, seed: Seed, reused: bool) -> None:
        """A seed is finished, or was found finished."""


def compute(
    experiment: Experiment, store: Store, rows: Callable[[Experiment, int], Iterator[Row]], watcher: Watcher
) -> tuple[list[Seed], int]:
    """Return all seeds of ``experiment`` and how many of them were found in ``store``.

    ``rows`` is the loop (``insitu.run.rows``). Raises ``KeyboardInterrupt`` saying what is kept.
    """
    done: list[Seed] = []
    reused = 0
    try:
        for number in range(experiment.seeds):
            seed = store.read(number)
            found = seed is not None
            if seed is None:
                watcher.begin(number)
                started, measured = time.monotonic(), []
                for row in rows(experiment, number):
                    measured.append(row)
                    watcher.row(row)
                seed = Seed(number, measured, time.monotonic() - started)
                store.write(seed)
            reused += found
            done.append(seed)
            watcher.end(seed, found)
    except KeyboardInterrupt as stop:
        kept = f"{len(done)} of {experiment.seeds} seeds are kept in {store.folder}"
        raise KeyboardInterrupt(f"{kept}; the same command goes on from there") from stop
    return done, reused
