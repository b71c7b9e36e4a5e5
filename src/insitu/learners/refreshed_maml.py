"""Gradient steps on a network that is written again at fixed intervals, so that its cells never grow older than that.

The meta-trained weights are a file next to the array: a refresh programs all of them again, and fits converters as when
the network was written first. Cells depend on the last refresh alone: those before it are counted, not simulated.
Published nowhere; own choice of what to compare compensation of drift with.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from insitu.learners import Learner, maml
from insitu.learners.maml import Maml
from insitu.learners.refreshed_memory import MONTH_S, check_interval
from insitu.ledger import Ledger
from insitu.protocols import Examples, Inputs, Protocol, episodes
from insitu.protocols.episodes import EpisodeBase
from insitu.protocols.tasks import StepAnswers


@dataclass(frozen=True, eq=False)
class State(maml.State):
    """The network as it was written last, and how often it was."""

    writes: int = 1


@dataclass(frozen=True)
class RefreshedMaml(Learner[EpisodeBase, State]):
    """A few gradient steps from meta-trained weights that are written again at fixed intervals."""

    protocols: ClassVar[tuple[Protocol, ...]] = (episodes.PROTOCOL,)

    maml: Maml = field(default_factory=Maml)
    every_s: float = MONTH_S  # time from one refresh to the next, in seconds

    def __post_init__(self) -> None:
        check_interval(self.every_s)

    def check(self, protocol: Protocol, inputs: Inputs) -> None:
        """See ``Learner.check``."""
        super().check(protocol, inputs)
        self.maml.check(protocol, inputs)

    def prepare(self, base: EpisodeBase, now_s: float, rng: np.random.Generator) -> State:
        """Write the network at ``now_s``."""
        return State(**_values(self.maml.prepare(base, now_s, rng)))

    def upkeep(self, state: State, now_s: float, rng: np.random.Generator) -> State:
        """Write the network at the last time at which that was due, and count the times before it."""
        due = int((now_s - state.prepared_s) // self.every_s)
        if due < 1:
            return state
        fresh = _values(self.maml.prepare(state.base, state.prepared_s + due * self.every_s, rng))
        once: Ledger = fresh.pop("spent")
        spent = state.spent + Ledger.of(**{name: due * count for name, count in once.counts.items()})
        return State(**fresh, spent=spent, writes=state.writes + due)

    def learn(self, state: State, examples: Examples, now_s: float, rng: np.random.Generator) -> State:
        """Refresh if that is due, then learn tasks; each starts from the meta-trained weights."""
        learned = self.maml.learn(self.upkeep(state, now_s, rng), examples, now_s, rng)
        assert isinstance(learned, State)
        return learned

    def predict(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return the ways (tasks, n) of queries x of the tasks learned last."""
        return self.maml.predict(state, x, now_s, rng)

    def predict_each(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> list[StepAnswers]:
        """Return what ``predict`` would have returned after each step."""
        return self.maml.predict_each(state, x, now_s, rng)

    def cost(self, state: State) -> Ledger:
        """Return what all writes of the network, and the heads of the current tasks, have spent."""
        return self.maml.cost(state)

    def query_cost(self, state: State) -> Ledger:
        """Return what encoding and scoring one image spends."""
        return self.maml.query_cost(state)

    def wear(self, state: State) -> dict[str, int]:
        """See ``Learner.wear``: of the network or of the head, whichever has seen more."""
        worn = self.maml.wear(state)
        return {"resets": max(state.writes, worn["resets"])} if worn else {}


def _values(state: maml.State) -> dict[str, Any]:
    return {each.name: getattr(state, each.name) for each in fields(state)}
