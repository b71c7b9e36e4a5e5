"""Where examples and time come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from insitu.learners import Examples


@dataclass(frozen=True)
class Session:
    """One step of a stream: what is learned at ``time_s`` and what is tested after it.

    ``train`` is None where the learner has just been prepared and knows its base. Classes below ``base_classes`` are
    old. In a stream of experiences nothing is old, and ``groups`` (n,) int64 holds of each test example the number of
    the session in which its class came first.
    """

    number: int
    time_s: float
    train: Examples | None
    test: Examples
    base_classes: int
    groups: Tensor | None = None


@dataclass(frozen=True)
class Scenario(ABC):
    """A protocol: a record that cuts a data set into a base part and streams of sessions."""

    continues: ClassVar[bool] = True  # a session adds to those before it; else it holds short tasks, each learned anew

    @abstractmethod
    def base(self, data: str) -> Any:
        """Return what the learner is prepared with; ``data`` is ``package`` (shipped) or ``images`` (encoded here).

        That is a ``Base`` where classes are known from the start, and a ``StreamBase`` where none is.
        """

    @abstractmethod
    def sessions(self, data: str, seed: int) -> Iterator[Session]:
        """Yield the sessions of the stream that belongs to ``seed``."""

    @abstractmethod
    def describe(self, data: str) -> str:
        """Return one sentence that says which data this is, for the report."""
