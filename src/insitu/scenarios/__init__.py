"""Where examples and time come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from insitu.learners import Base, Examples


@dataclass(frozen=True)
class Session:
    """One step of a stream: what is learned at ``time_s`` and what is tested after it.

    ``train`` is None in session 0, where the learner has just been prepared. Classes below ``base_classes`` are old.
    """

    number: int
    time_s: float
    train: Examples | None
    test: Examples
    base_classes: int


@dataclass(frozen=True)
class Scenario(ABC):
    """A protocol: a record that cuts a data set into a base part and streams of sessions."""

    @abstractmethod
    def base(self, data: str) -> Base:
        """Return what the learner is prepared with; ``data`` is ``package`` (shipped) or ``images`` (encoded here)."""

    @abstractmethod
    def sessions(self, data: str, seed: int) -> Iterator[Session]:
        """Yield the sessions of the stream that belongs to ``seed``."""

    @abstractmethod
    def describe(self, data: str) -> str:
        """Return one sentence that says which data this is, for the report."""
