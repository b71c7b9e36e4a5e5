"""Recipes that train a backbone off the device, resumable, and the jobs that produced the shipped weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from insitu.training.loop import Progress


class Job(ABC):
    """A training from data to stored weights as a frozen record; a file of this room with a ``JOB`` can be run."""

    @abstractmethod
    def quick(self) -> Self:
        """Return a variant of a minute or two that goes through every stage; its weights are poor."""

    @abstractmethod
    def train(self, name: str, out: Path, stop: Callable[[], bool] = lambda: False) -> Iterator[Progress]:
        """Run the job, yield progress, and write NAME.safetensors, NAME.json and what belongs to them into ``out``.

        Checkpoints are in ``out``/checkpoints; the same call resumes from them exactly. Where ``stop()`` turns true,
        the state is saved and the iterator ends.
        """
