"""What a memory knows, as a value: classes, what they were taught in numbers, the array that holds them.

A field that is added later has a default: it is what a file or pickle of an earlier version is read with.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from insitu.core import InsituError
from insitu.learners.explicit_memory import State
from insitu.memory.features import check_unshuffled
from insitu.memory.labels import Label, alike
from insitu.memory.space import Numbers, Space, Vectors

KEPT = 512  # examples, to which the space is fitted


@dataclass(frozen=True, eq=False)
class Model:
    """Classes have numbers, in the order in which they were taught first; a class that was forgotten leaves its own."""

    features: int  # numbers of a vector
    seed: int = 0  # of all that is drawn when it is written
    events: int = 0  # that happened to it since it was new
    numbers: dict[Label, int] = field(default_factory=dict)
    counts: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))  # examples of each number
    means: Vectors = field(default_factory=lambda: np.zeros((0, 0)))  # (numbers, features)
    kept: Vectors = field(default_factory=lambda: np.zeros((0, 0)))  # (n, features)
    kept_numbers: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    space: Space | None = None
    state: State | None = None
    now_s: float = 0.0
    feature_names: tuple[str, ...] | None = None  # of the columns of a table, where it was taught from one
    encoder: str = ""  # backbone and hash of its weights that vectors come from; '' for the user's own vectors

    @property
    def labels(self) -> list[Label]:
        """Labels of the classes it knows, sorted."""
        return sorted(self.numbers)


@dataclass(frozen=True, eq=False)
class Experience:
    """What a memory was taught, free of any device: means over examples, and the examples that are kept."""

    labels: list[Label]
    counts: Numbers  # (classes,)
    means: Vectors  # (classes, features)
    kept: Vectors  # (n, features)
    kept_numbers: Numbers  # (n,) place of the class among ``labels``
    feature_names: tuple[str, ...] | None = None


def experience(model: Model) -> Experience:
    """Return what the memory was taught, free of its devices."""
    labels = model.labels
    numbers = np.array([model.numbers[label] for label in labels], np.int64)
    place = np.zeros(len(model.counts), np.int64)
    place[numbers] = np.arange(len(numbers))
    kept_numbers = place[model.kept_numbers]
    counts, means = model.counts[numbers], model.means[numbers]
    return Experience(labels, counts, means, model.kept, kept_numbers, model.feature_names)


def check_mergeable(one: Model | None, other: Model) -> None:
    """Raise ``InsituError`` unless ``other`` holds classes, and the same features and labels of one kind as ``one``."""
    if not other.numbers:
        raise InsituError("the other memory holds no class; there is nothing to merge")
    if one is None:
        return
    features = [model.feature_names or f"{model.features} features" for model in (one, other)]
    both = one.feature_names and other.feature_names
    if one.features != other.features or (both and one.feature_names != other.feature_names):
        raise InsituError(f"memories merge that take the same vectors; got {features[0]} and {features[1]}"[:300])
    for named, model in ((one, other), (other, one)):
        if model.feature_names is None:
            check_unshuffled(named.feature_names)
    if one.encoder and other.encoder and one.encoder != other.encoder:
        raise InsituError(f"memories merge that have the same backbone; got {one.encoder} and {other.encoder}")
    alike(one.labels, other.labels)


def numbered(model: Model, labels: list[Label]) -> tuple[Model, Numbers]:
    """Return the model that has a number for each label, and the numbers (n,)."""
    numbers = dict(model.numbers)
    last = len(model.counts)
    for label in dict.fromkeys(labels):
        if label not in numbers:
            numbers[label] = last
            last += 1
    more = last - len(model.counts)
    if more:
        means = model.means if model.means.size else np.zeros((0, model.features))
        model = replace(
            model,
            numbers=numbers,
            counts=np.concatenate([model.counts, np.zeros(more, np.int64)]),
            means=np.concatenate([means, np.zeros((more, model.features))]),
        )
    return model, np.array([numbers[label] for label in labels], np.int64)


def counted(model: Model, numbers: Numbers, counts: Numbers, means: Vectors) -> Model:
    """Return the model with examples of these numbers (k,) in counts and means; they are not written yet."""
    total, moved = model.counts.copy(), model.means.copy()
    before = np.where(total[numbers, None] > 0, moved[numbers], means)
    total[numbers] += counts
    # by differences: sums of numbers far from 0 would lose their last digits
    moved[numbers] = before + (means - before) * (counts / total[numbers])[:, None]
    return replace(model, counts=total, means=moved)


def keeping(model: Model, x: Vectors, y: Numbers, rng: np.random.Generator) -> Model:
    """Return the model with these examples kept, ``KEPT`` at most, of every class alike.

    Where there is no room, those of a class that has many make way, so that later classes are represented too; what
    stays keeps its place, so that a file has little to write.
    """
    if not len(x):
        return model
    old = len(model.kept)
    order = np.arange(len(x)) if old + len(x) <= KEPT else rng.permutation(len(x))
    chosen = np.argsort(_ranks(np.concatenate([model.kept_numbers, y[order]])), kind="stable")[:KEPT]
    gone = np.setdiff1d(np.arange(old), chosen)
    come = np.sort(order[chosen[chosen >= old] - old])
    swapped, more = come[: len(gone)], come[len(gone) :]
    kept, numbers = (model.kept.copy() if old else x[:0]), model.kept_numbers.copy()
    kept[gone], numbers[gone] = x[swapped], y[swapped]
    return replace(model, kept=np.concatenate([kept, x[more]]), kept_numbers=np.concatenate([numbers, y[more]]))


def _ranks(numbers: Numbers) -> Numbers:
    """Return how many of the same number come before each."""
    order = np.argsort(numbers, kind="stable")
    _, first, index = np.unique(numbers[order], return_index=True, return_inverse=True)
    ranks = np.empty(len(numbers), np.int64)
    ranks[order] = np.arange(len(numbers)) - first[index]
    return ranks
