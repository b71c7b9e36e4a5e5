"""Accuracies and gaps against cases worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from insitu import metrics
from insitu.metrics import Row


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
            row(seed, "baseline", session, 60.0, overall=overall, **novel),
            row(seed, "baseline", session, 86400.0, overall=1.0, **novel),
            row(seed, "learner", session, 60.0, overall=overall - 1 - session, **less),
            row(seed, "learner", session, 86400.0, overall=overall - 10, **less),
        ]
    return rows


ROWS = table(7, 0.0) + table(2, 5.0)  # values come in the order of seeds: 2, then 7


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        (metrics.at_session("baseline", "overall", 0, 60.0), [85.0, 80.0]),
        (metrics.at_session("learner", "overall", 1, 60.0), [73.0, 68.0]),
        (metrics.at_session("learner", "overall", -1, 86400.0), [55.0, 50.0]),
        (metrics.at_session("baseline", "novel", -1, 60.0), [35.0, 30.0]),
        (metrics.mean_of_sessions("baseline", "overall", 60.0), [75.0, 70.0]),
        (metrics.mean_of_sessions("learner", "overall", 60.0), [73.0, 68.0]),
        (metrics.mean_of_sessions("learner", "novel", 60.0), [35 - 5.5, 30 - 5.5]),  # over the sessions that have any
        (metrics.drop("baseline", 60.0), [20.0, 20.0]),
        (metrics.drop("learner", 60.0), [22.0, 22.0]),
        (metrics.mean_gap("overall", 60.0, 60.0), [2.0, 2.0]),
        (metrics.mean_gap("overall", 86400.0, 60.0), [10.0, 10.0]),  # float is read fresh, not a day later
        (metrics.mean_gap("novel", 60.0, 60.0), [5.5, 5.5]),
        (metrics.last_gap("overall", 60.0), [3.0, 3.0]),
        (metrics.share("learner", 1, "baseline", 0, 60.0), [100 * 73 / 85, 100 * 68 / 80]),
        (metrics.last_gap("novel", 60.0), [6.0, 6.0]),
        (metrics.last_gain("overall", 60.0), [-3.0, -3.0]),
        (metrics.last_gain("overall", 86400.0), [54.0, 49.0]),
    ],
)
def test_measures_by_hand(measure: Any, expected: list[float]) -> None:
    assert measure(ROWS) == pytest.approx(expected)
    assert measure(ROWS[::-1]) == pytest.approx(expected)  # the order of rows is no matter


def test_the_drop_is_from_the_first_session_whatever_its_number() -> None:
    later = [row(0, "baseline", session, 60.0, overall=90.0 - session) for session in (3, 4, 6)]
    assert metrics.drop("baseline", 60.0)(later) == [3.0]


def test_a_count_is_the_device_s_at_the_last_session() -> None:
    def held(seed: int, arm: str, session: int, bits: int) -> Row:
        return {"seed": seed, "arm": arm, "session": session, "age_s": 60.0, "spent_bits": bits}

    rows = [held(seed, "learner", session, 100 * session + seed) for seed in (1, 0) for session in (0, 1, 2)]
    rows += [held(seed, "baseline", 2, 9) for seed in (0, 1)]
    assert metrics.last_count("spent_bits", per=2.0)(rows) == [100, 100.5]


@pytest.mark.parametrize(
    "measure",
    [
        metrics.at_session("baseline", "overall", 5, 60.0),
        metrics.at_session("baseline", "overall", 0, 61.0),
        metrics.mean_gap("overall", 61.0, 60.0),
        metrics.last_gap("overall", 61.0),
        metrics.last_gain("overall", 61.0),
        metrics.last_count("nothing"),
        metrics.drop("baseline", 61.0),
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
        metrics.drop("learner", 60.0),
        metrics.mean_of_sessions("baseline", "overall", 60.0),
    ],
)
def test_an_age_that_was_not_run_is_no_number(measure: Callable[[list[Row]], list[float]]) -> None:
    rows: list[Row] = [
        {"seed": 0, "arm": arm, "session": 0, "age_s": 1.0, "overall": 50.0} for arm in ("baseline", "learner")
    ]
    with pytest.raises(KeyError, match="60"):
        measure(rows)
