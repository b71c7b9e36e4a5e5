"""Measures over the rows of a run: accuracies in percent, gaps in points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError

Row = dict[str, float | int | str]  # one line of a run: names to numbers or words

REDRAWN = "redrawn"  # arm of the baseline run again on redrawn support sets; its rows carry the number of the ``draw``


@dataclass(frozen=True)
class Measure:
    """A figure over the rows of one seed, and the arms that it reads; called with all rows, it returns one per seed."""

    of_seed: Callable[[list[Row]], float]
    arms: tuple[str, ...]

    def __call__(self, rows: list[Row]) -> list[float]:
        """Return the figure of each seed, in the order of seeds."""
        return per_seed(rows, self.of_seed)


def correct(guess: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which guesses are right; raise ``InsituError`` unless there is one per label, at least one."""
    if guess.shape != labels.shape or not labels.size:
        raise InsituError(f"accuracy takes one guess per label, at least one; got {guess.shape} and {labels.shape}")
    return np.asarray(guess == labels)


def percent(right: NDArray[np.bool_]) -> float:
    """Return the accuracy in percent of answers that are right or not."""
    return 100 * float(right.mean())


def balanced(right: NDArray[np.bool_], labels: NDArray[np.int64]) -> float:
    """Return the mean over classes of their accuracies in percent, however many tests each has."""
    _, own, tests = np.unique(labels, return_inverse=True, return_counts=True)
    return 100 * float((np.bincount(own, right) / tests).mean())


def auroc(higher: NDArray[np.float64], lower: NDArray[np.float64]) -> float:
    """Return the area under the ROC curve: the share of pairs in which the first is higher, ties counting half."""
    order = np.sort(lower)
    below = np.searchsorted(order, higher, "left") + np.searchsorted(order, higher, "right")
    return float(below.mean()) / (2 * len(lower))


def per_seed(rows: list[Row], value: Callable[[list[Row]], float]) -> list[float]:
    """Return ``value`` of the rows of each seed, in the order of seeds."""
    return [value([row for row in rows if row["seed"] == seed]) for seed in sorted({int(row["seed"]) for row in rows})]


def redrawn(rows: list[Row]) -> list[Row]:
    """Return the baseline's rows on redrawn support sets, if any, with the number of the draw as seed."""
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


def drop(arm: str, age_s: float, name: str = "overall") -> Measure:
    """Measure: ``name`` of ``arm`` at the first session minus that at the last."""

    def value(part: list[Row]) -> float:
        series = _series(part, arm, name, age_s)
        return series[min(series, default=0)] - series[max(series)]

    return Measure(value, (arm,))


def gain_of_second_half(arm: str, name: str, age_s: float) -> Measure:
    """Measure: ``name`` of ``arm`` at the last session minus that at the one halfway there."""

    def value(part: list[Row]) -> float:
        series = _series(part, arm, name, age_s)
        return series[max(series)] - series[max(max(series) // 2, min(series))]

    return Measure(value, (arm,))


def mean_gap(name: str, age_s: float, fresh_s: float, arms: tuple[str, str] = ("baseline", "learner")) -> Measure:
    """Measure: the first of ``arms`` at ``fresh_s`` minus the second at ``age_s``, mean over sessions."""

    def value(part: list[Row]) -> float:
        first, second = _series(part, arms[0], name, fresh_s), _series(part, arms[1], name, age_s)
        return float(np.mean([first[session] - second[session] for session in first]))

    return Measure(value, arms)


def last_gap(name: str, age_s: float) -> Measure:
    """Measure: baseline minus learner at the last session."""

    def value(part: list[Row]) -> float:
        last = _last(part)
        return _series(part, "baseline", name, age_s)[last] - _series(part, "learner", name, age_s)[last]

    return Measure(value, ("baseline", "learner"))


def gap_between(first: str, second: str, session: int, age_s: float, fresh_s: float) -> Measure:
    """Measure: overall accuracy of arm ``first`` at ``fresh_s`` minus that of ``second`` at ``age_s``, one session.

    Session -1 is the last.
    """

    def value(part: list[Row]) -> float:
        at = session if session >= 0 else _last(part)
        return _series(part, first, "overall", fresh_s)[at] - _series(part, second, "overall", age_s)[at]

    return Measure(value, (first, second))


def share(arm: str, session: int, whole: str, whole_session: int, age_s: float) -> Measure:
    """Measure: overall accuracy of ``arm`` at one session in percent of that of the arm ``whole`` at another."""

    def value(part: list[Row]) -> float:
        reference = _series(part, whole, "overall", age_s)[whole_session]
        return 100 * _series(part, arm, "overall", age_s)[session] / reference if reference else float("nan")

    return Measure(value, (arm, whole))


def last_gain(name: str, age_s: float) -> Measure:
    """Measure: learner minus baseline at the last session, for learners that should exceed the baseline."""

    def value(part: list[Row]) -> float:
        last = _last(part)
        return _series(part, "learner", name, age_s)[last] - _series(part, "baseline", name, age_s)[last]

    return Measure(value, ("baseline", "learner"))


def last_count(name: str, per: float = 1.0) -> Measure:
    """Measure: a count of the learner at the last session, in units of ``per``."""

    def value(part: list[Row]) -> float:
        last = _last(part)
        own = [row for row in part if row["arm"] == "learner" and row["session"] == last and name in row]
        if not own:
            raise KeyError(f"{name} of the learner at the last session")
        return float(own[0][name]) / per

    return Measure(value, ("learner",))
