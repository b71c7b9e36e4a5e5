"""What is measured, defined in one place: accuracies in percent, gaps in points, over the rows of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError

Row = dict[str, float | int | str]  # one line of a run: names to numbers or words


EXPERIENCE = "experience_"  # begins the names of accuracies on the classes that came in one experience
REDRAWN = "redrawn"  # arm of the baseline run again on redrawn support sets; its rows carry the number of the ``draw``


@dataclass(frozen=True)
class Measure:
    """A figure of the rows of one seed, and the arms that it reads; called with all rows, it returns one per seed."""

    of_seed: Callable[[list[Row]], float]
    arms: tuple[str, ...]

    def __call__(self, rows: list[Row]) -> list[float]:
        """Return the figure of each seed, in the order of seeds."""
        return per_seed(rows, self.of_seed)


def accuracies(
    guess: NDArray[np.int64],
    labels: NDArray[np.int64],
    base_classes: int,
    groups: NDArray[np.int64] | None = None,
) -> dict[str, float | int]:
    """Return ``classes`` seen and the top-1 accuracies in percent over all tests, old classes and new classes.

    ``overall`` counts every test image once; ``base`` and ``novel`` are those of classes below and from
    ``base_classes``; ``harmonic`` is the harmonic mean of base and novel. What has no tests is absent. In a stream of
    experiences, ``groups`` (n,) holds of each test the experience in which its class came first: there are
    ``overall`` and ``experience_0``, ``experience_1`` and so on, and nothing is old.
    """
    if guess.shape != labels.shape or not labels.size:
        raise InsituError(f"accuracies take one guess per label, at least one; got {guess.shape} and {labels.shape}")
    right = guess == labels
    old = labels < base_classes
    out: dict[str, float | int] = {
        "classes": int(len(np.unique(labels))),
        "overall": 100 * float(right.mean()),
    }
    if groups is not None:
        if groups.shape != labels.shape:
            raise InsituError(f"accuracies take one group per label; got {groups.shape} and {labels.shape}")
        return out | {f"{EXPERIENCE}{k}": 100 * float(right[groups == k].mean()) for k in np.unique(groups)}
    if old.any():
        out["base"] = 100 * float(right[old].mean())
    if not old.all():
        out["novel"] = 100 * float(right[~old].mean())
    if "base" in out and "novel" in out:
        base, novel = out["base"], out["novel"]
        out["harmonic"] = 2 * base * novel / (base + novel) if base + novel else 0.0
    return out


def of_tasks(shares: NDArray[np.float64]) -> dict[str, float | int]:
    """Return ``overall``, the mean over tasks in percent, ``interval``, half of its 95 % interval, and ``tasks``.

    ``shares`` (tasks,) are the shares of right answers of each task, at least one task; of one task alone there is no
    interval.
    """
    if shares.ndim != 1 or not shares.size:
        raise InsituError(f"accuracy over tasks takes one share per task, at least one; got {shares.shape}")
    out: dict[str, float | int] = {"overall": 100 * float(shares.mean()), "tasks": len(shares)}
    if len(shares) > 1:
        out["interval"] = 100 * 1.96 * float(shares.std(ddof=1)) / len(shares) ** 0.5
    return out


def per_seed(rows: list[Row], value: Callable[[list[Row]], float]) -> list[float]:
    """Return ``value`` of the rows of each seed, in the order of seeds."""
    return [value([row for row in rows if row["seed"] == seed]) for seed in sorted({int(row["seed"]) for row in rows})]


def redrawn(rows: list[Row]) -> list[Row]:
    """Return the baseline's rows on redrawn support sets, each draw as a seed of its own; none where there are none."""
    return [row | {"arm": "baseline", "seed": row["draw"]} for row in rows if row["arm"] == REDRAWN]


def _series(rows: list[Row], arm: str, name: str, age_s: float) -> dict[int, float]:
    """Return ``name`` of ``arm`` by session; raise ``KeyError`` where it was not measured at that age."""
    found = {
        int(row["session"]): float(row[name])
        for row in rows
        if row["arm"] == arm and name in row and row["age_s"] == age_s
    }
    if not found:
        raise KeyError(f"{name} of {arm} at {age_s} s")
    return found


def _last(rows: list[Row]) -> int:
    return max(int(row["session"]) for row in rows)


def at_session(arm: str, name: str, session: int, age_s: float) -> Measure:
    """Measure: ``name`` of ``arm`` at one session (-1: the last)."""
    return Measure(lambda part: _series(part, arm, name, age_s)[session if session >= 0 else _last(part)], (arm,))


def mean_of_sessions(arm: str, name: str, age_s: float) -> Measure:
    """Measure: ``name`` of ``arm`` averaged over all sessions."""
    return Measure(lambda part: float(np.mean(list(_series(part, arm, name, age_s).values()))), (arm,))


