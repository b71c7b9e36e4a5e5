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


def test_groups_are_experiences_and_nothing_is_old() -> None:
    found = metrics.accuracies(GUESS, LABELS, 0, np.array([0, 0, 0, 0, 3, 3, 3, 3]))
    assert found == {"classes": 4, "overall": 50.0, "experience_0": 75.0, "experience_3": 25.0}
    with pytest.raises(InsituError, match="one group per label"):
        metrics.accuracies(GUESS, LABELS, 0, np.zeros(3, int))


@given(arrays.arrays(np.int64, 30, elements=st.integers(0, 3)), arrays.arrays(np.int64, 30, elements=st.integers(0, 3)))
def test_the_overall_accuracy_is_that_of_experiences_by_their_tests(guess: np.ndarray, groups: np.ndarray) -> None:
    found = metrics.accuracies(guess, groups, 0, groups)
    parts = [float(found[f"experience_{k}"]) * int((groups == k).sum()) for k in np.unique(groups)]
    assert found["overall"] == pytest.approx(sum(parts) / 30)


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


def experience(seed: int, session: int, *accuracies: float | None, arm: str = "learner") -> Row:
    named = {f"experience_{k}": value for k, value in enumerate(accuracies) if value is not None}
    return row(seed, arm, session, 60.0, overall=50.0, **named)


# of the last session: 60, 30, 80; best before: 90, 70; when they came: 90, 40
STREAM = [
    experience(3, 0, 90.0),
    experience(3, 1, 70.0, 40.0),
    experience(3, 2, 80.0, 70.0),
    experience(3, 3, 60.0, 30.0, 80.0),
    experience(3, 3, 0.0, 0.0, 0.0, arm="baseline"),
]


def test_the_matrix_has_a_row_per_session() -> None:
    nan = np.nan
    expected = [[90, nan, nan], [70, 40, nan], [80, 70, nan], [60, 30, 80]]
    np.testing.assert_array_equal(metrics.accuracy_matrix(STREAM[::-1], "learner", 60.0), expected)


def test_columns_are_in_the_order_of_experiences() -> None:
    rows = [experience(0, 0, *map(float, range(12)))]
    np.testing.assert_array_equal(metrics.accuracy_matrix(rows, "learner", 60.0), [np.arange(12.0)])


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        (metrics.average_accuracy, (60 + 30 + 80) / 3),
        (metrics.forgetting, (30 + 40) / 2),  # of the first two experiences; the third came last
        (metrics.backward_transfer, (60 - 90 + 30 - 40) / 2),
    ],
)
def test_measures_of_a_stream_by_hand(measure: Any, expected: float) -> None:
    better = [{**each, "seed": 1} | {name: 100.0 for name in each if name.startswith("exp")} for each in STREAM]
    assert measure("learner", 60.0)(STREAM + better) == pytest.approx(
        [100.0 if measure == metrics.average_accuracy else 0.0, expected]
    )


def test_new_images_of_known_classes_are_one_experience_that_may_improve() -> None:
    rows = [experience(0, number, value) for number, value in enumerate((50.0, 40.0, 70.0))]
    assert metrics.average_accuracy("learner", 60.0)(rows) == [70.0]
    assert metrics.forgetting("learner", 60.0)(rows) == [-20.0]
    assert metrics.backward_transfer("learner", 60.0)(rows) == [20.0]


@pytest.mark.parametrize("measure", [metrics.average_accuracy, metrics.forgetting, metrics.backward_transfer])
def test_what_a_run_does_not_hold_is_a_key_error(measure: Any) -> None:
    for arm, age, rows in (("learner", 61.0, STREAM), ("nobody", 60.0, STREAM), ("learner", 60.0, ROWS)):
        with pytest.raises(KeyError):
            measure(arm, age)(rows)


@pytest.mark.parametrize("measure", [metrics.forgetting, metrics.backward_transfer])
def test_one_session_forgets_nothing_that_could_be_measured(measure: Any) -> None:
    with pytest.raises(KeyError, match="before the last session"):
        measure("learner", 60.0)(STREAM[:1])


def test_the_last_gap_of_a_stream_is_that_of_its_last_experience() -> None:
    assert metrics.last_gap("overall", 60.0)(STREAM) == [0.0]
