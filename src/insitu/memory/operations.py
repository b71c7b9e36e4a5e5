"""What can happen to a memory: taught, forgotten, merged, asked; every verb returns the memory anew.

A memory without a base fits its space to the examples it keeps, ``KEPT`` at most. Whenever they have become twice as
many as the space was fitted to, or a feature among them spreads much wider than it did then (or varies for the first
time), the space is fitted again, and every column is RESET and written again. So what is taught class by class is soon
known as if it had been taught at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from insitu.core import InsituError
from insitu.learners.explicit_memory import FREE, SUPERPOSED, ExplicitMemory, State
from insitu.memory.labels import Label
from insitu.memory.model import Experience, Model, counted, keeping, numbered
from insitu.memory.space import COHORT, Numbers, Space, Vectors, class_means, examples, fitted, with_cohort
from insitu.protocols import Examples

T = TypeVar("T")


@dataclass(frozen=True)
class Verbs:
    """What a model is changed with: the learner on its substrate, and how vectors become unit vectors."""

    learner: ExplicitMemory
    dim: int
    fixed: Space | None = None  # of a backbone with a base

    def taught(self, model: Model, x: Vectors, labels: list[Label], rng: np.random.Generator) -> Model:
        """Return the memory that was shown vectors x (n, features) of these classes too, one after the other."""
        model, y = numbered(model, labels)
        fresh, index = np.unique(y, return_inverse=True)
        model = counted(model, fresh, np.bincount(index), class_means(x, index))
        model = keeping(model, x, y, rng)
        if self.fixed is None and _outgrown(model):
            return self._rebuilt(model, rng)
        model = self._ready(model, rng)
        return replace(model, state=self._written(model, _need(model.state), x, y, rng))

    def forgotten(self, model: Model, label: Label, rng: np.random.Generator) -> Model:
        """Return the memory without a class: its column RESET, its mean and the examples kept of it gone."""
        number = model.numbers.get(label)
        if number is None or model.state is None:
            known = ", ".join(map(repr, model.labels[:20])) + (", ..." if len(model.numbers) > 20 else "")
            raise InsituError(f"the memory does not hold {label!r}; it holds {known or 'no class'}")
        counts, means = model.counts.copy(), model.means.copy()
        counts[number], means[number] = 0, 0
        rest = model.kept_numbers != number
        model = replace(
            model,
            numbers={other: its for other, its in model.numbers.items() if its != number},
            counts=counts,
            means=means,
            kept=model.kept[rest],
            kept_numbers=model.kept_numbers[rest],
        )
        if model.space is not None:
            # nothing of what is forgotten goes on being measured with, and new examples soon outgrow the space
            seen = min(model.space.seen, len(model.kept))
            model = replace(model, space=with_cohort(replace(model.space, seen=seen), model.kept))
        state = replace(_need(model.state), cohort=examples(_need(model.space).cohort))
        return replace(model, state=self.learner.erase(state, [number], model.now_s, rng))

    def merged(self, model: Model, other: Experience, rng: np.random.Generator) -> Model:
        """Return the memory that knows what ``other`` knows too.

        In the space of a backbone the other's sums are superposed on the columns; otherwise the two have spaces of
        their own, and one is fitted to the examples of both.
        """
        model, numbers = numbered(model, other.labels)
        model = counted(model, numbers, other.counts, other.means)
        model = keeping(model, other.kept, numbers[other.kept_numbers], rng)
        if self.fixed is None:
            return self._rebuilt(model, rng)
        model = self._ready(model, rng)
        state = self._imprinted(_need(model.state), numbers, other.means, other.counts, model, rng)
        return replace(model, state=state)

    def scaled(self, model: Model, x: Vectors) -> Tensor:
        """Return vectors x (n, features) as the learner takes them."""
        if not model.numbers or model.state is None or model.space is None:
            raise InsituError("the memory holds no class; teach it some examples first")
        return model.space.scaled(x)

    def scores(self, model: Model, z: Tensor, rng: np.random.Generator) -> Tensor:
        """Return similarities (n, classes) of scaled vectors z (n, features), in the order of ``model.labels``."""
        state = _need(model.state)
        out = self.learner.scores(state, z, model.now_s, rng)
        column = {int(label): place for place, label in enumerate(state.labels) if label != FREE}
        return out[:, [column[model.numbers[label]] for label in model.labels]]

    # -- parts -------------------------------------------------------------------------------------------------------

    def _ready(self, model: Model, rng: np.random.Generator) -> Model:
        """Return the model with a space and an array, whose converters know the examples kept so far."""
        space = _need(model.space or self.fixed)
        if len(space.cohort) - len(space.probes) < min(len(model.kept), COHORT):
            space = with_cohort(space, model.kept)
        cohort = examples(space.cohort)
        state = model.state
        state = self.learner.start(space.projection, cohort, model.now_s, rng) if state is None else state
        return replace(model, space=space, state=replace(state, cohort=cohort))

    def _rebuilt(self, model: Model, rng: np.random.Generator) -> Model:
        """Fit the space anew and write every class again: from its examples where all are kept, else from its mean."""
        space = with_cohort(fitted(model.kept, model.kept_numbers, self.dim), model.kept)
        cohort, now_s = examples(space.cohort), model.now_s
        state = model.state
        if state is None:
            state = self.learner.start(space.projection, cohort, now_s, rng)
        else:
            held = [int(label) for label in state.labels if label != FREE]
            state = self.learner.erase(state, held, now_s, rng) if held else state
            state = replace(state, projection=space.projection, cohort=cohort)
        model = replace(model, space=space)
        whole = np.bincount(model.kept_numbers, minlength=len(model.counts)) == model.counts
        at_hand = whole[model.kept_numbers]
        if at_hand.any():
            state = self._written(model, state, model.kept[at_hand], model.kept_numbers[at_hand], rng, anew=True)
        others = np.flatnonzero(~whole)
        if len(others):
            state = self._imprinted(state, others, model.means[others], model.counts[others], model, rng)
        return replace(model, state=state)

    def _written(
        self, model: Model, state: State, x: Vectors, y: Numbers, rng: np.random.Generator, anew: bool = False
    ) -> State:
        """Write examples: shot by shot as long as a column has room, else as a sum."""
        z = _need(model.space).scaled(x)
        roomy = model.counts[y] <= SUPERPOSED if self.learner.support != "program" else np.ones(len(y), bool)
        if roomy.any():
            rows = torch.from_numpy(np.flatnonzero(roomy))
            state = self.learner.learn(state, Examples(z[rows], torch.from_numpy(y)[rows]), model.now_s, rng)
        if roomy.all():
            return state
        classes, index = np.unique(y[~roomy], return_inverse=True)
        rest, where = z[torch.from_numpy(~roomy)], torch.from_numpy(index)
        count = torch.bincount(where).float()
        vectors = state.projection.vectors(rest)
        sums = torch.zeros(len(classes), vectors.shape[1]).index_add_(0, where, vectors)
        means = torch.zeros(len(classes), z.shape[1]).index_add_(0, where, rest) / count[:, None]
        return self.learner.imprint(state, classes.tolist(), sums, count, means, model.now_s, rng)

    def _imprinted(
        self, state: State, numbers: Numbers, means: Vectors, counts: Numbers, model: Model, rng: np.random.Generator
    ) -> State:
        """Write classes of which only the mean is known."""
        z, shots = _need(model.space).scaled(means), torch.from_numpy(counts).float()
        sums = state.projection.vectors(z) * shots[:, None]
        return self.learner.imprint(state, numbers.tolist(), sums, shots, z, model.now_s, rng)


def _outgrown(model: Model) -> bool:
    space = model.space
    return space is None or len(model.kept) >= 2 * space.seen or space.outgrown(model.kept, model.kept_numbers)


def _need(value: T | None) -> T:
    assert value is not None
    return value