def drop(arm: str, age_s: float) -> Measure:
    """Measure: overall accuracy of the first session minus that of the last."""

    def value(part: list[Row]) -> float:
        series = _series(part, arm, "overall", age_s)
        return series[min(series, default=0)] - series[max(series)]

    return Measure(value, (arm,))


def mean_gap(name: str, age_s: float, fresh_s: float) -> Measure:
    """Measure: float minus device, mean of sessions; the device is read at ``age_s``, float at ``fresh_s``."""

    def value(part: list[Row]) -> float:
        exact, device = _series(part, "baseline", name, fresh_s), _series(part, "learner", name, age_s)
        return float(np.mean([exact[session] - device[session] for session in exact]))

    return Measure(value, ("baseline", "learner"))


def last_gap(name: str, age_s: float) -> Measure:
    """Measure: float minus device at the last session."""

    def value(part: list[Row]) -> float:
        last = _last(part)
        return _series(part, "baseline", name, age_s)[last] - _series(part, "learner", name, age_s)[last]

    return Measure(value, ("baseline", "learner"))


def gap_between(first: str, second: str, session: int, age_s: float, fresh_s: float) -> Measure:
    """Measure: overall accuracy of arm ``first`` at ``fresh_s`` minus that of ``second`` at ``age_s``, one session."""

    def value(part: list[Row]) -> float:
        return _series(part, first, "overall", fresh_s)[session] - _series(part, second, "overall", age_s)[session]

    return Measure(value, (first, second))


def last_gain(name: str, age_s: float) -> Measure:
    """Measure: device minus float at the last session, for learners that are to be better than the baseline."""

    def value(part: list[Row]) -> float:
        last = _last(part)
        return _series(part, "learner", name, age_s)[last] - _series(part, "baseline", name, age_s)[last]

    return Measure(value, ("baseline", "learner"))


def last_count(name: str, per: float = 1.0) -> Measure:
    """Measure: a count of the device at the last session, in units of ``per``."""

    def value(part: list[Row]) -> float:
        last = _last(part)
        own = [row for row in part if row["arm"] == "learner" and row["session"] == last and name in row]
        if not own:
            raise KeyError(f"{name} of the device at the last session")
        return float(own[0][name]) / per

    return Measure(value, ("learner",))


def accuracy_matrix(rows: list[Row], arm: str, age_s: float) -> NDArray[np.float64]:
    """Return the accuracies of one seed after each session on the classes of each experience, in percent.

    It is (sessions, experiences), NaN where an experience was not tested. Raises ``KeyError`` where nothing was
    measured at that age.
    """
    own = sorted(
        (row for row in rows if row["arm"] == arm and row["age_s"] == age_s), key=lambda row: float(row["session"])
    )
    names = {name for row in own for name in row if name.startswith(EXPERIENCE)}
    if not names:
        raise KeyError(f"experiences of {arm} at {age_s} s")
    ordered = sorted(names, key=lambda name: int(name.removeprefix(EXPERIENCE)))
    return np.array([[float(row.get(name, np.nan)) for name in ordered] for row in own])


def average_accuracy(arm: str, age_s: float) -> Measure:
    """Measure: accuracy after the last session, averaged over experiences, so that each counts alike."""
    return Measure(lambda part: float(accuracy_matrix(part, arm, age_s)[-1].mean()), (arm,))


def forgetting(arm: str, age_s: float) -> Measure:
    """Measure: the best accuracy an experience had before the last session minus the one after it.

    The mean over all experiences but those that came last (Chaudhry et al., ECCV 2018). Below 0 where later sessions
    have helped.
    """

    def value(part: list[Row]) -> float:
        before, last = _before_last(accuracy_matrix(part, arm, age_s))
        return float(np.mean(np.nanmax(before, 0) - last))

    return Measure(value, (arm,))


def backward_transfer(arm: str, age_s: float) -> Measure:
    """Measure: accuracy on an experience after the last session minus the one right after the experience.

    The mean over all experiences but those that came last (Lopez-Paz and Ranzato, NIPS 2017).
    """

    def value(part: list[Row]) -> float:
        before, last = _before_last(accuracy_matrix(part, arm, age_s))
        came = (~np.isnan(before)).argmax(0)
        return float(np.mean(last - before[came, np.arange(before.shape[1])]))

    return Measure(value, (arm,))


def _before_last(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the rows before the last and the last one, of the experiences that were tested before."""
    known = ~np.isnan(matrix[:-1]).all(0)
    if not known.any():
        raise KeyError("no experience was tested before the last session")
    return matrix[:-1, known], matrix[-1, known]
