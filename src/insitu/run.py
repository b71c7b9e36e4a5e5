"""The one loop: prepare once; per session learn, then predict at every age; yield a row.

A protocol says whether sessions continue each other, so that a learner keeps what it has learned before, or hold short
tasks, each of which starts from the prepared state and is queried after every step of adaptation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from insitu.core import generator
from insitu.experiments import Experiment, Variant, draws
from insitu.experiments.fit import check
from insitu.learners import Learner
from insitu.ledger import Ledger
from insitu.metrics import REDRAWN, Row
from insitu.protocols import Protocol, Session
from insitu.protocols.tasks import task_learner
from insitu.protocols.trajectories import diagnostics
from insitu.scenarios import Scenario


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
    """Return the rows of one seed: those of the baseline, of the learner, of the variants, and of the sweep.

    A row holds ``seed``, ``arm`` (``baseline``, ``learner``, the name of a variant or the label of a point of the
    sweep), ``session``, ``age_s`` and the scenario's ``score``, with what the learner has spent and a query spends.
    Where sessions continue each other, there is one row per session and age. Of short tasks there is one row per step
    of adaptation (``session``) and age of the weights when the tasks come, over all tasks, with the learner's totals.
    Points of a sweep have rows at the first age only. Arms named in ``without`` are left out.

    All arms draw the same, so that a gap is that of the learners and not of the order of examples. Queries draw from
    generators of their own, so that another age, or an arm left out, changes no other row.

    Arms that are run once for all seeds (``draws.fixed``) draw what seed 0 draws, whatever the seed.

    Where support sets are those of a list, a baseline without devices is run again on redrawn ones, for its interval
    alone: the arm ``redrawn``, whose rows carry the number of the ``draw``.

    Raises ``InsituError`` before anything is computed where the parts of ``experiment`` do not go together.
    """
    check(experiment)
    return Rows(_marked(experiment, seed, without))


def _marked(experiment: Experiment, seed: int, without: Collection[str]) -> Iterator[tuple[Row, bool]]:
    for name, part in _arms(experiment, seed):
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


def _arms(experiment: Experiment, seed: int) -> Iterator[tuple[str, Iterator[Row]]]:
    """Yield every arm's name with its rows, which are computed as they are taken."""
    data, scenario, ages_s = experiment.data, experiment.scenario.of_seed(seed), experiment.ages_s
    base, fixed = scenario.base(data), draws.fixed(experiment)

    def arm(variant: Variant, ages_s: tuple[float, ...] = ages_s) -> tuple[str, Iterator[Row]]:
        own = variant.scenario(experiment.scenario).of_seed(seed)
        given = own.base(data) if variant.changes else base
        drawn = 0 if variant.name in fixed else seed
        return variant.name, (row | {"seed": seed} for row in _rows(data, drawn, own, given, variant, ages_s))

    yield arm(Variant("baseline", experiment.baseline))
    yield arm(Variant("learner", experiment.learner))
    if again := draws.redrawn(experiment):
        yield REDRAWN, _redrawn(experiment, seed, again, base)
    for variant in experiment.variants:
        yield arm(variant)
    for label, learner in experiment.sweep_points():
        yield arm(Variant(label, learner), ages_s[:1])


def _redrawn(experiment: Experiment, seed: int, again: Scenario, base: Any) -> Iterator[Row]:
    variant = Variant(REDRAWN, experiment.baseline)
    for draw in range(seed * draws.DRAWS, (seed + 1) * draws.DRAWS):
        for row in _rows(experiment.data, draw, again, base, variant, experiment.ages_s):
            yield row | {"seed": seed, "draw": draw}


def _rows(
    data: str, seed: int, scenario: Scenario, base: Any, variant: Variant, ages_s: tuple[float, ...]
) -> Iterator[Row]:
    rows_of = _sessions if scenario.protocol.continues else _tasks
    for row in rows_of(data, seed, scenario, base, variant, ages_s):
        yield {"seed": seed, "arm": variant.name, **row}


def _sessions(
    data: str, seed: int, scenario: Scenario, base: Any, variant: Variant, ages_s: tuple[float, ...]
) -> Iterator[Row]:
    """Yield a row per session that is tested and age of one stream, in which what was learned before is kept."""
    learner, rng, state = variant.learner, generator(seed, "device"), None
    for session in scenario.sessions(data, seed):
        if state is None:
            state = learner.prepare(base, session.time_s, rng)
        if session.train is not None:
            state = learner.learn(state, session.train, session.time_s, rng)
        for age_s in ages_s if len(session.test) else ():
            names = session.number, str(float(age_s))
            aged = learner.upkeep(state, session.time_s + age_s, generator(seed, "device", "upkeep", *names))
            query_rng = generator(seed, "device", "predict", *names)
            answers, more = _answers(learner, aged, session, age_s, query_rng, scenario.protocol)
            row: Row = {"session": session.number, "age_s": age_s, **scenario.score([session], [answers]), **more}
            row |= _counts("spent", learner.cost(aged)) | _counts("kept", learner.kept(aged))
            yield row | _counts("query", learner.query_cost(aged)) | _worn(learner, aged)


