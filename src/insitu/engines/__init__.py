"""Where the tasks of a sweep are computed: processes of this machine, a Ray cluster, or jobs of Slurm.

An engine only starts a function on a task and says when it has finished. What is done about a lost worker, and in which
order tasks are started, is written once, in ``finished``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from insitu.core import InsituError

T = TypeVar("T")
R = TypeVar("R")

STARTS = 5  # of a task whose worker is lost each time, before it counts as failed


class WorkerLostError(Exception):
    """The worker of a task ended without an answer; the task may be started again."""


class Session(Protocol):
    """Workers that are up; ``submit`` returns a handle, which ``wait`` and ``result`` take."""

    @property
    def slots(self) -> int:
        """How many tasks may be submitted and unfinished at a time."""

    def submit(self, function: Callable[[Any], Any], task: Any) -> Any:
        """Start ``function(task)``."""

    def wait(self, handles: list[Any]) -> list[Any]:
        """Block until at least one task has ended, and return the handles of all that have."""

    def result(self, handle: Any) -> Any:
        """Return what the function returned, or raise what it raised; ``WorkerLostError`` where the worker is gone."""


class Engine(ABC):
    """A record of where tasks are computed; ``open`` starts or reaches the workers, and stops what it has started."""

    shares_files: ClassVar[bool]  # whether workers read and write the same files as this process

    @abstractmethod
    def connect(self) -> AbstractContextManager[Session]:
        """Return a block in which there are workers; raise ``InsituError`` where there can be none."""


@dataclass(frozen=True)
class Finished(Generic[T, R]):
    """A task with what came of it: a result, or the error that it failed with."""

    task: T
    result: R | None = None
    error: Exception | None = None


def finished(engine: Engine, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[Finished[T, R]]:
    """Yield every task once, as it finishes; one that fails does not keep the others from being computed.

    A task whose worker is lost is started again, up to ``STARTS`` times in all. Leaving the iterator stops the workers.
    """
    waiting = deque((task, 1) for task in tasks)
    with engine.connect() as session:
        running: dict[Any, tuple[T, int]] = {}
        while waiting or running:
            while waiting and len(running) < session.slots:
                task, start = waiting.popleft()
                running[session.submit(function, task)] = task, start
            for handle in session.wait(list(running)):
                task, start = running.pop(handle)
                try:
                    yield Finished(task, session.result(handle))
                except WorkerLostError as lost:
                    if start < STARTS:
                        waiting.appendleft((task, start + 1))
                        continue
                    message = f"its worker was lost {start} times ({lost}); it may need more memory than there is"
                    yield Finished(task, error=InsituError(message))
                except Exception as error:
                    yield Finished(task, error=error)
