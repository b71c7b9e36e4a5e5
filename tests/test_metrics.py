"""Accuracies and gaps against cases worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from insitu import metrics
from insitu.core import InsituError
from insitu.metrics import Row

LABELS = np.array([0, 0, 1, 1, 2, 2, 3, 3])  # classes 0 and 1 are old
GUESS = np.array([0, 0, 1, 2, 2, 0, 0, 0])  # 2 + 1 of 4 old ones right, 1 + 0 of 4 new ones


def test_accuracies_by_hand() -> None:
    assert metrics.accuracies(GUESS, LABELS, 2) == {
        "classes": 4,
        "overall": 50.0,
        "base": 75.0,
        "novel": 25.0,
        "harmonic": pytest.approx(2 * 75 * 25 / 100),
    }


def test_the_overall_accuracy_counts_images_not_classes() -> None:
    found = metrics.accuracies(np.array([0, 0, 0, 5]), np.array([0, 0, 0, 1]), 1)
    assert (found["overall"], found["base"], found["novel"], found["harmonic"]) == (75.0, 100.0, 0.0, 0.0)


def test_what_has_no_tests_is_absent() -> None:
    assert set(metrics.accuracies(GUESS, LABELS, 4)) == {"classes", "overall", "base"}
    assert set(metrics.accuracies(GUESS, LABELS, 0)) == {"classes", "overall", "novel"}


def test_nothing_right_is_zero_and_no_warning() -> None:
    found = metrics.accuracies(LABELS + 10, LABELS, 2)
    assert [found[name] for name in ("overall", "base", "novel", "harmonic")] == [0.0] * 4


@given(arrays.arrays(np.int64, 30, elements=st.integers(0, 5)), arrays.arrays(np.int64, 30, elements=st.integers(0, 5)))
def test_overall_lies_between_base_and_novel(guess: np.ndarray, labels: np.ndarray) -> None:
    found = metrics.accuracies(guess, labels, 3)
    parts = [float(found[name]) for name in ("base", "novel") if name in found]
    assert min(parts) - 1e-9 <= found["overall"] <= max(parts) + 1e-9
    if "harmonic" in found:
        assert min(parts) - 1e-9 <= found["harmonic"] <= np.mean(parts) + 1e-9


@pytest.mark.parametrize("guess", [GUESS[:3], GUESS[:, None], np.zeros(0, int)])
def test_guesses_and_labels_go_together(guess: np.ndarray) -> None:
    labels = LABELS if len(guess) else guess
    with pytest.raises(InsituError, match="one guess per label, at least one"):
        metrics.accuracies(guess, labels, 2)


def row(seed: int, arm: str, session: int, age_s: float, **values: Any) -> Row:
    return {"seed": seed, "arm": arm, "session": session, "age_s": age_s, **values}


def table(seed: int, shift: float) -> list[Row]:
    """Float falls 80, 70, 60; the device is 1, 2, 3 below, and a day later 10 below; novel from session 1 on."""
    rows = []
    for session in range(3):
        overall = 80.0 - 10 * session + shift
        novel = {"novel": 30.0 + shift} if session else {}
        less = {name: value - 4 - session for name, value in novel.items()}
        rows += [
            row(seed, "float", session, 60.0, overall=overall, **novel),
            row(seed, "float", session, 86400.0, overall=1.0, **novel),
            row(seed, "device", session, 60.0, overall=overall - 1 - session, **less),
            row(seed, "device", session, 86400.0, overall=overall - 10, **less),
        ]
    return rows


ROWS = table(7, 0.0) + table(2, 5.0)  # values come in the order of seeds: 2, then 7


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        (metrics.at_session("float", "overall", 0, 60.0), [85.0, 80.0]),
        (metrics.at_session("device", "overall", 1, 60.0), [73.0, 68.0]),
        (metrics.at_session("device", "overall", -1, 86400.0), [55.0, 50.0]),
        (metrics.at_session("float", "novel", -1, 60.0), [35.0, 30.0]),
        (metrics.mean_of_sessions("float", "overall", 60.0), [75.0, 70.0]),
        (metrics.mean_of_sessions("device", "overall", 60.0), [73.0, 68.0]),
        (metrics.mean_of_sessions("device", "novel", 60.0), [35 - 5.5, 30 - 5.5]),  # over the sessions that have any
        (metrics.drop("float", 60.0), [20.0, 20.0]),
        (metrics.drop("device", 60.0), [22.0, 22.0]),
        (metrics.mean_gap("overall", 60.0, 60.0), [2.0, 2.0]),
        (metrics.mean_gap("overall", 86400.0, 60.0), [10.0, 10.0]),  # float is read fresh, not a day later
        (metrics.mean_gap("novel", 60.0, 60.0), [5.5, 5.5]),
        (metrics.last_gap("overall", 60.0), [3.0, 3.0]),
        (metrics.last_gap("novel", 60.0), [6.0, 6.0]),
    ],
)
def test_measures_by_hand(measure: Any, expected: list[float]) -> None:
    assert measure(ROWS) == pytest.approx(expected)
    assert measure(ROWS[::-1]) == pytest.approx(expected)  # the order of rows is no matter


def test_the_drop_is_from_the_first_session_whatever_its_number() -> None:
    later = [row(0, "float", session, 60.0, overall=90.0 - session) for session in (3, 4, 6)]
    assert metrics.drop("float", 60.0)(later) == [3.0]


@pytest.mark.parametrize(
    "measure",
    [
        metrics.at_session("float", "overall", 5, 60.0),
        metrics.at_session("float", "overall", 0, 61.0),
        metrics.mean_gap("overall", 61.0, 60.0),
        metrics.last_gap("overall", 61.0),
        metrics.drop("float", 61.0),
    ],
)
def test_what_was_not_measured_is_a_key_error(measure: Any) -> None:
    # which the report turns into 'not measured'
    with pytest.raises(KeyError):
        measure(ROWS)


@pytest.mark.parametrize(
    "measure",
    [
        metrics.mean_gap("overall", 60.0, 60.0),
        metrics.last_gap("overall", 60.0),
        metrics.drop("device", 60.0),
        metrics.mean_of_sessions("float", "overall", 60.0),
    ],
)
def test_an_age_that_was_not_run_is_no_number(measure: Callable[[list[Row]], list[float]]) -> None:
    rows: list[Row] = [
        {"seed": 0, "arm": arm, "session": 0, "age_s": 1.0, "overall": 50.0} for arm in ("float", "device")
    ]
    with pytest.raises(KeyError, match="60"):
        measure(rows)
