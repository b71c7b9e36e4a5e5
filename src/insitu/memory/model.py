"""The state of a memory as a value: its classes, their statistics and stored examples, and the array that holds them.

Field names are part of the file format. A field that is added later needs a default, for files and pickles of earlier
versions.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError, stored_fields
from insitu.learners.array_columns import FREE, State, ranks
from insitu.memory.feature_names import check_in_order
from insitu.memory.labels import Label, check_same_kind, label_array
from insitu.memory.space import Numbers, Space, Vectors
from insitu.rows import Rows

KEPT = 512  # examples stored at most; the space is fitted to them
LEAST_SHOTS = 4  # stored of a class before another one is stored: fewer tell little about spreads within classes
GOLDEN = 0x9E3779B97F4A7C15  # 2^64 times the golden ratio's fraction, whose multiples modulo 2^64 lie evenly
UNKNOWN = -1  # id of an example that an earlier version stored


@dataclass(frozen=True, eq=False)
class Model:
    """Classes are numbered in the order of their first example; the number of a forgotten class is not reused."""

    features: int  # components of a vector
    seed: int = 0  # of all random draws while learning
    events: int = 0  # since the model was new
    numbers: dict[Label, int] = field(default_factory=dict)  # of the current classes
    counts: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))  # examples per class number
    means: Rows = field(default_factory=lambda: Rows.empty(0, np.float64))  # (class numbers, features)
    kept: Vectors = field(default_factory=lambda: np.zeros((0, 0)))  # (n, features) stored examples
    kept_numbers: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))  # (n,) their class numbers
    space: Space | None = None
    state: State | None = None  # of the explicit memory, whose labels are class numbers
    now_s: float = 0.0
    feature_names: tuple[str, ...] | None = None  # where X was a table
    encoder: str = ""  # that vectors come from, with its digest; '' for the user's own vectors
    kept_ids: Numbers | None = None  # (n,) ids of the stored examples; None where an earlier version stored them
    taught: int = 0  # examples that have been given an id
    renames: int = 0  # events that only renamed a class and so left the read noise as it was

    def __getstate__(self) -> dict[str, Any]:
        return stored_fields(self)

    @cached_property
    def labels(self) -> list[Label]:
        """Labels of the current classes, sorted."""
        return sorted(self.numbers)

    @cached_property
    def label_array(self) -> NDArray[Any]:
        """``labels`` as an array."""
        return label_array(self.labels)

    @cached_property
    def classes(self) -> Numbers:
        """Class numbers in the order of ``labels``."""
        return np.array([self.numbers[label] for label in self.labels], np.int64)

    @property
    def class_counts(self) -> Numbers:
        """Examples per class, in the order of ``labels``."""
        counts: Numbers = self.counts[self.classes]
        return counts

    @cached_property
    def columns(self) -> Numbers:
        """Columns of the array in the order of ``labels``."""
        assert self.state is not None
        column_of = np.zeros(len(self.counts), np.int64)
        held = np.flatnonzero(self.state.labels.numpy() != FREE)
        column_of[self.state.labels.numpy()[held]] = held
        return column_of[self.classes]


@dataclass(frozen=True, eq=False)
class ClassStatistics:
    """What a memory has learned, independent of its devices: counts and means per class, and the stored examples."""

    labels: list[Label]
    counts: Numbers  # (classes,)
    means: Vectors  # (classes, features)
    kept: Vectors  # (n, features)
    kept_numbers: Numbers  # (n,) index of the class in ``labels``
    feature_names: tuple[str, ...] | None = None


def class_statistics(model: Model) -> ClassStatistics:
    """Return what the memory has learned, independent of its devices."""
    labels = model.labels
    numbers = model.classes
    index = np.zeros(len(model.counts), np.int64)
    index[numbers] = np.arange(len(numbers))
    kept_numbers = index[model.kept_numbers]
    counts, means = model.counts[numbers], model.means[numbers]
    return ClassStatistics(labels, counts, means, model.kept, kept_numbers, model.feature_names)


def check_mergeable(one: Model | None, other: Model) -> None:
    """Raise ``InsituError`` unless ``other`` holds classes, of the same features and kind of labels as ``one``."""
    if not other.numbers:
        raise InsituError("the other memory holds no class; there is nothing to merge")
    if one is None:
        return
    features = [model.feature_names or f"{model.features} features" for model in (one, other)]
    both = one.feature_names and other.feature_names
    if one.features != other.features or (both and one.feature_names != other.feature_names):
        raise InsituError(f"merged memories take the same vectors; got {features[0]} and {features[1]}"[:300])
    for named, model in ((one, other), (other, one)):
        if model.feature_names is None:
            check_in_order(named.feature_names)
    if one.encoder and other.encoder and one.encoder != other.encoder:
        raise InsituError(f"merged memories have the same encoder; got {one.encoder} and {other.encoder}")
    check_same_kind(one.labels, other.labels)


def number_classes(model: Model, labels: list[Label]) -> tuple[Model, Numbers]:
    """Return the model with a number for each of these labels, and their numbers (n,)."""
    numbers = dict(model.numbers)
    last = len(model.counts)
    for label in dict.fromkeys(labels):
        if label not in numbers:
            numbers[label] = last
            last += 1
    more = last - len(model.counts)
    if more:
        means = model.means if len(model.means) else Rows.empty(model.features, np.float64)
        counts = np.concatenate([model.counts, np.zeros(more, np.int64)])
        model = replace(model, numbers=numbers, counts=counts, means=means.grown(more))
    return model, np.array([numbers[label] for label in labels], np.int64)


def update_statistics(model: Model, numbers: Numbers, counts: Numbers, means: Vectors) -> Model:
    """Return the model with ``counts`` (k,) more examples of ``means`` (k, features) in classes ``numbers`` (k,)."""
    total = model.counts.copy()
    before = np.where(total[numbers, None] > 0, model.means[numbers], means)
    total[numbers] += counts
    # by differences: sums of numbers far from 0 lose digits
    moved = before + (means - before) * (counts / total[numbers])[:, None]
    return replace(model, counts=total, means=model.means.put(numbers, moved))


def store_examples(model: Model, x: Vectors, y: Numbers, rng: np.random.Generator, ids: Numbers | None = None) -> Model:
    """Return the model with these examples stored too: ``KEPT`` in all, balanced over classes.

    When full, examples of the largest classes are evicted, so that later classes are represented, and where there is
    no room for ``LEAST_SHOTS`` of each class, whole classes. Surviving examples keep their rows, so that few rows of
    the file change. Examples without ``ids`` get the next ones.
    """
    if ids is None:
        ids = np.arange(model.taught, model.taught + len(x))
        model = replace(model, taught=model.taught + len(x))
    if not len(x):
        return model
    old, old_ids = len(model.kept), stored_ids(model)
    order = np.arange(len(x)) if old + len(x) <= KEPT else rng.permutation(len(x))
    chosen = _by_priority(np.concatenate([model.kept_numbers, y[order]]))[:KEPT]
    evicted = np.setdiff1d(np.arange(old), chosen)
    added = np.sort(order[chosen[chosen >= old] - old])
    replacing, more = added[: len(evicted)], added[len(evicted) :]
    kept, numbers, kept_ids = (model.kept if old else x[:0]).copy(), model.kept_numbers.copy(), old_ids.copy()
    kept[evicted], numbers[evicted], kept_ids[evicted] = x[replacing], y[replacing], ids[replacing]
    return replace(
        model,
        kept=np.concatenate([kept, x[more]]),
        kept_numbers=np.concatenate([numbers, y[more]]),
        kept_ids=np.concatenate([kept_ids, ids[more]]),
    )


def _by_priority(numbers: Numbers) -> NDArray[np.intp]:
    """Return the order in which examples of classes ``numbers`` (n,) are stored.

    First ``LEAST_SHOTS`` of each class, class by class in an order that depends on their numbers alone, so that it does
    not matter which classes were taught together; then one more of each class at a time.
    """
    rank = ranks(numbers)
    further = np.maximum(rank - LEAST_SHOTS + 1, 0)
    place = numbers.astype(np.uint64) * np.uint64(GOLDEN)
    return np.lexsort((np.where(further, 0, place), further))


def drop_examples(model: Model, rest: NDArray[np.bool_]) -> Model:
    """Return the model with only the stored examples ``rest`` (n,), and none of the others in its calibration set."""
    model = replace(
        model, kept=model.kept[rest], kept_numbers=model.kept_numbers[rest], kept_ids=stored_ids(model)[rest]
    )
    if model.space is None:
        return model
    # fitted to fewer examples than it was, so it is fitted again soon
    seen = min(model.space.seen, len(model.kept))
    return replace(model, space=replace(model.space, seen=seen).with_calibration_set(model.kept))


def stored_ids(model: Model) -> Numbers:
    """Return the ids (n,) of the stored examples; ``UNKNOWN`` in a model of an earlier version."""
    return np.full(len(model.kept), UNKNOWN) if model.kept_ids is None else model.kept_ids
