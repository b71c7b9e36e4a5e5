"""The memory of this room as a learner, so that experiments measure what users get."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from insitu.core import InsituError
from insitu.learners import Learner
from insitu.ledger import Ledger
from insitu.memory.model import Model
from insitu.memory.settings import Settings, make_settings
from insitu.protocols import Examples, Protocol, few_shot_sessions, shot_by_shot
from insitu.protocols.few_shot_sessions import FewShotBase, check_base
from insitu.protocols.vectors import check_examples, check_queries
from insitu.substrates import Substrate
from insitu.substrates.crossbar import Crossbar


@dataclass(frozen=True)
class MemoryLearner(Learner[FewShotBase, Model]):
    """What ``insitu.Memory(substrate, dim=dim)`` learns and answers; of a base it learns the examples, if known."""

    protocols: ClassVar[tuple[Protocol, ...]] = (few_shot_sessions.PROTOCOL, shot_by_shot.PROTOCOL)

    substrate: Substrate = field(default_factory=lambda: Crossbar(compensation="column"))  # holds the classes
    dim: int = 512  # number of rows of the array, one per component of the vectors it holds

    def __post_init__(self) -> None:
        make_settings(None, None, self.dim)  # which checks it

    def prepare(self, base: FewShotBase, now_s: float, rng: np.random.Generator) -> Model:
        """Return a memory that holds no class, or the examples of the base if they are known."""
        check_base(base)
        model = Model(base.means.shape[1], now_s=now_s)
        return self.learn(model, base.examples, now_s, rng) if base.known else model

    def learn(self, state: Model, examples: Examples, now_s: float, rng: np.random.Generator) -> Model:
        """Teach examples (n, features), all at once."""
        check_examples(examples, state.features)
        operations = self._settings().operations()
        model = replace(state, now_s=now_s, events=state.events + 1)
        return operations.teach(model, examples.x.double().numpy(), examples.labels.tolist(), rng)

    def predict(self, state: Model, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return the most similar classes (n,)."""
        classes, scores = self.similarities(state, x, now_s, rng)
        return classes[scores.argmax(1)]

    def similarities(self, state: Model, x: Tensor, now_s: float, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return the classes (classes,) and the similarities (n, classes) of x (n, features) to them."""
        check_queries(x, state.features)
        if not state.numbers:
            raise InsituError("the memory holds no class yet; learn some examples first")
        operations, model = self._settings().operations(), replace(state, now_s=now_s)
        scores = operations.scores(model, operations.scale(model, x.double().numpy()), rng)
        return torch.tensor(model.labels), scores

    def cost(self, state: Model) -> Ledger:
        """See ``Learner.cost``."""
        return Ledger() if state.state is None else self._settings().learner().cost(state.state)

    def kept(self, state: Model) -> Ledger:
        """See ``Learner.kept``: also the stored examples."""
        if state.state is None:
            return Ledger()
        return self._settings().learner().kept(state.state) + Ledger.of(stored_example_bytes=state.kept.nbytes)

    def query_cost(self, state: Model) -> Ledger:
        """See ``Learner.query_cost``."""
        return Ledger() if state.state is None else self._settings().learner().query_cost(state.state)

    def _settings(self) -> Settings:
        return make_settings(self.substrate, None, self.dim)
