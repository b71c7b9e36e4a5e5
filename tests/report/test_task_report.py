"""Reports of short tasks: steps, all arms side by side with their intervals, and the cost of a task."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from test_stream_report import report as about
from test_stream_report import shown

from insitu import metrics
from insitu.protocols import episodes
from insitu.report import html_page, markdown
from insitu.report.sample import Sample
from insitu.report.sections import ages, claims, variants
from patterned import EXPERIMENT, rows

ROWS = rows()
SAMPLE = Sample.of(ROWS, EXPERIMENT)


def report() -> dict[str, Any]:
    return about(ROWS, episodes.PROTOCOL) | {
        "names": list(EXPERIMENT.names),
        "arms": variants.summary(SAMPLE, EXPERIMENT),
        "claims": claims.claims(SAMPLE, EXPERIMENT.claims),
        "intervals": SAMPLE.intervals(),
    }


def test_a_report_of_tasks_shows_steps_all_arms_and_the_cost_of_a_task() -> None:
    given_ = report()
    assert given_["table"][0]["tasks"] == 6
    assert given_["cost"]["per"] == "task"
    text, html, ledger = shown(given_), html_page.page(given_), markdown.ledger([given_])
    for each in (text, html, ledger):
        assert "step" in each
        assert "memory" in each
        assert "shot" in each
        assert "2 chips with their own streams" in re.sub(r"\s+", " ", each)
        assert "session was written" not in each
    assert "1 hour after the weights were written" in text
    assert "per task" in text
    assert "Accuracy after each step" in html
    assert "As time passes, after the last step" in html


def test_ages_are_those_of_the_last_step() -> None:
    [young, _] = ages.summary(SAMPLE, EXPERIMENT)
    last = [float(row["overall"]) for row in ROWS if (row["arm"], row["session"], row["age_s"]) == ("learner", 2, 60.0)]
    assert young["learner"]["overall"]["median"] == pytest.approx(sum(last) / 2, abs=1e-3)


def test_software_is_dotted_and_shares_its_hue_with_the_device_beside_it() -> None:
    held = variants.summary(SAMPLE, EXPERIMENT)
    assert held is not None
    assert held["styles"] == ["baseline", "learner", "novel-float", "novel"]
    assert variants.summary(SAMPLE, replace(EXPERIMENT, variants=())) is None


def after_two(arm: str, age_s: float) -> float:
    wanted = (0, arm, 2, age_s)
    [row] = [row for row in ROWS if (row["seed"], row["arm"], row["session"], row["age_s"]) == wanted]
    return float(row["overall"])


def test_gaps_are_between_any_two_arms() -> None:
    gap = metrics.gap_between("learner", "one shot", 2, 3600.0, 60.0)(ROWS)
    assert len(gap) == 2
    assert gap[0] == pytest.approx(after_two("learner", 60.0) - after_two("one shot", 3600.0))
