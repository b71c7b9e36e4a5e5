"""Explicit memory that starts empty for every set of few-shot tasks, over vectors of a frozen backbone.

Karunaratne et al., Nat. Commun. 12, 2468 (2021): a task's few examples are written to the key memory, and queries are
compared with all of them by one analog product. Own choice: the shots of a class are superposed in one column, as in
the few-shot sessions of Karunaratne et al. (ESSCIRC 2022), instead of a row for every shot. All tasks learned together
lie in one array, and a query is compared with the columns of its own task.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from torch import Tensor

from insitu.core import InsituError
from insitu.learners import Learner, _task_columns
from insitu.learners.array_columns import State as MemoryState
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.ledger import Ledger
from insitu.protocols import Examples, Inputs, Protocol, few_shot_tasks
from insitu.protocols.few_shot_sessions import FewShotBase
from insitu.protocols.few_shot_tasks import check_tasks
from insitu.protocols.tasks import StepAnswers
from insitu.protocols.vectors import check_queries
from insitu.substrates.crossbar import Crossbar


@dataclass(frozen=True, eq=False)
class State:
    """The memory of the tasks learned last: class ``task x ways + way`` is a column."""

    memory: MemoryState  # without a class before tasks are learned
    tasks: int = 0
    ways: int = 0


@dataclass(frozen=True)
class FewShotMemory(Learner[FewShotBase, State]):
    """Each task's few shots superposed in an explicit memory that holds no other class."""

    protocols: ClassVar[tuple[Protocol, ...]] = (few_shot_tasks.PROTOCOL,)

    memory: ExplicitMemory = field(default_factory=lambda: ExplicitMemory(substrate=Crossbar(compensation="column")))

    def check(self, protocol: Protocol, inputs: Inputs) -> None:
        """See ``Learner.check``: the memory's parts have to go together too."""
        super().check(protocol, inputs)
        self.memory.check_device()

    def prepare(self, base: FewShotBase, now_s: float, rng: np.random.Generator) -> State:
        """Fit the map to the memory's vectors to the base, whose classes are not held."""
        if not isinstance(base, FewShotBase):
            raise InsituError(f"a learner of few-shot tasks is prepared with a FewShotBase; got {type(base).__name__}")
        return State(self.memory.prepare(replace(base, known=False), now_s, rng))

    def learn(self, state: State, examples: Examples, now_s: float, rng: np.random.Generator) -> State:
        """Superpose the shots of tasks on columns of their own; each set of tasks starts with an empty memory."""
        ways = check_tasks(examples, state.memory.activations.shape[1])
        memory = _task_columns.learn(self.memory, state.memory, examples, ways, now_s, rng)
        return State(memory, len(examples.x), ways)

    def predict(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return the ways (tasks, n) of queries x (tasks, n, features) of the tasks learned last."""
        check_queries(x.flatten(0, -2), state.memory.activations.shape[1])
        _task_columns.check_learned(state.tasks, x)
        return _task_columns.predict(self.memory, state.memory, state.tasks, x, now_s, rng)

    def predict_each(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> list[StepAnswers]:
        """Return what ``predict`` returns as step 1: every example is written once."""
        return [StepAnswers(1, self.predict(state, x, now_s, rng))]

    def cost(self, state: State) -> Ledger:
        """Return what writing the tasks learned last has spent."""
        return self.memory.cost(state.memory)

    def query_cost(self, state: State) -> Ledger:
        """Return what comparing one query with the classes of one task spends."""
        return _task_columns.query_cost(self.memory, state.memory, state.ways)
