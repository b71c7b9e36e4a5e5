"""One class after the other: how many, when they are tested, and what cannot be drawn."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from insitu import run
from insitu.core import InsituError
from insitu.experiments import Experiment
from insitu.learners.nearest_mean import NearestMean
from insitu.scenarios import one_after_another
from insitu.scenarios.one_after_another import OneAfterAnother
from numbered import LISTED, SESSIONS, TESTS, WAYS, numbered

SMALL = OneAfterAnother(backbone="omniglot", classes=5, shots=3, test_every=2)


@pytest.fixture(autouse=True)
def _vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_after_another, "load", lambda *_: numbered())


def test_every_session_has_one_class_and_every_second_a_test() -> None:
    sessions = list(SMALL.sessions("package", 0))
    trained = [session.train.labels.tolist() for session in sessions if session.train is not None]
    assert trained == [[number] * 3 for number in range(5)]
    each = LISTED + TESTS - 3
    assert [len(session.test) for session in sessions] == [0, 2 * each, 0, 4 * each, 5 * each]
    assert torch.equal(sessions[-1].test.labels, torch.arange(5).repeat_interleave(each))


def test_sessions_without_a_test_have_no_row() -> None:
    same = NearestMean(projection="identity")
    rows = list(run.rows(Experiment("none", SMALL, same, same), 0))
    assert [row["session"] for row in rows if row["arm"] == "learner"] == [1, 3, 4]
    assert [row["classes"] for row in rows if row["arm"] == "learner"] == [2, 4, 5]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"classes": SESSIONS * WAYS + 1, "shots": 1}, f"has {SESSIONS * WAYS} classes outside its base"),
        ({"classes": 2, "shots": LISTED + TESTS}, f"shots is at most {LISTED + TESTS - 1}"),
        ({"test_every": 0}, "test_every is at least 1; got 0"),
        ({"spacing_s": -1.0}, "time runs forward"),
    ],
)
def test_what_cannot_be_drawn_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InsituError, match=says):
        list(OneAfterAnother(**fields).sessions("package", 0))
