"""Operations on a memory's model: teach, forget, merge, score. Each returns a new model.

Without base classes, the space is fitted to the stored examples, ``KEPT`` at most. It is fitted again whenever their
number has doubled since, there are a quarter more classes, or a feature spreads much wider than it did then (or varies
for the first time); every column is then RESET and written again. So classes taught one after the other are soon held
as if taught at once. With more than ``AT_ONCE`` classes, a thread fits the space after one teaching, and the next one
writes every column, so that neither takes long. Results do not depend on when the thread is done.

Of more classes than have ``LEAST_SHOTS`` stored examples each, some have none. Where the array has fewer rows than
there are features, the rows span the means of these too, so that the space is still fitted to a quarter more classes,
up to ``KEPT``. It is also fitted again where the stored examples have half more degrees of freedom within classes, as
after further shots of each.
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from insitu.core import InsituError
from insitu.kernels.threading import one_thread
from insitu.learners.array_columns import FREE, State
from insitu.learners.explicit_memory import SUPERPOSED, ExplicitMemory
from insitu.memory.labels import Label
from insitu.memory.model import (
    KEPT,
    LEAST_SHOTS,
    ClassStatistics,
    Model,
    drop_examples,
    number_classes,
    store_examples,
    update_statistics,
)
from insitu.memory.space import COHORT, Numbers, Space, Vectors, class_means, fit_space
from insitu.protocols import Examples

MORE_CLASSES = 1.25  # ratio to the classes at the last fit, from which on the space is fitted again
MORE_SHOTS = 1.5  # the same ratio of the degrees of freedom within classes, where some classes have no stored examples
AT_ONCE = 32  # classes up to which, or examples of a teaching beyond which, it does both
T = TypeVar("T")

# by the present space: the examples that the next one is fitted to, and the next one
_fits: WeakKeyDictionary[Space, tuple[Vectors, Future[Space]]] = WeakKeyDictionary()


@cache
def _fitter() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="insitu-fit")


def _in_child() -> None:
    # a forked process does not have the thread that fits
    _fits.clear()
    _fitter.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


@dataclass(frozen=True)
class Operations:
    """The learner on its substrate, and the space in which it holds vectors."""

    learner: ExplicitMemory
    dim: int
    fixed_space: Space | None = None  # of a backbone with base classes

    def teach(
        self, model: Model, x: Vectors, labels: list[Label], rng: np.random.Generator, ids: Numbers | None = None
    ) -> Model:
        """Add examples x (n, features) to their classes, with these ids or new ones; new labels become new classes."""
        before = model
        model, y = number_classes(model, labels)
        classes, index = np.unique(y, return_inverse=True)
        model = update_statistics(model, classes, np.bincount(index), class_means(x, index))
        model = store_examples(model, x, y, rng, ids)
        if self.fixed_space is None:
            if _is_due(before):
                return self._rewrite(model, self._next_space(before), rng)
            at_once = len(x) > AT_ONCE or not _is_due(model)
            if _is_outgrown(model, x) or (at_once and _is_outdated(model)):
                return self._rewrite(model, self._next_space(model), rng)
        model = self._with_array(model, rng)
        if self.fixed_space is None and _is_due(model):
            assert model.space is not None
            # while this event is stored and until the next one, which writes every column in it
            _fits[model.space] = model.kept, _fitter().submit(self._fit_space, model)
        return replace(model, state=self._write_examples(model, _present(model.state), x, y, rng))

    def forget(self, model: Model, label: Label, rng: np.random.Generator) -> Model:
        """RESET the column of a class, and drop its mean and its stored examples."""
        number = model.numbers.get(label)
        if number is None or model.state is None:
            known = ", ".join(map(repr, model.labels[:20])) + (", ..." if len(model.numbers) > 20 else "")
            raise InsituError(f"the memory does not hold {label!r}; it holds {known or 'no class'}")
        counts = model.counts.copy()
        counts[number] = 0
        numbers = {other: its for other, its in model.numbers.items() if its != number}
        rest = model.kept_numbers != number
        means = model.means.put([number], 0)
        model = drop_examples(replace(model, numbers=numbers, counts=counts, means=means), rest)
        state = replace(_present(model.state), cohort=_present(model.space).calibration_examples())
        return replace(model, state=self.learner.erase(state, [number], model.now_s, rng))

    def merge(self, model: Model, other: ClassStatistics, rng: np.random.Generator) -> Model:
        """Add what another memory has learned.

        In the space of a backbone, its sums are superposed on the columns; otherwise both have spaces of their own,
        and a new one is fitted to the examples of both.
        """
        model, numbers = number_classes(model, other.labels)
        model = update_statistics(model, numbers, other.counts, other.means)
        model = store_examples(model, other.kept, numbers[other.kept_numbers], rng)
        if self.fixed_space is None:
            return self._rewrite(model, self._next_space(model), rng)
        model = self._with_array(model, rng)
        state = self._write_means(_present(model.state), numbers, other.means, other.counts, model, rng)
        return replace(model, state=state)

    def scale(self, model: Model, x: Vectors) -> Tensor:
        """Return vectors x (n, features) as the learner takes them."""
        if not model.numbers or model.state is None or model.space is None:
            raise InsituError("the memory holds no class; teach it some examples first")
        return model.space.scaled(x)

    def scores(self, model: Model, z: Tensor, rng: np.random.Generator) -> Tensor:
        """Return similarities (n, classes) of scaled vectors z (n, features), in the order of ``model.labels``."""
        state = _present(model.state)
        out = self.learner.scores(state, z, model.now_s, rng)
        return out[:, torch.from_numpy(model.columns)]

    # -- parts -------------------------------------------------------------------------------------------------------

    def _with_array(self, model: Model, rng: np.random.Generator) -> Model:
        """Return the model with a space and an array, calibrated with the examples stored so far."""
        space = _present(model.space or self.fixed_space)
        if len(space.cohort) - len(space.probes) < min(len(model.kept), COHORT):
            space = space.with_calibration_set(model.kept)
        cohort, state = space.calibration_examples(), model.state
        state = self.learner.start(space.projection, cohort, model.now_s, rng) if state is None else state
        return replace(model, space=space, state=replace(state, cohort=cohort))

    def _next_space(self, model: Model) -> Space:
        """Return the space fitted to the stored examples, by the event before if it began that."""
        kept, fit = _fits.get(model.space, (None, None)) if model.space else (None, None)
        return self._fit_space(model) if fit is None or kept is not model.kept else fit.result()

    def _fit_space(self, model: Model) -> Space:
        others = np.setdiff1d(model.classes, model.kept_numbers)
        others = others[np.linspace(0, len(others) - 1, min(len(others), KEPT)).astype(int)]
        with one_thread():
            return fit_space(model.kept, model.kept_numbers, self.dim, model.means[others])

    def _rewrite(self, model: Model, space: Space, rng: np.random.Generator) -> Model:
        """Write every class again in a new space: from its examples where all are stored, else from its mean."""
        cohort, now_s, state = space.calibration_examples(), model.now_s, model.state
        if state is None:
            state = self.learner.start(space.projection, cohort, now_s, rng)
        else:
            held = [int(label) for label in state.labels if label != FREE]
            state = self.learner.erase(state, held, now_s, rng) if held else state
            state = replace(state, projection=space.projection, cohort=cohort)
        model = replace(model, space=space)
        complete = np.bincount(model.kept_numbers, minlength=len(model.counts)) == model.counts
        rows = complete[model.kept_numbers]
        if rows.any():
            state = self._write_examples(model, state, model.kept[rows], model.kept_numbers[rows], rng)
        others = np.flatnonzero(~complete)
        if len(others):
            state = self._write_means(state, others, model.means[others], model.counts[others], model, rng)
        return replace(model, state=state)

    def _write_examples(self, model: Model, state: State, x: Vectors, y: Numbers, rng: np.random.Generator) -> State:
        """Write examples: shot by shot to columns that are not full, else as sums."""
        z = _present(model.space).scaled(x)
        by_shot = model.counts[y] <= SUPERPOSED if self.learner.support != "program" else np.ones(len(y), bool)
        if by_shot.any():
            rows = torch.from_numpy(np.flatnonzero(by_shot))
            state = self.learner.learn(state, Examples(z[rows], torch.from_numpy(y)[rows]), model.now_s, rng)
        if by_shot.all():
            return state
        classes, index = np.unique(y[~by_shot], return_inverse=True)
        rest, which = z[torch.from_numpy(~by_shot)], torch.from_numpy(index)
        count = torch.bincount(which).float()
        vectors = state.projection.vectors(rest)
        sums = torch.zeros(len(classes), vectors.shape[1]).index_add_(0, which, vectors)
        means = torch.zeros(len(classes), z.shape[1]).index_add_(0, which, rest) / count[:, None]
        return self.learner.imprint(state, classes.tolist(), sums, count, means, model.now_s, rng)

    def _write_means(
        self, state: State, numbers: Numbers, means: Vectors, counts: Numbers, model: Model, rng: np.random.Generator
    ) -> State:
        """Write classes of which only the mean is known."""
        z, shots = _present(model.space).scaled(means), torch.from_numpy(counts).float()
        sums = state.projection.vectors(z) * shots[:, None]
        return self.learner.imprint(state, numbers.tolist(), sums, shots, z, model.now_s, rng)


def _is_outdated(model: Model) -> bool:
    """Return whether a space would be fitted to far more examples, classes or shots than the present one."""
    space = model.space
    if space is None or len(model.kept) >= 2 * space.seen:
        return True
    rows, features = space.projection.weight.shape
    most = KEPT if rows < features else KEPT // LEAST_SHOTS  # rows for every feature span all classes
    if MORE_CLASSES * (space.classes + space.others) <= len(model.numbers) <= most:
        return True
    if len(model.numbers) <= KEPT // LEAST_SHOTS:
        return False
    free = len(model.kept) - len(np.unique(model.kept_numbers))
    return free >= MORE_SHOTS * max(space.seen - space.classes, 1)


def _is_due(model: Model) -> bool:
    """Return whether the next teaching writes every column in another space."""
    return model.space is not None and len(model.numbers) > AT_ONCE and _is_outdated(model)


def _is_outgrown(model: Model, x: Vectors) -> bool:
    # a mean over the stored examples is within the bounds that every one of them keeps
    space = model.space
    return space is not None and space.is_far(x) and space.is_outgrown(model.kept, model.kept_numbers)


def _present(value: T | None) -> T:
    assert value is not None
    return value
