"""Where examples and time come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from insitu import metrics
from insitu.learners import Examples
from insitu.metrics import Row
from insitu.protocols import Protocol
from insitu.scenarios._checks import check_data


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

    protocol: ClassVar[Protocol]

    def session_kind(self, data: str) -> str:
        """Return what its sessions are, such as "movements", for ``Learner.protocols``; '' where that is not stated."""
        return ""

    def check(self, data: str) -> None:
        """Raise ``InsituError`` where no such ``data`` can be had; called before anything is read or computed."""
        check_data(data)

    @abstractmethod
    def base(self, data: str) -> Any:
        """Return what the learner is prepared with; ``data`` is ``package`` (shipped) or ``images`` (encoded here).

        That is a ``Base`` where classes are known from the start, and a ``StreamBase`` where none is.
        """

    @abstractmethod
    def sessions(self, data: str, seed: int) -> Iterator[Session]:
        """Yield the sessions of the stream that belongs to ``seed``."""

    def drawn(self, data: str) -> str:
        """Return what each seed draws for itself, in the plural, as intervals are said to be over; '' where nothing."""
        return "streams"

    def redrawn(self) -> Scenario | None:
        """Return the same with its support sets drawn by the seed, where they are those of a list; else None."""
        return None

    def score(self, sessions: list[Session], answers: list[Tensor]) -> Row:
        """Return what is measured of the answers to these sessions' tests.

        Answers are class numbers, unless a scenario says otherwise: of one session that continues, ``classes`` and the
        accuracies of ``metrics.accuracies``; of short tasks, the ways they have and ``metrics.of_tasks`` over them all.
        """
        pairs = [(guess, session.test.labels) for guess, session in zip(answers, sessions, strict=True)]
        if not self.protocol.continues:
            shares = np.concatenate([(guess == labels).double().mean(1).numpy() for guess, labels in pairs])
            ways = max(int(labels.max()) for _, labels in pairs) + 1
            return {"classes": ways, **metrics.of_tasks(shares)}
        [session], [(guess, labels)] = sessions, pairs
        groups = None if session.groups is None else session.groups.numpy()
        return dict(metrics.accuracies(guess.numpy(), labels.numpy(), session.base_classes, groups))

    @abstractmethod
    def describe(self, data: str) -> str:
        """Return one sentence that says which data this is, for the report."""
