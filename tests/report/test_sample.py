"""Over what intervals are taken: chips, redrawn support sets, tasks, streams; and that a gap stays paired."""

from __future__ import annotations

from dataclasses import replace

import pytest

from insitu import metrics
from insitu.experiments import Claim
from insitu.metrics import REDRAWN, Row
from insitu.protocols.few_shot_sessions import PROTOCOL
from insitu.report import formatting
from insitu.report.intervals import interval
from insitu.report.sample import Sample
from insitu.report.sections import claims

CHIPS = {"baseline": "", "learner": "chips", REDRAWN: "support draws"}


def row(seed: int, arm: str, overall: float, **more: float) -> Row:
    return {"seed": seed, "arm": arm, "session": 0, "age_s": 60.0, "classes": 5, "overall": overall} | more


def listed(seeds: int) -> list[Row]:
    """Return a baseline that is the same for all seeds, chips that differ, and two draws a seed."""
    rows = [row(seed, "baseline", 70.0) for seed in range(seeds)]
    rows += [row(seed, "learner", 69.0 - seed / 10) for seed in range(seeds)]
    return rows + [row(draw // 2, REDRAWN, 60.0 + draw, draw=draw) for draw in range(2 * seeds)]


FLOAT = metrics.at_session("baseline", "overall", 0, 60.0)
GAP = metrics.last_gap("overall", 60.0)


def test_the_baseline_keeps_the_figure_of_the_list_and_has_the_ends_of_redrawn_sets() -> None:
    sample = Sample(listed(10), PROTOCOL, CHIPS)
    found, ends = sample.stat(FLOAT, FLOAT.arms), interval(60.0 + draw for draw in range(20))
    assert ends is not None
    assert found == {"median": 70.0, "low": ends.low, "high": ends.high}
    assert sample.words(FLOAT, FLOAT.arms) == "20 support draws, median 69.50"
    assert sample.seeds("baseline") == "20 support draws"


def test_the_gap_is_that_on_the_list_over_chips() -> None:
    sample = Sample(listed(10), PROTOCOL, CHIPS)
    gaps = [1 + seed / 10 for seed in range(10)]
    ends = interval(gaps)
    assert ends is not None
    found = sample.stat(GAP, GAP.arms)
    assert found is not None
    assert (found["median"], found["low"], found["high"]) == pytest.approx((1.45, *ends))
    assert sample.words(GAP, GAP.arms) == "10 chips"
    assert sample.intervals() == {
        "kind": "95 % intervals of the median (percentile bootstrap)",
        "baseline": "20 support draws",
        "learner": "10 chips",
        "gap": "10 chips",
    }


def test_redrawn_sets_decide_whether_a_float_claim_is_met() -> None:
    def verdict(at_least: float) -> str:
        [told] = claims.claims(Sample(listed(10), PROTOCOL, CHIPS), [Claim("c", "p", FLOAT, at_least=at_least)])
        assert told["over"] == "20 support draws, median 69.50"
        return str(told["verdict"])

    ends = interval(60.0 + draw for draw in range(20))
    assert ends is not None
    assert [verdict(at) for at in (ends.low, ends.low + 0.1, 70.0, 70.1)] == [
        "met",
        "met in the median",
        "met in the median",
        "missed",
    ]


def test_tasks_of_all_seeds_have_their_own_interval() -> None:
    rows = [row(seed, "baseline", 90.0, tasks=1000, interval=0.5) for seed in range(2)]
    rows += [row(seed, "learner", 88.0 - seed, tasks=1000, interval=0.5) for seed in range(2)]
    sample = Sample(rows, PROTOCOL, {"baseline": "tasks", "learner": "chips"})
    assert sample.stat(FLOAT, FLOAT.arms) == {"median": 90.0, "low": 89.5, "high": 90.5}
    assert sample.words(FLOAT, FLOAT.arms) == "1000 tasks"
    assert sample.words(GAP, GAP.arms) == "2 chips"
    found = sample.stat(GAP, GAP.arms)
    assert found == {"median": 2.5, "low": None, "high": None}
    named = {"names": ["software", "PCM"], "intervals": sample.intervals(), "seeds": [0, 1]}
    assert formatting.brackets(named) == (
        "no 95 % intervals over 2 chips: they take 5 or more; software over 1000 tasks (normal, of the mean)"
    )


def test_no_accuracy_over_tasks_passes_100_percent() -> None:
    sample = Sample([row(0, "baseline", 99.9, tasks=20, interval=0.4)], PROTOCOL, {"baseline": "tasks"})
    assert sample.stat(FLOAT, FLOAT.arms) == {"median": 99.9, "low": 99.5, "high": 100.0}


def test_few_tasks_have_no_interval_however_many_seeds_share_them() -> None:
    rows = [row(seed, "baseline", 90.0, tasks=4, interval=0.5) for seed in range(10)]
    sample = Sample(rows, PROTOCOL, {"baseline": "tasks"})
    assert sample.stat(FLOAT, FLOAT.arms) == {"median": 90.0, "low": None, "high": None}


@pytest.mark.parametrize(
    ("device", "count", "words"),
    [
        ("chips", 1, "1 chip"),
        ("chips with their own sets of tasks", 1, "1 chip with their own sets of tasks"),
        ("sets of tasks", 1, "1 set of tasks"),
        ("stream orders", 1, "1 stream order"),
        ("stream orders", 6, "6 stream orders"),
        ("", 6, ""),
    ],
)
def test_draws_in_words(device: str, count: int, words: str) -> None:
    rows = [row(seed, "learner", 1.0) for seed in range(count)]
    assert Sample(rows, PROTOCOL, {"learner": device}).seeds("learner") == words


def test_what_no_one_named_is_seeds() -> None:
    assert Sample(listed(3)[:3], PROTOCOL).seeds("baseline") == "3 seeds"
    assert (
        replace(Sample(listed(6), PROTOCOL), over={"baseline": "stream orders"}).seeds("baseline", "learner")
        == "6 seeds"
    )
