"""Forgetting and transfer over a class stream, against cases worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from insitu import metrics
from insitu.metrics import Row
from insitu.protocols import experiences


def experience(seed: int, session: int, *accuracies: float | None, arm: str = "learner") -> Row:
    named = {f"experience_{k}": value for k, value in enumerate(accuracies) if value is not None}
    return {"seed": seed, "arm": arm, "session": session, "age_s": 60.0, "overall": 50.0, **named}


LOSSES = (experiences.forgetting, experiences.backward_transfer)
PLAIN: list[Row] = [{"seed": 0, "arm": "learner", "session": 0, "age_s": 60.0, "overall": 50.0}]
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
    np.testing.assert_array_equal(experiences.accuracy_matrix(STREAM[::-1], "learner", 60.0), expected)


def test_columns_are_in_the_order_of_experiences() -> None:
    rows = [experience(0, 0, *map(float, range(12)))]
    np.testing.assert_array_equal(experiences.accuracy_matrix(rows, "learner", 60.0), [np.arange(12.0)])


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        (experiences.average_accuracy, (60 + 30 + 80) / 3),
        (experiences.forgetting, (30 + 40) / 2),  # of the first two experiences; the third came last
        (experiences.backward_transfer, (60 - 90 + 30 - 40) / 2),
    ],
)
def test_measures_of_a_stream_by_hand(measure: Any, expected: float) -> None:
    better = [{**each, "seed": 1} | {name: 100.0 for name in each if name.startswith("exp")} for each in STREAM]
    assert measure("learner", 60.0)(STREAM + better) == pytest.approx(
        [100.0 if measure == experiences.average_accuracy else 0.0, expected]
    )


def test_new_images_of_known_classes_are_one_experience_that_may_improve() -> None:
    rows = [experience(0, number, value) for number, value in enumerate((50.0, 40.0, 70.0))]
    assert experiences.average_accuracy("learner", 60.0)(rows) == [70.0]
    assert experiences.forgetting("learner", 60.0)(rows) == [-20.0]
    assert experiences.backward_transfer("learner", 60.0)(rows) == [20.0]


@pytest.mark.parametrize(
    "measure", [experiences.average_accuracy, experiences.forgetting, experiences.backward_transfer]
)
def test_what_a_run_does_not_hold_is_a_key_error(measure: Any) -> None:
    for arm, age, rows in (("learner", 61.0, STREAM), ("nobody", 60.0, STREAM), ("learner", 60.0, PLAIN)):
        with pytest.raises(KeyError):
            measure(arm, age)(rows)


@pytest.mark.parametrize("measure", LOSSES)
def test_one_session_forgets_nothing_that_could_be_measured(measure: Any) -> None:
    with pytest.raises(KeyError, match="before the last session"):
        measure("learner", 60.0)(STREAM[:1])


def test_the_last_gap_of_a_stream_is_that_of_its_last_experience() -> None:
    assert metrics.last_gap("overall", 60.0)(STREAM) == [0.0]
