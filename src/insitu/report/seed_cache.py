"""Finished seeds on disk, found by the key of their composition and never computed twice.

Of a seed that is interrupted, the finished arms are kept: every arm draws from generators of its own, so that the
others give the same numbers bit for bit whether it is computed before them or read. Arms that are run
once for all seeds (``draws.fixed``) are copied from the first seed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from insitu.core import InsituError, read_text, write_text
from insitu.experiments import Experiment, draws
from insitu.metrics import Row


@dataclass(frozen=True)
class Seed:
    """The rows of one seed and the time that it took."""

    number: int
    rows: list[Row]
    seconds: float


@dataclass(frozen=True)
class Store:
    """The seeds of one composition, in a folder of their own below the output folder."""

    folder: Path

    @staticmethod
    def open(out: Path, key: str) -> Store:
        """Return the store below ``out``; raise ``InsituError`` where it cannot be written, before any computing."""
        folder = out / "seeds" / key
        probe = folder / ".writable"
        try:
            write_text(probe, "")
        except InsituError as error:
            reason = getattr(error.__cause__, "strerror", None) or error
            raise InsituError(f"results cannot be kept in {out} ({reason}); choose another --out") from error.__cause__
        probe.unlink(missing_ok=True)
        return Store(folder)

    def path(self, number: int, part: bool = False) -> Path:
        """Return the file of one seed, or of a ``part`` of it."""
        return self.folder / f"seed-{number:04d}{'.part' * part}.json"

    def read(self, number: int, part: bool = False) -> Seed | None:
        """Return a finished seed, or with ``part`` the finished arms of an interrupted one; None where there is none.

        A damaged file counts as none.
        """
        try:
            held = json.loads(read_text(self.path(number, part)))
            return Seed(number, list(held["rows"]), float(held["seconds"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, seed: Seed, part: bool = False) -> None:
        """Write a finished seed, or the finished arms of one."""
        text = json.dumps({"seed": seed.number, "seconds": round(seed.seconds, 3), "rows": seed.rows})
        write_text(self.path(seed.number, part), text)
        if not part:
            self.path(seed.number, part=True).unlink(missing_ok=True)


class Watcher(Protocol):
    """A display that follows the computation of seeds."""

    def begin(self, seed: int) -> None:
        """A seed starts."""

    def row(self, row: Row) -> None:
        """A row has been measured."""

    def end(self, seed: Seed, reused: bool) -> None:
        """A seed is finished, or was found finished."""


def compute(
    experiment: Experiment, store: Store, rows: Callable[..., Iterator[Row]], watcher: Watcher
) -> tuple[list[Seed], int]:
    """Return all seeds of ``experiment`` and how many of them were found in ``store``.

    ``rows`` is the loop (``insitu.run.rows``). Raises ``KeyboardInterrupt`` saying what is kept.
    """
    done: list[Seed] = []
    reused = 0
    try:
        for number in range(experiment.seeds):
            seed, found = one(experiment, number, store, rows, watcher)
            reused += found
            done.append(seed)
            watcher.end(seed, found)
    except KeyboardInterrupt as stop:
        kept = f"{len(done)} of {experiment.seeds} seeds are kept in {store.folder}"
        if part := store.read(len(done), part=True):
            words = dict(zip(("baseline", "learner"), experiment.names, strict=True))
            finished = ", ".join(words.get(arm, arm) for arm in _arms(part.rows))
            kept += f", and of seed {part.number} what is finished ({finished})"
        raise KeyboardInterrupt(f"{kept}; the same command continues from there") from stop
    return done, reused


def one(
    experiment: Experiment, number: int, store: Store, rows: Callable[..., Iterator[Row]], watcher: Watcher
) -> tuple[Seed, bool]:
    """Return a seed, and whether it was found finished in ``store``; else it is computed, and kept there."""
    if found := store.read(number):
        return found, True
    begun = store.read(number, part=True) or Seed(number, _repeated(experiment, number, store), 0.0)
    return _computed(experiment, begun, store, rows, watcher), False


def _computed(
    experiment: Experiment, part: Seed, store: Store, rows: Callable[..., Iterator[Row]], watcher: Watcher
) -> Seed:
    """Return a seed, computed from the finished arms ``part`` on; every arm is written as soon as it is finished."""
    number = part.number
    watcher.begin(number)
    started, measured = time.monotonic() - part.seconds, list(part.rows)
    for row in measured:
        watcher.row(row)
    known = _arms(measured)
    given = rows(experiment, number, known) if known else rows(experiment, number)
    for row in given:
        measured.append(row)
        watcher.row(row)
        if row["arm"] in getattr(given, "finished", ()):
            store.write(Seed(number, measured, time.monotonic() - started), part=True)
    seed = Seed(number, measured, time.monotonic() - started)
    store.write(seed)
    return seed


def _repeated(experiment: Experiment, number: int, store: Store) -> list[Row]:
    """Return the rows of seed ``number`` that are those of every seed; none before the first seed is finished."""
    first = store.read(0) if number else None
    fixed = draws.fixed(experiment) if first else []
    return [row | {"seed": number} for row in first.rows if row["arm"] in fixed] if first else []


def _arms(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(str(row["arm"]) for row in rows))
