"""The one loop: prepare once; per session learn, then predict at every age; yield a row.

Sessions are of one stream, in which what was learned before is kept, or they are sets of short tasks, each of which
starts from the prepared state and is asked after every step of adaptation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from insitu import metrics
from insitu.core import InsituError, generator
from insitu.experiments import Experiment
from insitu.learners import Learner
from insitu.learners._episodes import TaskLearner
from insitu.ledger import Ledger
from insitu.metrics import Row
from insitu.scenarios import Scenario


def rows(experiment: Experiment, seed: int) -> Iterator[Row]:
    """Yield the rows of one seed: one per learner, session and age; float results and device results alike.

    A row holds ``seed``, ``arm`` (``float`` for the baseline, ``device`` for the learner), ``session``, ``age_s``,
    ``classes`` and the accuracies of ``metrics.accuracies`` in percent; rows of the device carry what it has spent.
    What is asked draws from generators of its own, so that another age changes neither the memory nor other rows.
    All arms draw the same, so that a gap is that of the learners and not of the order of examples.

    Of short tasks there is one row per learner, step of adaptation (``session``) and age of the weights when the tasks
    come, over all tasks (``metrics.of_tasks``).

    Other arms follow under their own names, then the variants of a sweep, each an arm called by its label, asked at
    the first age only.
    """
    variants = list(experiment.variants())  # what is wrong with them is said now, not after the other arms
    scenario = experiment.scenario
    base = scenario.base(experiment.data)
    ages_s = experiment.ages_s
    yield from _arm(experiment, seed, scenario, base, "float", experiment.baseline, ages_s)
    yield from _arm(experiment, seed, scenario, base, "device", experiment.learner, ages_s)
    for arm in experiment.others:
        own = replace(scenario, **dict(arm.changes)) if arm.changes else scenario
        given = own.base(experiment.data) if arm.changes else base
        yield from _arm(experiment, seed, own, given, arm.name, arm.learner, ages_s)
    for label, learner in variants:
        yield from _arm(experiment, seed, scenario, base, label, learner, ages_s[:1])


def _arm(
    experiment: Experiment,
    seed: int,
    scenario: Scenario,
    base: Any,
    arm: str,
    learner: Learner,
    ages_s: tuple[float, ...],
) -> Iterator[Row]:
    """Yield the rows of one learner."""
    told = _stream if scenario.continues else _tasks
    about: Row = {"seed": seed, "arm": arm}
    for row in told(experiment.data, seed, scenario, base, learner, ages_s):
        yield about | row


def _stream(
    data: str, seed: int, scenario: Scenario, base: Any, learner: Learner, ages_s: tuple[float, ...]
) -> Iterator[Row]:
    rng = generator(seed, "device")
    state = None
    for session in scenario.sessions(data, seed):
        if state is None:
            state = learner.prepare(base, session.time_s, rng)
        if session.train is not None:
            state = learner.learn(state, session.train, session.time_s, rng)
        for age_s in ages_s:
            asked = generator(seed, "device", "predict", session.number, str(float(age_s)))
            guess = learner.predict(state, session.test.x, session.time_s + age_s, asked)
            row: Row = {"session": session.number, "age_s": age_s}
            groups = None if session.groups is None else session.groups.numpy()
            row |= metrics.accuracies(guess.numpy(), session.test.labels.numpy(), session.base_classes, groups)
            yield row | _counts("spent", learner.cost(state)) | _counts("query", learner.query_cost(state))


def _tasks(
    data: str, seed: int, scenario: Scenario, base: Any, learner: Learner, ages_s: tuple[float, ...]
) -> Iterator[Row]:
    if not isinstance(learner, TaskLearner):
        raise InsituError(f"{type(learner).__name__} learns one stream, not short tasks; take maml or task_memory")
    state = learner.prepare(base, 0.0, generator(seed, "device"))
    prepared, query = learner.cost(state), learner.query_cost(state)
    fixed = _counts("prepared", prepared) | _counts("query", query)
    for age_s in ages_s:
        right: dict[int, list[Any]] = {step: [] for step in learner.steps_asked}
        written = dict.fromkeys(right, 0)
        spent, ways = Ledger(), 0
        for session in scenario.sessions(data, seed):
            assert session.train is not None
            name = session.number, str(float(age_s))
            learned = learner.learn(state, session.train, age_s, generator(seed, "device", "learn", *name))
            spent += learner.cost(learned) - prepared
            ways = int(session.test.labels.max()) + 1
            asked = generator(seed, "device", "predict", *name)
            for step, guess in zip(right, learner.predict_each(learned, session.test.x, age_s, asked), strict=True):
                right[step].append((guess == session.test.labels).double().mean(1).numpy())
                written[step] += learner.rewritten(learned, step)
        for step, shares in right.items():
            row: Row = {"session": step, "age_s": age_s, "classes": ways}
            row |= metrics.of_tasks(np.concatenate(shares))
            tasks = int(row["tasks"])
            if written[step]:
                row["rewritten"] = written[step] / tasks
            yield row | _counts("spent", spent, tasks) | fixed


def _counts(prefix: str, ledger: Ledger, shared_by: int = 1) -> Row:
    counts = ledger.counts.items()
    return {f"{prefix}_{name}": count / shared_by if shared_by > 1 else count for name, count in counts}
