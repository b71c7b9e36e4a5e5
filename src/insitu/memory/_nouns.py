"""What a memory knows, as a value: classes, what they were taught in numbers, the array that holds them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.learners.explicit_memory import State
from insitu.memory._space import Numbers, Space, Vectors

Label = str | int | float | bool
KEPT = 512  # examples, to which the space is fitted


def labels_of(y: NDArray[Any]) -> list[Label]:
    """Return labels (n,) as plain values; raise ``InsituError`` unless all are of one kind that can be kept."""
    labels: list[Label] = y.tolist()
    kinds = {type(label) for label in labels}
    if len(kinds) > 1 or not kinds <= {str, int, float, bool} or any(label != label for label in labels):
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise InsituError(f"labels are strings, integers, numbers or booleans, all of one kind and no NaN; got {names}")
    return labels


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


def experience(model: Model) -> Experience:
    """Return what the memory was taught, free of its devices."""
    labels = model.labels
    numbers = np.array([model.numbers[label] for label in labels], np.int64)
    place = np.zeros(len(model.counts), np.int64)
    place[numbers] = np.arange(len(numbers))
    return Experience(labels, model.counts[numbers], model.means[numbers], model.kept, place[model.kept_numbers])


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


def counted(model: Model, numbers: Numbers, counts: Numbers, sums: Vectors) -> Model:
    """Return the model with these examples in counts and means; they are not written yet."""
    total, means = model.counts.copy(), model.means.copy()
    before = means[numbers] * total[numbers, None]
    total[numbers] += counts
    means[numbers] = (before + sums) / total[numbers, None]
    return replace(model, counts=total, means=means)


def keeping(model: Model, x: Vectors, y: Numbers, rng: np.random.Generator) -> Model:
    """Return the model with as many of these examples as there is room for, of every class alike."""
    room = KEPT - len(model.kept)
    if room <= 0 or not len(x):
        return model
    if len(x) > room:
        order = rng.permutation(len(x))
        turn = np.zeros(len(x), np.int64)  # how many of the class came before
        for number in np.unique(y):
            rows = order[y[order] == number]
            turn[rows] = np.arange(len(rows))
        chosen = np.sort(order[np.argsort(turn[order], kind="stable")][:room])
        x, y = x[chosen], y[chosen]
    kept = np.concatenate([model.kept, x]) if len(model.kept) else x.copy()
    return replace(model, kept=kept, kept_numbers=np.concatenate([model.kept_numbers, y]))
