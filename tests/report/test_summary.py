"""Figures of a report against rows small enough to reckon by hand."""

from __future__ import annotations

from typing import Any

import pytest

from insitu import metrics
from insitu.experiments import Claim
from insitu.metrics import Row
from insitu.protocols.few_shot_sessions import PROTOCOL
from insitu.report.sample import Sample
from insitu.report.sections import ages, claims, cost, sessions
from patterned import EXPERIMENT


def row(seed: int, arm: str, session: int, overall: float, **more: float) -> Row:
    known: Row = {"seed": seed, "arm": arm, "session": session, "age_s": 60.0, "classes": 60 + 5 * session}
    return known | {"overall": overall, "base": overall} | more


ROWS = [
    row(0, "baseline", 0, 80.0),
    row(0, "baseline", 1, 70.0, novel=30.0, harmonic=42.0),
    row(0, "learner", 0, 79.0, spent_set_pulse=1000, query_core_product=2),
    row(0, "learner", 1, 68.0, novel=28.0, harmonic=39.0, spent_set_pulse=1500, query_core_product=4, query_spell=1),
    row(1, "baseline", 0, 80.0),
    row(1, "baseline", 1, 70.0, novel=31.0, harmonic=43.0),
    row(1, "learner", 0, 77.0, spent_set_pulse=1000, query_core_product=2),
    row(1, "learner", 1, 69.0, novel=27.0, harmonic=38.0, spent_set_pulse=1700, query_core_product=4, query_spell=1),
]


def only(median: float) -> dict[str, Any]:
    """Return a figure without an interval, which two seeds are too few for."""
    return {"median": median, "low": None, "high": None}


def test_the_gap_is_taken_seed_by_seed() -> None:
    [block] = sessions.summary(Sample(ROWS, PROTOCOL), EXPERIMENT)
    first, second = block["sessions"]
    assert (first["classes"], second["classes"]) == (60, 65)
    assert first["gap"]["overall"] == only(2.0)
    assert second["gap"]["novel"] == only(3.0)
    assert second["learner"]["overall"] == only(68.5)
    assert first["learner"]["novel"] is None


def test_variants_of_other_sizes_change_no_size_of_the_pair() -> None:
    more = [row(0, "many", session, 50.0) | {"classes": 900} for session in (0, 1)]
    assert sessions.summary(Sample(ROWS + more, PROTOCOL), EXPERIMENT) == sessions.summary(
        Sample(ROWS, PROTOCOL), EXPERIMENT
    )


def test_ages_average_the_sessions_of_each_seed() -> None:
    [entry] = ages.summary(Sample(ROWS, PROTOCOL), EXPERIMENT)
    assert entry["learner"]["overall"] == only(73.25)
    assert entry["baseline"]["novel"] == only(30.5)


def spent(rows: list[Row]) -> dict[str, Any]:
    return cost.summary(Sample(rows, PROTOCOL), EXPERIMENT)


def test_cost_is_counted_per_class_learned() -> None:
    found = spent(ROWS)
    assert (found["classes"], found["per"]) == (5, "class")
    [pulses] = found["learning"]
    assert pulses["event"] == "set pulse"
    assert pulses["count"] == only(120.0)
    assert pulses["energy_pj"] == pytest.approx(13.0 * 120)
    assert {each["event"]: each["count"]["median"] for each in found["query"]} == {"core product": 4.0, "spell": 1.0}
    assert next(each for each in found["query"] if each["event"] == "spell")["energy_pj"] is None
    assert found["preparation"][0]["count"]["median"] == 1000.0


def test_where_nothing_is_old_everything_is_spent_on_classes() -> None:
    [pulses] = (found := spent([{k: v for k, v in row.items() if k != "base"} for row in ROWS]))["learning"]
    assert (found["classes"], found["preparation"]) == (65, [])
    assert pulses["count"] == only(pytest.approx(1600 / 65, abs=1e-3))


def test_cost_of_a_run_that_learns_nothing() -> None:
    assert spent([]) == {"classes": 0, "per": "class", "learning": [], "query": [], "preparation": []}
    assert spent([each for each in ROWS if each["session"] == 0])["learning"] == []


@pytest.mark.parametrize(
    ("bounds", "verdict", "target"),
    [
        ({"at_most": 2.5}, "met in the median", "≤ 2.5"),
        ({"at_most": 1.0}, "missed", "≤ 1"),
        ({"at_least": 1.0, "at_most": 3.0}, "met in the median", "≥ 1 and ≤ 3"),
        ({"at_least": 2.3}, "missed", "≥ 2.3"),
        ({}, "reported", ""),
    ],
)
def test_of_two_seeds_the_median_is_judged(bounds: dict[str, Any], verdict: str, target: str) -> None:
    claim = Claim("gap", "2", metrics.mean_gap("overall", 60.0, 60.0), **bounds)
    [told] = claims.claims(Sample(ROWS, PROTOCOL), [claim])
    assert told["measured"] == only(1.75)
    assert told["over"] == "2 seeds"
    assert told["values"] == [1.5, 2.0]
    assert (told["verdict"], told["target"]) == (verdict, target)


@pytest.mark.parametrize(
    "measure",
    [
        metrics.mean_gap("overall", 3e8, 60.0),
        metrics.mean_of_sessions("learner", "overall", 3e8),
        metrics.at_session("learner", "overall", 7, 60.0),
        metrics.last_gap("nothing", 60.0),
    ],
)
def test_what_the_rows_lack_is_not_measured(measure: object) -> None:
    [told] = claims.claims(Sample(ROWS, PROTOCOL), [Claim("gap", "2", measure, at_most=1.0)])  # type: ignore[arg-type]
    assert told["verdict"] == "not measured"
    assert told["measured"] is None
