"""How long arms hold, what refreshing costs and how long cells last, from rows made up for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from insitu.devices.endurance import PROGRAM_PULSES, limit_of
from insitu.experiments import Experiment, Variant
from insitu.experiments.retention import COLUMN, DRIFTING, PROGRAMMED
from insitu.learners.nearest_mean import NearestMean
from insitu.metrics import Row
from insitu.report.sample import Sample
from insitu.report.sections import retention
from insitu.scenarios.few_shot_sessions import FewShotSessions

YEAR_S = retention.YEAR_S
EXPERIMENT = Experiment(
    paper="",
    scenario=FewShotSessions(),
    learner=COLUMN,
    baseline=NearestMean(),
    names=("float", "column"),
    ages_s=(1.0, 100.0, YEAR_S + 1.0),
    variants=(Variant("none", DRIFTING), Variant("programmed", PROGRAMMED)),
)
ACCURACIES = {
    "baseline": (60.0, 60.0, 60.0),
    "learner": (59.5, 59.4, 59.2),
    "none": (59.5, 58.4, 59.0),
    "programmed": (58.0, 58.0, 57.5),
}


def rows(**more: Any) -> list[Row]:
    made: list[Row] = []
    for arm, values in ACCURACIES.items():
        for age_s, value in zip(EXPERIMENT.ages_s, values, strict=True):
            for seed, shift in enumerate((-0.1, 0.0, 0.1)):
                for session in (0, 1):
                    row: Row = {"arm": arm, "seed": seed, "session": session, "age_s": age_s}
                    row["overall"] = value + shift + (-1) ** session  # the mean of sessions is the value
                    if arm != "baseline":
                        old = age_s > 100
                        row |= {
                            "worn_set_pulses": 10 + 240 * old,
                            "worn_resets": 24 * old,
                            "spent_set_pulse": 5e5 * old,
                        }
                        row |= {"spent_program_and_verify": 100} if arm == "programmed" else {}
                    made.append(row | more)
    return made


def summary() -> dict[str, Any]:
    found = retention.summary(Sample.of(rows(), EXPERIMENT), EXPERIMENT)
    assert found is not None
    return found


def test_an_arm_holds_up_to_the_last_age_before_more_than_a_point_is_lost() -> None:
    arms = {arm["name"]: arm for arm in summary()["arms"]}
    assert arms["column"]["holds_s"] == {"own": YEAR_S + 1, "baseline": YEAR_S + 1}
    assert arms["none"]["holds_s"] == {"own": 1.0, "baseline": 1.0}  # later ages do not count once it has fallen
    assert arms["programmed"]["holds_s"] == {"own": YEAR_S + 1, "baseline": None}
    assert arms["column"]["lost"] == pytest.approx([0.0, 0.1, 0.3])


def test_wear_is_that_of_a_class_and_of_a_year_of_refreshes() -> None:
    arms = {arm["name"]: arm for arm in summary()["arms"]}
    assert arms["column"]["cycles"] == 11  # ten pulses and the RESET before the next class
    assert arms["column"]["refresh_cycles"] == pytest.approx(240 + 24)
    assert arms["column"]["refresh_events"] == {"set_pulse": pytest.approx(5e5)}
    assert arms["programmed"]["refresh_cycles"] == pytest.approx(240 + 24 * (1 + PROGRAM_PULSES))


def test_lifetimes_divide_limits_by_cycles_in_columns_that_take_turns() -> None:
    limit = limit_of("pcm-nandakumar2018")
    assert limit is not None
    report = {"protocol": "few_shot_sessions", "names": ["float", "column"], "retention": summary()}
    holding, lifetimes = retention.blocks(report)
    row = next(row for row in lifetimes.rows if row[0].text == "column")  # type: ignore[union-attr]
    classes = limit.expected / 11 * retention.COLUMNS
    assert row[4].value == pytest.approx(classes)
    by_learning, by_refreshing = 525_600 / classes, (240 + 24) / limit.expected
    assert row[5].value == pytest.approx(1 / (by_learning + by_refreshing))
    assert row[6].value == pytest.approx(limit.expected / 264)
    assert holding.rows[0][5].value == pytest.approx(5e5)  # type: ignore[union-attr]


def test_there_is_no_section_without_a_second_age_or_devices() -> None:
    one = replace(EXPERIMENT, ages_s=(1.0,))
    software = replace(EXPERIMENT, learner=NearestMean(dim=64), variants=())
    for made in (one, software):
        assert retention.summary(Sample.of(rows(), made), made) is None
    assert limit_of("ideal") is None
    assert limit_of("pcm_joshi2020") == limit_of("pcm-hermes2022")
