"""Accuracy on the classes of each experience of a class stream, and what is measured of it: forgetting and transfer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from insitu.metrics import Measure, Row

PREFIX = "experience_"  # of the keys of rows that hold the accuracy on the classes that came first in one experience


def accuracy_matrix(rows: list[Row], arm: str, age_s: float) -> NDArray[np.float64]:
    """Return the accuracies of one seed after each session on the classes of each experience, in percent.

    It is (sessions, experiences), NaN where an experience was not tested. Raises ``KeyError`` where nothing was
    measured at that age.
    """
    own = sorted(
        (row for row in rows if row["arm"] == arm and row["age_s"] == age_s), key=lambda row: float(row["session"])
    )
    names = {name for row in own for name in row if name.startswith(PREFIX)}
    if not names:
        raise KeyError(f"experiences of {arm} at {age_s} s")
    ordered = sorted(names, key=lambda name: int(name.removeprefix(PREFIX)))
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
