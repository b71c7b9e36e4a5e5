"""Learners: prepare slowly once, learn from a few examples many times, predict, while time passes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic

import numpy as np
from torch import Tensor
from typing_extensions import TypeVar

from insitu.core import InsituError
from insitu.ledger import Ledger
from insitu.protocols import Examples, Inputs, Protocol

BaseT = TypeVar("BaseT", default=Any)  # what its protocol prepares it with
StateT = TypeVar("StateT", default=Any)  # what it knows


@dataclass(frozen=True)
class Learner(ABC, Generic[BaseT, StateT]):
    """A record with three verbs; state goes in and comes out, and predict never changes it.

    Bases, shapes of examples and further verbs are those of its protocols.
    """

    protocols: ClassVar[tuple[Protocol, ...]]  # that it can learn
    inputs: ClassVar[tuple[Inputs, ...]] = tuple(Inputs)  # that it can learn from, among those of its protocols

    @classmethod
    def learns(cls, protocol: Protocol, inputs: Inputs) -> bool:
        """Return whether it learns ``protocol`` from such inputs, in some configuration."""
        return protocol in cls.protocols and inputs in cls.inputs

    def check(self, protocol: Protocol, inputs: Inputs) -> None:
        """Raise ``InsituError`` where it cannot learn ``protocol`` from such inputs; called before any computing."""
        if not self.learns(protocol, inputs):
            learned = " or ".join(each.of(self.inputs) for each in self.protocols)
            raise InsituError(f"{type(self).__name__} learns {learned}, not {protocol.of([inputs])}")
        for verbs in protocol.verbs:
            verbs(self)

    @abstractmethod
    def prepare(self, base: BaseT, now_s: float, rng: np.random.Generator) -> StateT:
        """Return the state before the first session."""

    @abstractmethod
    def learn(self, state: StateT, examples: Examples, now_s: float, rng: np.random.Generator) -> StateT:
        """Return the state that has learned ``examples`` too."""

    @abstractmethod
    def predict(self, state: StateT, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return the answers to queries x, such as class numbers (n,), only of classes learned so far."""

    def upkeep(self, state: StateT, now_s: float, rng: np.random.Generator) -> StateT:
        """Return the state at ``now_s`` after time without examples: itself, unless devices are written again."""
        return state

    def cost(self, state: StateT) -> Ledger:
        """Return what learning has spent so far; nothing is counted by default."""
        return Ledger()

    def wear(self, state: StateT) -> dict[str, int]:
        """Return the most SET pulses and RESETs that one cell has seen, by their names; none without devices."""
        return {}

    def kept(self, state: StateT) -> Ledger:
        """Return the bytes held next to the substrate, in counts that end in ``_bytes``; none by default."""
        return Ledger()

    def query_cost(self, state: StateT) -> Ledger:
        """Return what one prediction spends."""
        return Ledger()
