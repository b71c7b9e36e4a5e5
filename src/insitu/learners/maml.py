"""Learning to learn: a few gradient steps from meta-trained weights, in the memory that holds them.

Ortner, Petschenig et al., Nat. Commun. 16 (2025): convolutions and a head are meta-trained in software and written to
phase-change crossbars; a new task is learned by four full-batch steps on the head alone, whose slope is computed from
the products of the hardware, and each step programs only those cells whose target has changed. ``layers="all"`` is
plain MAML (Finn et al., 2017), in software. Tasks come in batches (``protocols/episodes.py``); each begins from the
meta-trained weights, on a head of its own, and all of them share the convolutions.

Own choices: the head is kept as floats next to the array, or as b bits, which slopes change by random rounding; on a
crossbar its weights have ``write_bits`` where ``bits`` is 0; the range of its weights and of its ADC is fitted to tasks
of meta-training; the grid of few bits reaches to ``head_scale`` in the head, whose weights would use a fifth of the
published one, and to 1 in convolutions, as published; small convolutions are written several times, and the first is
fed images without their paper (``placement.py``); heads and convolutions are written when the learner is prepared, so
that they have drifted by the time a task comes, and drift of both is compensated where the substrate does so. Before
any task is learned, queries are normalised together whatever the network's statistics. Steps are computed in float64,
so that answers do not depend on the order in which a library adds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from insitu.backbones.conv4 import Conv4Module
from insitu.backbones.task_norm import Statistics
from insitu.core import InsituError
from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.kernels import exact
from insitu.learners import Learner, _all_layers, _delta_rule, encoder
from insitu.learners.rounding import check_bits, rounded
from insitu.ledger import Ledger
from insitu.protocols import Examples, Inputs, Protocol, episodes
from insitu.protocols.episodes import EpisodeBase, check_episode_base, check_task_inputs, ways_of
from insitu.protocols.tasks import StepAnswers
from insitu.substrates import Substrate
from insitu.substrates.crossbar import Crossbar

HEADROOM = 1.1  # of the range of weights, over the largest met while calibration tasks are learned


@dataclass(frozen=True, eq=False)
class State:
    """The network as it is held, and the head of each task learned last after every step.

    ``heads`` are batches (tasks, features, ways) on the substrate, or weights of all layers by name.
    """

    base: EpisodeBase
    network: Conv4Module  # on the substrate, its clock at the time of preparation
    prepared_s: float
    scale: Any  # of batches of heads on the substrate
    heads: tuple[Any, ...]  # after 0, 1 ... steps; empty before a task is learned
    support: Tensor | None  # images or features of the tasks learned last, for statistics and for layers="all"
    statistics: Statistics | None
    rewritten: tuple[int, ...]  # cells written by each step, all tasks together
    spent: Ledger


@dataclass(frozen=True)
class Maml(Learner[EpisodeBase, State]):
    """A few gradient steps from meta-trained weights: on a head in a crossbar (Ortner 2025) or on all layers (MAML)."""

    protocols: ClassVar[tuple[Protocol, ...]] = (episodes.PROTOCOL,)

    substrate: Substrate = field(default_factory=lambda: Crossbar(PcmHermes2022(), pairs=1))  # holds all weights
    layers: Literal["head", "all"] = "head"  # which layers adapt to a task; all of them in software only
    steps: int = 4  # gradient steps per task
    learning_rate: float = 0.1  # step size of the inner loop
    bits: int = 0  # bits of all weights, as they were meta-trained; 0 keeps floats
    head_scale: float = 0.25  # range of the head's weights where bits is set; 1 as published
    write_bits: int = 8  # bits to which weights of the head are programmed on devices where bits is 0
    fill: bool = True  # write convolutions of few rows as often as a tile has room, which averages errors
    rest: float = 1.0  # value of a pixel without ink, subtracted from what the first convolution is fed; 0: nothing is

    def __post_init__(self) -> None:
        check_bits(self.bits)
        if not (0 < self.head_scale < np.inf and abs(self.rest) < np.inf):
            raise InsituError(f"head_scale is above 0, rest is finite; got {self.head_scale} and {self.rest}")
        if not 2 <= self.write_bits <= 16:
            raise InsituError(f"write_bits are 2..16; got {self.write_bits}")
        if self.steps < 0 or not 0 < self.learning_rate < np.inf:
            raise InsituError(
                f"steps are 0 or more, learning_rate is above 0; got {self.steps} and {self.learning_rate}"
            )
        if self.layers not in ("head", "all"):
            raise InsituError(f"layers is head or all; got {self.layers!r}")
        if self.layers == "all" and (self.bits or not self.substrate.exact):
            raise InsituError("all layers adapt in software only, in floats; take substrate digital and bits 0")

    def check(self, protocol: Protocol, inputs: Inputs) -> None:
        """See ``Learner.check``: layers that adapt need the images themselves."""
        super().check(protocol, inputs)
        if self.layers == "all" and inputs is Inputs.FEATURES:
            raise InsituError("all layers adapt on images, and the package has features only: use --data images")

    def prepare(self, base: EpisodeBase, now_s: float, rng: np.random.Generator) -> State:
        """Write the network at ``now_s`` and fit ranges to the base's calibration tasks."""
        check_episode_base(base)
        network = encoder.exact(base.network, self.bits)
        state = State(base, network, now_s, None, (), None, None, (), Ledger())
        scale = None if self.substrate.exact else self._scale(state, rng)
        placed = encoder.written(network, base, self.substrate, now_s, rng, self.fill, self.rest)
        return replace(state, network=placed, scale=scale, spent=encoder.spent(placed))

    def learn(self, state: State, examples: Examples, now_s: float, rng: np.random.Generator) -> State:
        """Learn tasks: each starts from the meta-trained weights. See ``protocols/episodes.py`` for shapes."""
        ways = ways_of(examples, state.base)
        if not now_s >= state.prepared_s:  # so that NaN is caught too
            raise InsituError(f"time runs forward: now is {now_s} s, but the network was written at {state.prepared_s}")
        head = state.base.head_of(ways).detach()
        if self.layers == "all":
            self._check_images(examples.x)
            weights = _all_layers.parameters_of(state.network, head.double())
            with torch.no_grad():
                given = (examples.x.double(), examples.labels, self.learning_rate, self.steps)
                found = _all_layers.adapted(state.network, weights, *given)
            return replace(state, heads=tuple(found), support=examples.x)
        x, statistics = encoder.encoded(state.network, examples.x, None, now_s, rng)
        new = replace(state, support=examples.x, statistics=statistics)
        if not self.substrate.exact:
            return self._learned_in_place(new, head, Examples(x, examples.labels), now_s, rng)
        keep = lambda weights: self._rounded(weights, rng)  # noqa: E731
        first = self._rounded(head).double()
        heads = _delta_rule.adapted(first, x.double(), examples.labels, self.learning_rate, self.steps, keep=keep)
        hold = self.substrate.program_batch
        return replace(new, heads=tuple(hold(each.transpose(1, 2), None, now_s, rng) for each in heads))

    def predict(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return the ways (tasks, n) of queries x of the tasks learned last; before any, by the first head."""
        return self._answers(state, x, state.heads[-1:], now_s, rng)[0]

    def predict_each(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> list[StepAnswers]:
        """Return what ``predict`` would have returned after each step, with the cells written; x is encoded once."""
        if not state.heads:
            raise InsituError("no task is learned yet; learn some first")
        answers = self._answers(state, x, state.heads, now_s, rng)
        written = [0, *state.rewritten] if state.rewritten else [0] * len(answers)
        return [
            StepAnswers(step, each, {"rewritten": cells} if cells else {})
            for step, (each, cells) in enumerate(zip(answers, written, strict=True))
        ]

    def cost(self, state: State) -> Ledger:
        """Return what writing the network and the heads of the current tasks has spent."""
        return state.spent

    def wear(self, state: State) -> dict[str, int]:
        """See ``Learner.wear``: a cell of the head is programmed with the first head and at most once by each step."""
        return {} if self.substrate.exact else {"resets": 1 + sum(map(bool, state.rewritten))}

    def query_cost(self, state: State) -> Ledger:
        """Return what encoding and scoring one image spends."""
        ways, features = state.base.head.shape
        held = self.substrate.blank(features, ways, 0.0, np.random.default_rng(0))  # costs depend on its shape alone
        return encoder.image_cost(state.network) + self.substrate.product_cost(held, 1)

    # -- parts -------------------------------------------------------------------------------------------------------

    def _answers(
        self, state: State, x: Tensor, heads: tuple[Any, ...], now_s: float, rng: np.random.Generator
    ) -> list[Tensor]:
        """Return the ways (tasks, n) that each of these heads answers; without one, those of the first head."""
        check_task_inputs(x, state.base)
        if state.support is not None and len(x) != len(state.support):
            raise InsituError(f"{len(state.support)} tasks were learned last; got queries of {len(x)}: give as many")
        if self.layers == "all" and state.support is not None:
            self._check_images(x)
            with torch.no_grad():
                images = state.support.double(), x.double()
                found = [_all_layers.scores(state.network, head, *images) for head in heads]
            return [scores.argmax(-1) for scores in found]
        features, _ = encoder.encoded(state.network, x, state.statistics, now_s, rng)
        if not heads:
            return [exact.product(features, self._rounded(state.base.head).T).argmax(-1)]
        return [self.substrate.multiply_batch(head, features, now_s, rng).argmax(-1) for head in heads]

    def _scale(self, state: State, rng: np.random.Generator) -> Any:
        """Return the ranges that hold all heads on the way through the calibration tasks."""
        base = state.base
        x, _ = encoder.encoded(state.network, base.calibration.x, None, state.prepared_s, rng)
        head = base.head_of(ways_of(base.calibration, base)).detach()
        heads = _delta_rule.adapted(head.double(), x.double(), base.calibration.labels, self.learning_rate, self.steps)
        heads = [head.float() for head in heads]
        bits = self.bits or self.write_bits
        top = self.head_scale if self.bits else HEADROOM * float(max(head.abs().max() for head in heads)) or 1.0
        steps = 2 ** (bits - 1) - (not self.bits)  # the grid of few bits has one more step below 0 than above
        matrices = torch.cat([self._rounded(head).transpose(1, 2) for head in heads])
        return self.substrate.fit_batch(matrices, x.repeat(len(heads), 1, 1), top, steps)

    def _learned_in_place(
        self, state: State, head: Tensor, given: Examples, now_s: float, rng: np.random.Generator
    ) -> State:
        """Take steps whose slope comes from what the substrate answers, and program each before the next."""
        weights = self._rounded(head).expand(len(given.x), -1, -1)
        heads = [self.substrate.program_batch(weights.transpose(1, 2), state.scale, state.prepared_s, rng)]
        for step in range(1, self.steps + 1):
            logits = self.substrate.multiply_batch(heads[-1], given.x, now_s, rng)
            change = _delta_rule.slope(logits.double(), given.x.double(), given.labels)
            _delta_rule.check_finite(change, step, self.learning_rate)
            weights = self._rounded((weights - self.learning_rate * change).float(), rng)
            heads.append(self.substrate.reprogram_batch(heads[-1], weights.transpose(1, 2), now_s, rng))
        rewritten = tuple(each.rewritten for each in heads[1:])
        return replace(state, heads=tuple(heads), rewritten=rewritten, spent=state.spent + heads[-1].spent)

    def _rounded(self, head: Tensor, rng: np.random.Generator | None = None) -> Tensor:
        return rounded(head, self.bits, rng, self.head_scale)

    def _check_images(self, x: Tensor) -> None:
        if x.ndim == 3:
            raise InsituError('layers="all" adapts the convolutions, which takes images; got features: give images')
