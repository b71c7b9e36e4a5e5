"""One seed of one point of a sweep, computed from flags, so that a worker composes the experiment by itself."""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from insitu import catalog
from insitu.core import InsituError
from insitu.experiments import Experiment
from insitu.metrics import Row
from insitu.report import seed_cache


@dataclass(frozen=True)
class Task:
    """A seed of a point: the experiment's name and flags, and the key that they must lead to."""

    experiment: str
    args: tuple[str, ...]
    key: str
    seed: int
    folder: Path | None  # where finished seeds and arms are kept; None where workers do not share files
    label: str  # of the point


def compute(task: Task) -> seed_cache.Seed:
    """Return the seed, as found in the folder or computed in one thread; raise ``InsituError`` for another version."""
    import numba
    import torch

    from insitu import run

    torch.set_num_threads(1)  # so that workers do not compete for cores; numbers do not depend on threads
    numba.set_num_threads(1)
    experiment, key = _composed(task.experiment, task.args)
    if key != task.key:
        raise InsituError("this worker has another version of insitu, or other data or weights; install the same there")
    with nullcontext(task.folder) if task.folder else tempfile.TemporaryDirectory() as folder:
        return seed_cache.one(experiment, task.seed, seed_cache.Store(Path(folder)), run.rows, _Silent())[0]


class _Silent(seed_cache.Watcher):
    def begin(self, seed: int) -> None:
        pass

    def row(self, row: Row) -> None:
        pass

    def end(self, seed: seed_cache.Seed, reused: bool) -> None:
        pass


@cache
def _composed(name: str, args: tuple[str, ...]) -> tuple[Experiment, str]:
    from insitu.cli import sweep_grid

    composed = sweep_grid.compose(catalog.find(name, "experiments"), sweep_grid.Point({}, args))
    return composed.experiment, composed.key
