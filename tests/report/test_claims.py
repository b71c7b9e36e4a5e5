"""Verdicts: the median is judged and so is its interval; no verdict improves because a seed got worse."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insitu.experiments import Claim
from insitu.metrics import Row
from insitu.protocols import few_shot_sessions
from insitu.report.intervals import FEWEST, stat
from insitu.report.sample import Sample
from insitu.report.sections import claims
from insitu.report.sections.claims import IN_THE_MEDIAN, JUDGED, MET, MISSED

TARGET = 1.0
values_ = st.lists(st.floats(-3, 3).map(lambda value: round(value, 3)), min_size=1, max_size=14)


def verdict_of(values: list[float], **bounds: Any) -> str:
    """Return the verdict on one value per seed."""
    rows: list[Row] = [{"seed": seed, "arm": "learner", "value": value} for seed, value in enumerate(values)]
    measure = lambda rows: [float(row["value"]) for row in rows]  # noqa: E731
    [told] = claims.claims(Sample(rows, few_shot_sessions.PROTOCOL), [Claim("c", "p", measure, **bounds)])
    return str(told["verdict"])


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([0.8, 0.9, 0.9, 0.9, 1.0], MET),  # a bound belongs to what is allowed
        ([0.8, 0.9, 0.9, 0.9, 1.0001], IN_THE_MEDIAN),
        ([0.8, 0.9, 1.0, 1.5, 1.6], IN_THE_MEDIAN),
        ([0.8, 0.9, 1.0001, 1.5, 1.6], MISSED),
        ([-9.0, 0.9, 1.2, 1.5, 1.6], MISSED),  # the best seed is far on the right side
        ([0.5, 0.5, 0.5, 0.5], IN_THE_MEDIAN),  # too few for an interval
        ([0.5] * 9 + [9.0], MET),  # one outlier is not what the median is taken for
    ],
)
def test_verdicts_at_most(values: list[float], verdict: str) -> None:
    assert verdict_of(values, at_most=TARGET) == verdict
    assert verdict_of([-value for value in values], at_least=-TARGET) == verdict


def test_both_bounds_hold_for_both_ends() -> None:
    assert verdict_of([1.0, 2.0, 2.0, 2.0, 3.0], at_least=1.0, at_most=3.0) == MET
    assert verdict_of([0.9, 2.0, 2.0, 2.0, 3.0], at_least=1.0, at_most=3.0) == IN_THE_MEDIAN
    assert verdict_of([1.0, 2.0, 2.0, 2.0, 3.1], at_least=1.0, at_most=3.0) == IN_THE_MEDIAN
    assert verdict_of([1.0, 2.0, 3.1, 3.1, 3.1], at_least=1.0, at_most=3.0) == MISSED


@given(values_, st.integers(0, 13), st.floats(0, 3))
def test_no_verdict_improves_when_a_seed_gets_worse(values: list[float], which: int, worse: float) -> None:
    moved = list(values)
    moved[which % len(values)] += worse
    before, after = (JUDGED.index(verdict_of(each, at_most=TARGET)) for each in (values, moved))
    assert after >= before
    below = [[-value for value in each] for each in (values, moved)]
    assert [JUDGED.index(verdict_of(each, at_least=-TARGET)) for each in below] == [before, after]


@given(values_, st.floats(0, 3))
def test_no_verdict_improves_when_the_target_gets_harder(values: list[float], harder: float) -> None:
    before, after = (JUDGED.index(verdict_of(values, at_most=bound)) for bound in (TARGET, TARGET - harder))
    assert after >= before


@given(values_)
def test_a_verdict_says_what_the_figures_show(values: list[float]) -> None:
    found = stat(values)
    assert found is not None
    verdict = verdict_of(values, at_most=TARGET)
    assert (verdict == MISSED) == (found["median"] > TARGET)
    assert (verdict == MET) == (found["high"] is not None and found["high"] <= TARGET)
    assert verdict != MET or len(values) >= FEWEST


@given(values_)
def test_without_a_target_it_is_reported(values: list[float]) -> None:
    assert verdict_of(values) == "reported"
