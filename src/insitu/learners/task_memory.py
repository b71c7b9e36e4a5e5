"""Explicit memory of short tasks: the shots of a class superposed in a column of its own, with no gradient at all.

What gradient steps on a head do for a task (``maml``) a memory does by writing each example once: the features of the
same meta-trained convolutions, mapped as in the few-shot sessions of Karunaratne et al. (ESSCIRC 2022), are superposed
and searched. Published nowhere; meant for comparing few-shot learning by memory with that by
gradient. All tasks learned together lie in one array, and a query is compared with the columns of its own task.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from insitu.backbones.conv4 import Conv4Module
from insitu.backbones.task_norm import Statistics
from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.learners import Learner, _task_columns, encoder
from insitu.learners.array_columns import State as MemoryState
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.projections import fit
from insitu.ledger import Ledger
from insitu.protocols import Examples, Inputs, Protocol, episodes
from insitu.protocols.episodes import EpisodeBase, check_episode_base, check_task_inputs, ways_of
from insitu.protocols.few_shot_sessions import FewShotBase
from insitu.protocols.tasks import StepAnswers
from insitu.substrates import Substrate
from insitu.substrates.crossbar import Crossbar


@dataclass(frozen=True, eq=False)
class State:
    """The network as it is held, and the memory of the tasks learned last: class ``task x ways + way`` is a column."""

    base: EpisodeBase
    network: Conv4Module
    memory: MemoryState  # without a class before tasks are learned
    tasks: int
    statistics: Statistics | None


@dataclass(frozen=True)
class TaskMemory(Learner[EpisodeBase, State]):
    """Each task's few shots superposed in an explicit memory behind meta-trained convolutions."""

    protocols: ClassVar[tuple[Protocol, ...]] = (episodes.PROTOCOL,)

    substrate: Substrate = field(default_factory=lambda: Crossbar(PcmHermes2022(), pairs=1))  # holds the convolutions
    memory: ExplicitMemory = field(default_factory=lambda: ExplicitMemory(substrate=Crossbar(compensation="column")))
    fill: bool = True  # write convolutions of few rows as often as a tile has room, which averages errors
    rest: float = 1.0  # value of a pixel without ink, subtracted from what the first convolution is fed; 0: nothing is

    def check(self, protocol: Protocol, inputs: Inputs) -> None:
        """See ``Learner.check``: the memory's parts have to go together too."""
        super().check(protocol, inputs)
        self.memory.check_device()

    def prepare(self, base: EpisodeBase, now_s: float, rng: np.random.Generator) -> State:
        """Write the network at ``now_s``, and fit the map to the memory's vectors to the base's calibration tasks."""
        check_episode_base(base)
        network = encoder.exact(base.network, bits=0)
        network = encoder.written(network, base, self.substrate, now_s, rng, self.fill, self.rest)
        known = base.calibration
        x, _ = encoder.encoded(network, known.x, None, now_s, rng)
        ways = ways_of(known, base)
        examples = Examples(x.flatten(0, 1), _task_columns.classes(known.labels, ways))
        count = torch.bincount(examples.labels)[:, None]
        sums = torch.zeros(len(count), x.shape[2], dtype=torch.float64)
        means = (sums.index_add_(0, examples.labels, examples.x.double()) / count).float()
        features = x.shape[2]
        old = FewShotBase(means, examples, torch.eye(features), torch.zeros(features))
        projection = fit(old, self.memory.projection, self.memory.dim, self.memory.shrink)
        return State(base, network, self.memory.start(projection, examples, now_s, rng), 0, None)

    def learn(self, state: State, examples: Examples, now_s: float, rng: np.random.Generator) -> State:
        """Superpose the shots of tasks on columns of their own; each set of tasks starts with an empty memory."""
        ways = ways_of(examples, state.base)
        x, statistics = encoder.encoded(state.network, examples.x, None, now_s, rng)
        given = Examples(x, examples.labels)
        memory = _task_columns.learn(self.memory, state.memory, given, ways, now_s, rng)
        return State(state.base, state.network, memory, len(x), statistics)

    def predict(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return the ways (tasks, n) of queries x of the tasks learned last."""
        check_task_inputs(x, state.base)
        _task_columns.check_learned(state.tasks, x)
        features, _ = encoder.encoded(state.network, x, state.statistics, now_s, rng)
        return _task_columns.predict(self.memory, state.memory, state.tasks, features, now_s, rng)

    def predict_each(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> list[StepAnswers]:
        """Return what ``predict`` returns as step 1: every example is written once."""
        return [StepAnswers(1, self.predict(state, x, now_s, rng))]

    def cost(self, state: State) -> Ledger:
        """Return what writing the network and the current tasks has spent."""
        return encoder.spent(state.network) + self.memory.cost(state.memory)

    def query_cost(self, state: State) -> Ledger:
        """Return what encoding an image and comparing it with the classes of one task spends."""
        searched = _task_columns.query_cost(self.memory, state.memory, len(state.base.head))
        return encoder.image_cost(state.network) + searched
