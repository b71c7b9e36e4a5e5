"""A memory as the engine uses it, whatever its kind: actions by name, queries in batches, its state."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from numpy.typing import NDArray

from insitu.memory import Memory
from insitu.service import actions
from insitu.service.actions import items, prediction
from insitu.service.actions.views import Json
from insitu.service.limits import Limits

Lent = Callable[[], AbstractContextManager[None]]
Answers = Callable[[slice, int], Json]  # the reply for some of the rows, with the most similar classes of each


class Backend(ABC):
    """A memory that a server holds."""

    @abstractmethod
    def run(self, action: str, arguments: tuple[Any, ...], limits: Limits) -> Any:
        """Return the reply of ``action``, ``file.function`` in ``actions/``; with its event where it is a change."""

    @abstractmethod
    def decode(self, given: items.Given, limits: Limits) -> NDArray[Any]:
        """Return the items of a query as rows."""

    @abstractmethod
    def answer(self, x: NDArray[Any], familiarity: bool) -> Answers:
        """Classify rows together."""

    @property
    @abstractmethod
    def state(self) -> tuple[int, int]:
        """The numbers of events and of classes."""

    @abstractmethod
    def lend(self, lent: Lent) -> None:
        """Enter ``lent()`` from now on while the memory waits for others, so that other threads compute."""

    @abstractmethod
    def close(self) -> None:
        """Release what the memory holds open."""


class MemoryBackend(Backend):
    """A ``Memory``, which can do everything that the service offers."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    def run(self, action: str, arguments: tuple[Any, ...], limits: Limits) -> Any:
        """Call the function of the action."""
        return function_of(action)(actions.Subject(self.memory, limits), *arguments)

    def decode(self, given: items.Given, limits: Limits) -> NDArray[Any]:
        """Return images, sounds or vectors as rows."""
        return items.decode(self.memory, given, limits)

    def answer(self, x: NDArray[Any], familiarity: bool) -> Answers:
        """Classify rows with one read of the array."""
        prediction.check(self.memory, x)
        joint, cost = self.memory.query(x, familiarity=familiarity), self.memory.query_cost()
        return lambda rows, top_k: prediction.predictions(joint.rows(rows), cost, top_k)

    @property
    def state(self) -> tuple[int, int]:
        """The numbers of events and of classes."""
        return getattr(self.memory, "events_", 0), len(getattr(self.memory, "classes_", ()))

    def lend(self, lent: Lent) -> None:
        """Enter ``lent()`` while a change waits for the disk."""
        if self.memory._store is not None:
            self.memory._store.committing = lent

    def close(self) -> None:
        """Close the file."""
        self.memory.close()


def function_of(action: str) -> Callable[..., Any]:
    """Return the function ``file.function`` in ``actions/``."""
    module, _, name = action.partition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(f"{actions.__name__}.{module}"), name)
    return found
