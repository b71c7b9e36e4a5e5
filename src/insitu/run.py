"""The one loop: prepare once; per session learn, then predict at every age; yield a row.

Sessions are of one stream, in which what was learned before is kept, or they are sets of short tasks, each of which
starts from the prepared state and is asked after every step of adaptation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from insitu.core import InsituError, generator
from insitu.experiments import Experiment, Variant, draws
from insitu.experiments.fit import check
from insitu.learners import Learner
from insitu.learners.diagnostics import Watched
from insitu.learners.task_batches import TaskLearner
from insitu.ledger import Ledger
from insitu.metrics import REDRAWN, Row
from insitu.scenarios import Scenario, Session


class Rows(Iterator[Row]):
    """The rows of one seed, computed as they are taken; ``finished`` are the arms whose last row has been taken."""

    def __init__(self, marked: Iterator[tuple[Row, bool]]) -> None:
        """Take rows, each with whether it is the last of its arm."""
        self.finished: list[str] = []
        self._marked = marked

    def __next__(self) -> Row:
        """Return the next row."""
        row, last = next(self._marked)
        if last:
            self.finished.append(str(row["arm"]))
        return row


def rows(experiment: Experiment, seed: int, without: Collection[str] = ()) -> Rows:
    """Return the rows of one seed: one per learner, session and age; float results and device results alike.

    A row holds ``seed``, ``arm`` (``float`` for the baseline, ``device`` for the learner), ``session``, ``age_s``,
    and the scenario's ``score``; rows of the device carry what it has spent.
    What is asked draws from generators of its own, so that another age changes neither the memory nor other rows.
    All arms draw the same, so that a gap is that of the learners and not of the order of examples.

    Of short tasks there is one row per learner, step of adaptation (``session``) and age of the weights when the tasks
    come, over all tasks (the scenario's ``score``); learners that can be watched add measures of what went on.

    Where support sets are those of a list, a baseline without devices is run again on redrawn ones, which only its
    interval is made of: the arm ``redrawn``, whose rows carry the number of the ``draw``. All else stays on the list.

    Other arms follow under their own names, then the variants of a sweep, each an arm called by its label, asked at
    the first age only. Arms named in ``without`` are left out, which changes no row of the others.

    Raises ``InsituError`` before anything is computed where the parts of ``experiment`` do not go together.
    """
    check(experiment)
    return Rows(_marked(experiment, seed, without))


def _marked(experiment: Experiment, seed: int, without: Collection[str]) -> Iterator[tuple[Row, bool]]:
    for name, part in _parts(experiment, seed):
        if name in without:
            continue
        # a row is held back until the next is there, so that the last one is known as such when it is given
        before = None
        for row in part:
            if before is not None:
                yield before, False
            before = row
        if before is not None:
            yield before, True


def _parts(experiment: Experiment, seed: int) -> Iterator[tuple[str, Iterator[Row]]]:
    """Yield every arm's name with its rows, which are computed as they are taken."""
    scenario, ages_s = experiment.scenario, experiment.ages_s
    base = scenario.base(experiment.data)

    def of(arm: Variant, ages_s: tuple[float, ...] = ages_s) -> tuple[str, Iterator[Row]]:
        own = arm.scenario(scenario)
        given = own.base(experiment.data) if arm.changes else base
        return arm.name, _arm(experiment.data, seed, own, given, arm, ages_s)

    yield of(Variant("baseline", experiment.baseline))
    yield of(Variant("learner", experiment.learner))
    if again := draws.redrawn(experiment):
        yield REDRAWN, _redrawn(experiment, seed, again, base)
    for arm in experiment.variants:
        yield of(arm)
    for label, learner in experiment.sweep_points():
        yield of(Variant(label, learner), ages_s[:1])


def _redrawn(experiment: Experiment, seed: int, again: Scenario, base: Any) -> Iterator[Row]:
    arm = Variant(REDRAWN, experiment.baseline)
    for draw in range(seed * draws.DRAWS, (seed + 1) * draws.DRAWS):
        for row in _arm(experiment.data, draw, again, base, arm, experiment.ages_s):
            yield row | {"seed": seed, "draw": draw}


def _arm(data: str, seed: int, scenario: Scenario, base: Any, arm: Variant, ages_s: tuple[float, ...]) -> Iterator[Row]:
    """Yield the rows of one learner."""
    about: Row = {"seed": seed, "arm": arm.name}
    given = data, seed, scenario, base, arm.learner, ages_s
    for row in _stream(*given) if scenario.protocol.continues else _tasks(*given, arm.later_s):
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
            row |= scenario.score([session], [guess])
            yield row | _counts("spent", learner.cost(state)) | _counts("query", learner.query_cost(state))


def _tasks(
    data: str, seed: int, scenario: Scenario, base: Any, learner: Learner, ages_s: tuple[float, ...], later_s: float
) -> Iterator[Row]:
    if not isinstance(learner, TaskLearner):
        raise InsituError(f"{type(learner).__name__} learns one stream, not short tasks; take maml or task_memory")
    state = learner.prepare(base, 0.0, generator(seed, "device"))
    prepared, query = learner.cost(state), learner.query_cost(state)
    fixed = _counts("prepared", prepared) | _counts("query", query)
    for age_s in ages_s:
        answers: dict[int, list[Tensor]] = {step: [] for step in learner.steps_asked}
        seen: dict[int, dict[str, float]] = {step: defaultdict(float) for step in answers}  # sums over the tasks
        spent, kept = Ledger(), list[Session]()
        for session in scenario.sessions(data, seed):
            if session.train is None:
                continue
            now_s, name = session.time_s + age_s, (session.number, str(float(age_s)))
            learned = learner.learn(state, session.train, now_s, generator(seed, "device", "learn", *name))
            spent += learner.cost(learned) - prepared
            kept.append(replace(session, train=None, test=replace(session.test, x=session.test.x[:0])))
            rng = generator(seed, "device", "predict", *name)
            guesses, about = _answers(learner, learned, session.test.x, now_s + later_s, rng)
            for step, guess, measures in zip(answers, guesses, about, strict=True):
                answers[step].append(guess)
                for measure, value in measures.items():
                    seen[step][measure] += value * len(guess)
                if written := learner.rewritten(learned, step):
                    seen[step]["rewritten"] += written
        for step, given in answers.items():
            row: Row = {"session": step, "age_s": age_s, **scenario.score(kept, given)}
            tasks = sum(map(len, given))
            row.update({measure: value / tasks for measure, value in seen[step].items()})
            yield row | _counts("spent", spent, tasks) | fixed


def example(experiment: Experiment) -> dict[str, Any] | None:
    """Return one task of the first session of seed 0 from within, as baseline and learner deal with it.

    It is asked at the first age; None where learners cannot be watched. The task is the one whose error by the learner
    is the median of the session: ``target`` are its labels, ``float`` and ``device`` what ``traces`` tells.
    """
    pair = (("baseline", experiment.baseline), ("learner", experiment.learner))
    if not all(isinstance(learner, Watched) for _, learner in pair):
        return None
    scenario, age_s = experiment.scenario, experiment.ages_s[0]
    session = next(each for each in scenario.sessions(experiment.data, 0) if each.train is not None)
    base, now_s, found = scenario.base(experiment.data), session.time_s + age_s, dict[str, Any]()
    for name, learner in reversed(pair):
        assert isinstance(learner, Watched)
        assert session.train is not None
        state = learner.prepare(base, 0.0, generator(0, "device"))
        names = session.number, str(float(age_s))
        state = learner.learn(state, session.train, now_s, generator(0, "device", "learn", *names))
        if not found:
            answer = learner.predict(state, session.test.x, now_s, generator(0, "device", "predict", *names))
            errors = (answer - session.test.labels).square().flatten(1).mean(1)
            task = int(errors.argsort()[(len(errors) - 1) // 2])
            found = {"target": session.test.labels[task].numpy()}
        found[name] = learner.traces(state, task, now_s, generator(0, "device", "traces"))
    return found


def _answers(
    learner: TaskLearner, state: Any, x: Tensor, now_s: float, rng: np.random.Generator
) -> tuple[list[Tensor], list[dict[str, float]]]:
    """Return the answers after each step, and measures of what went on where the learner can be watched."""
    if isinstance(learner, Watched):
        return learner.watched(state, x, now_s, rng)
    guesses = learner.predict_each(state, x, now_s, rng)
    return guesses, [{} for _ in guesses]


def _counts(prefix: str, ledger: Ledger, shared_by: int = 1) -> Row:
    counts = ledger.counts.items()
    return {f"{prefix}_{name}": count / shared_by if shared_by > 1 else count for name, count in counts}
