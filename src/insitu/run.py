"""The one loop: prepare once; per session learn, then predict at every age; yield a row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from insitu import metrics
from insitu.core import generator
from insitu.experiments import Experiment
from insitu.learners import Learner
from insitu.metrics import Row


def rows(experiment: Experiment, seed: int) -> Iterator[Row]:
    """Yield the rows of one seed: one per learner, session and age; float results and device results alike.

    A row holds ``seed``, ``arm`` (``float`` for the baseline, ``device`` for the learner), ``session``, ``age_s``,
    ``classes`` and the accuracies of ``metrics.accuracies`` in percent; rows of the device carry what it has spent.
    What is asked draws from generators of its own, so that another age changes neither the memory nor other rows.
    All arms draw the same, so that a gap is that of the learners and not of the order of examples.

    The variants of a sweep follow, each an arm called by its label, asked at the first age only.
    """
    variants = list(experiment.variants())  # what is wrong with them is said now, not after the other arms
    base = experiment.scenario.base(experiment.data)
    yield from _arm(experiment, seed, base, "float", experiment.baseline, experiment.ages_s)
    yield from _arm(experiment, seed, base, "device", experiment.learner, experiment.ages_s)
    for label, learner in variants:
        yield from _arm(experiment, seed, base, label, learner, experiment.ages_s[:1])


def _arm(
    experiment: Experiment, seed: int, base: Any, arm: str, learner: Learner, ages_s: tuple[float, ...]
) -> Iterator[Row]:
    """Yield the rows of one learner."""
    rng = generator(seed, "device")
    state = None
    for session in experiment.scenario.sessions(experiment.data, seed):
        if state is None:
            state = learner.prepare(base, session.time_s, rng)
        if session.train is not None:
            state = learner.learn(state, session.train, session.time_s, rng)
        for age_s in ages_s:
            asked = generator(seed, "device", "predict", session.number, str(float(age_s)))
            guess = learner.predict(state, session.test.x, session.time_s + age_s, asked)
            row: Row = {"seed": seed, "arm": arm, "session": session.number, "age_s": age_s}
            groups = None if session.groups is None else session.groups.numpy()
            row |= metrics.accuracies(guess.numpy(), session.test.labels.numpy(), session.base_classes, groups)
            row |= {f"spent_{name}": count for name, count in learner.cost(state).counts.items()}
            row |= {f"query_{name}": count for name, count in learner.query_cost(state).counts.items()}
            yield row
