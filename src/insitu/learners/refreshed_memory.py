"""An explicit memory whose devices are written again at fixed intervals, so that no cell grows older than one of them.

The exact sum of every class, which a memory keeps next to its array, is all that a refresh needs: the columns of all
classes are RESET and written from these sums, as if they were learned then. Every refresh writes the same targets, so
that cells depend on the last one alone: those before it are counted, with their pulses and wear, and not simulated.
Intervals count from the first write. Published nowhere on this memory; own choice of what to compare compensation with.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from insitu.core import InsituError
from insitu.learners import Learner
from insitu.learners.array_columns import State as MemoryState
from insitu.learners.array_columns import held_columns
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.ledger import Ledger
from insitu.protocols import Examples, Inputs, Protocol, few_shot_sessions
from insitu.protocols.few_shot_sessions import FewShotBase
from insitu.substrates.crossbar import Crossbar

MONTH_S = 2_592_000.0  # 30 days


def check_interval(every_s: float) -> None:
    """Raise ``InsituError`` unless an interval between refreshes is at least a second, and finite."""
    if not 1 <= every_s < float("inf"):
        raise InsituError(f"every_s is at least 1 second and finite; got {every_s}")


@dataclass(frozen=True, eq=False)
class State:
    """The memory, and what refreshes that were not simulated have spent and worn."""

    memory: MemoryState
    since_s: float  # time of preparation
    refreshes: int = 0  # so far
    spent: Ledger = field(default_factory=Ledger)
    worn: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class RefreshedMemory(Learner[FewShotBase, State]):
    """An explicit memory that is written again at fixed intervals, from the exact sums it keeps."""

    protocols: ClassVar[tuple[Protocol, ...]] = (few_shot_sessions.PROTOCOL,)

    memory: ExplicitMemory = field(default_factory=lambda: ExplicitMemory(substrate=Crossbar(compensation="column")))
    every_s: float = MONTH_S  # time from one refresh to the next, in seconds

    def __post_init__(self) -> None:
        check_interval(self.every_s)

    def check(self, protocol: Protocol, inputs: Inputs) -> None:
        """See ``Learner.check``: the memory's parts have to go together too."""
        super().check(protocol, inputs)
        self.memory.check_device()

    def prepare(self, base: FewShotBase, now_s: float, rng: np.random.Generator) -> State:
        """Return the memory that holds the base classes."""
        return State(self.memory.prepare(base, now_s, rng), now_s)

    def learn(self, state: State, examples: Examples, now_s: float, rng: np.random.Generator) -> State:
        """Refresh if that is due, then superpose examples (n, features)."""
        state = self.upkeep(state, now_s, rng)
        return replace(state, memory=self.memory.learn(state.memory, examples, now_s, rng))

    def upkeep(self, state: State, now_s: float, rng: np.random.Generator) -> State:
        """Write all classes at the last time at which that was due, and count the times before it."""
        due = int((now_s - state.since_s) // self.every_s)
        if due <= state.refreshes:
            return state
        memory = self._rewritten(state.memory, state.since_s + due * self.every_s, rng)
        counted = due - state.refreshes - 1
        each = self.memory.cost(memory) - self.memory.cost(state.memory)
        wear = Counter(self.memory.wear(memory)) - Counter(self.memory.wear(state.memory))
        spent, worn = (Counter({name: counted * n for name, n in one.items()}) for one in (each.counts, wear))
        return replace(state, memory=memory, refreshes=due, spent=state.spent + Ledger(spent), worn=state.worn + worn)

    def predict(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return class numbers (n,) for activations x (n, features); nothing is refreshed."""
        return self.memory.predict(state.memory, x, now_s, rng)

    def similarities(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return the classes (columns,) and the similarities (n, columns) of activations x (n, features) to them."""
        return self.memory.similarities(state.memory, x, now_s, rng)

    def cost(self, state: State) -> Ledger:
        """Return the pulses, RESETs and programmings of learning and of all refreshes."""
        return self.memory.cost(state.memory) + state.spent

    def kept(self, state: State) -> Ledger:
        """Return the bytes next to the array; refreshes are written from the exact prototypes among them."""
        return self.memory.kept(state.memory)

    def query_cost(self, state: State) -> Ledger:
        """Return what comparing one query with all classes spends."""
        return self.memory.query_cost(state.memory)

    def wear(self, state: State) -> dict[str, int]:
        """See ``Learner.wear``: with all refreshes."""
        return {name: count + state.worn[name] for name, count in self.memory.wear(state.memory).items()}

    def _rewritten(self, state: MemoryState, now_s: float, rng: np.random.Generator) -> MemoryState:
        """RESET the columns of all classes and write them from their exact sums."""
        columns = held_columns(state)
        if not columns:
            return state
        labels, at = list(columns), list(columns.values())
        sums, means = (torch.from_numpy(each[at]) for each in (state.sums, state.activations))
        cleared = self.memory.erase(state, labels, now_s, rng)
        return self.memory.imprint(cleared, labels, sums, state.shots[at], means, now_s, rng)