def _answers(
    learner: Learner, state: Any, session: Session, age_s: float, rng: np.random.Generator, protocol: Protocol
) -> tuple[Tensor, Row]:
    """Return the answers to the tests, and what the protocol makes of their similarities to classes, if known."""
    x, now_s = session.test.x, session.time_s + age_s
    similarities = getattr(learner, "similarities", None)
    if similarities is None or protocol.score_similarities is None:
        return learner.predict(state, x, now_s, rng), {}
    classes, scores = similarities(state, x, now_s, rng)
    return classes[scores.argmax(1)], protocol.score_similarities(session, classes, scores)


def _tasks(
    data: str, seed: int, scenario: Scenario, base: Any, variant: Variant, ages_s: tuple[float, ...]
) -> Iterator[Row]:
    """Yield a row per step and age, over the tasks of all sessions, each learned from the prepared state."""
    learner, steps_of = variant.learner, task_learner(variant.learner)
    state = learner.prepare(base, 0.0, generator(seed, "device"))
    first, query = state, Ledger()  # a query may be compared with what is learned
    for age_s in ages_s:
        state = learner.upkeep(first, age_s, generator(seed, "device", "upkeep", str(float(age_s))))
        prepared, learned = learner.cost(state), state
        answers: dict[int, list[Tensor]] = defaultdict(list)
        totals: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        spent, tested = Ledger(), list[Session]()
        for session in scenario.sessions(data, seed):
            if session.train is None:
                continue
            now_s, name = session.time_s + age_s, (session.number, str(float(age_s)))
            learned = learner.learn(state, session.train, now_s, generator(seed, "device", "learn", *name))
            spent += learner.cost(learned) - prepared
            query = learner.query_cost(learned)
            # only labels are scored: inputs of all sessions together can be gigabytes
            tested.append(replace(session, train=None, test=replace(session.test, x=session.test.x[:0])))
            rng = generator(seed, "device", "predict", *name)
            for step in steps_of.predict_each(learned, session.test.x, now_s + variant.query_delay_s, rng):
                answers[step.step].append(step.answers)
                for measure, total in step.totals.items():
                    totals[step.step][measure] += total
        for number, given in answers.items():
            row: Row = {"session": number, "age_s": age_s, **scenario.score(tested, given)}
            tasks = sum(map(len, given))
            row |= {measure: total / tasks for measure, total in totals[number].items()}
            row |= _counts("spent", spent, tasks) | _counts("prepared", prepared) | _counts("query", query)
            yield row | _worn(learner, learned)


def example(experiment: Experiment) -> dict[str, Any] | None:
    """Return one movement of the first session of seed 0 from within, for baseline and learner, at the first age.

    None where the protocol has none. The movement is the one whose error by the learner is the median of the session:
    ``target`` are its labels, ``baseline`` and ``learner`` what their ``traces`` show.
    """
    scenario, age_s = experiment.scenario, experiment.ages_s[0]
    if diagnostics not in scenario.protocol.verbs:
        return None
    session = next(each for each in scenario.sessions(experiment.data, 0) if each.train is not None)
    assert session.train is not None
    base, now_s, found = scenario.base(experiment.data), session.time_s + age_s, dict[str, Any]()
    for name, learner in (("learner", experiment.learner), ("baseline", experiment.baseline)):
        state = learner.prepare(base, 0.0, generator(0, "device"))
        names = session.number, str(float(age_s))
        state = learner.learn(state, session.train, now_s, generator(0, "device", "learn", *names))
        if not found:
            answer = learner.predict(state, session.test.x, now_s, generator(0, "device", "predict", *names))
            errors = (answer - session.test.labels).square().flatten(1).mean(1)
            task = int(errors.argsort()[(len(errors) - 1) // 2])
            found = {"target": session.test.labels[task].numpy()}
        found[name] = diagnostics(learner).traces(state, task, now_s, generator(0, "device", "traces"))
    return found


def _worn(learner: Learner, state: Any) -> Row:
    return {f"worn_{name}": count for name, count in learner.wear(state).items()}


def _counts(prefix: str, ledger: Ledger, shared_by: int = 1) -> Row:
    counts = ledger.counts.items()
    return {f"{prefix}_{name}": count / shared_by if shared_by > 1 else count for name, count in counts}
