"""Where examples and time come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self

from torch import Tensor
from typing_extensions import TypeVar

from insitu.metrics import Row
from insitu.protocols import Inputs, Protocol, Session
from insitu.scenarios.checks import check_data

BaseT = TypeVar("BaseT", default=Any)  # what its protocol prepares a learner with


@dataclass(frozen=True)
class Scenario(ABC, Generic[BaseT]):
    """A record that cuts a data set into a base part and streams of sessions, as its protocol has them.

    ``data`` is ``package`` (shipped) or ``images`` (encoded here).
    """

    protocol: ClassVar[Protocol]

    def inputs(self, data: str) -> Inputs:
        """Return what the inputs of its examples are; the only kind that its protocol has, or the first."""
        return self.protocol.inputs[0]

    def check(self, data: str) -> None:
        """Raise ``InsituError`` where no such ``data`` can be had; called before anything is read or computed."""
        check_data(data)

    def of_seed(self, seed: int) -> Self:
        """Return the scenario that ``seed`` is run with; another one where the base differs between seeds."""
        return self

    @abstractmethod
    def base(self, data: str) -> BaseT:
        """Return what the learner is prepared with."""

    @abstractmethod
    def sessions(self, data: str, seed: int) -> Iterator[Session]:
        """Yield the sessions of the stream that belongs to ``seed``."""

    def drawn(self, data: str) -> str:
        """Return what each seed draws for itself, in the plural, for the names of intervals; '' where nothing."""
        return "streams"

    def redrawn(self) -> Scenario[BaseT] | None:
        """Return the same with its support sets drawn by the seed, where they are those of a list; else None."""
        return None

    def score(self, sessions: Sequence[Session], answers: Sequence[Tensor]) -> Row:
        """Return what is measured of the answers to the tests of these sessions, as the protocol scores them."""
        return self.protocol.score(sessions, answers)

    @abstractmethod
    def describe(self, data: str) -> str:
        """Return one sentence that says which data this is, for the report."""
