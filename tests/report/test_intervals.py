"""Laws of the interval of a median, and that its whole numbers are what the bootstrap draws."""

from __future__ import annotations

import math
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insitu.core import generator
from insitu.report.intervals import FEWEST, interval, stat

numbers = st.floats(-1e6, 1e6)
samples = st.lists(numbers, min_size=FEWEST, max_size=25)


@pytest.mark.parametrize("count", [5, 6, 7, 10, 11, 20])
def test_the_ends_are_those_of_many_draws(count: int) -> None:
    values = generator(count, "values").standard_normal(count)
    draws = generator(count, "draws").choice(values, (200_000, count))
    low, high = np.quantile(np.median(draws, 1), [0.025, 0.975], method="inverted_cdf")
    found = interval(values)
    assert found is not None
    # a drawn end may fall on the next value that medians take, a few thousandths of the draws away
    near = np.quantile(np.median(draws, 1), [0.022, 0.028, 0.972, 0.978], method="inverted_cdf")
    assert near[0] <= found.low <= near[1]
    assert near[2] <= found.high <= near[3]
    assert (low, high) == pytest.approx(found, abs=0.2)


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        ([1, 2, 3, 4, 5], (1, 5)),  # P(median is the least) = P(3 of 5 draws are) = .058
        ([1, 2, 3, 4, 5, 6, 7], (2, 6)),  # .010 the least, .11 the two least
        ([7.0] * 12, (7, 7)),
    ],
)
def test_ends_by_hand(values: list[float], ends: tuple[float, float]) -> None:
    assert interval(values) == ends
    assert interval(values[::-1]) == ends


@pytest.mark.parametrize("count", [5, 10, 20])
def test_it_covers_the_median_of_skewed_values_as_often_as_it_says(count: int) -> None:
    drawn = np.exp(generator(0, "coverage").standard_normal((1500, count)))
    ends = [interval(values) for values in drawn]
    covered = np.mean([end is not None and end.low <= 1 <= end.high for end in ends])
    assert 0.92 < covered < 0.97


@given(samples)
def test_the_median_lies_within_and_the_interval_within_the_values(values: list[float]) -> None:
    found = interval(values)
    assert found is not None
    assert min(values) <= found.low <= median(values) <= found.high <= max(values)


@given(samples)
def test_it_mirrors(values: list[float]) -> None:
    found, mirrored = interval(values), interval([-value for value in values])
    assert found is not None
    assert mirrored == (-found.high, -found.low)


@given(samples, st.randoms(use_true_random=False))
def test_order_is_no_matter(values: list[float], random: object) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert interval(shuffled) == interval(values)


@given(samples, st.integers(0, 24), st.floats(0, 1e6))
def test_ends_move_with_a_value_and_never_against_it(values: list[float], which: int, more: float) -> None:
    raised = list(values)
    raised[which % len(values)] += more
    before, after = interval(values), interval(raised)
    assert before is not None
    assert after is not None
    assert after.low >= before.low
    assert after.high >= before.high


@given(st.lists(numbers, max_size=FEWEST - 1))
def test_few_values_have_no_interval(values: list[float]) -> None:
    assert interval(values) is None
    found = stat(values)
    assert found == ({"median": round(median(values), 4), "low": None, "high": None} if values else None)


def test_stat_leaves_out_what_is_not_finite() -> None:
    assert stat([math.nan, 1.0]) == {"median": 1.0, "low": None, "high": None}
    assert stat([math.nan, 1.0, 2.0, 3.0, 4.0, 5.0]) == {"median": 3.0, "low": 1.0, "high": 5.0}
    assert stat([math.inf]) is None
