"""What every scenario of the room obeys, in every way it can draw its examples."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from blobs import same
from insitu import catalog
from insitu.scenarios import Scenario, Session, few_shot_sessions
from insitu.scenarios.few_shot_sessions import FewShotSessions
from numbered import numbered, numbers

SCENARIOS: dict[str, Scenario] = {part.name: catalog.load(part)() for part in catalog.parts("scenarios")} | {
    "few-shot-sessions": FewShotSessions(shots=3),
    "few-shot-sessions-redrawn": FewShotSessions(shots=3, supports="redrawn"),
    "few-shot-sessions-one-shot": FewShotSessions(shots=1, supports="redrawn", spacing_s=0.5),
}
every = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)


@pytest.fixture(autouse=True, scope="module")
def _vectors() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(few_shot_sessions, "load", lambda name, data: numbered())
        yield  # type: ignore[misc]


def stream(scenario: Scenario, seed: int) -> list[Session]:
    return list(scenario.sessions("package", seed))


@every
@settings(max_examples=20)
@given(seed=st.integers(0, 2**31))
def test_nothing_learned_is_ever_tested(scenario: Scenario, seed: int) -> None:
    sessions = stream(scenario, seed)
    base = scenario.base("package")
    learned = [numbers(session.train.x) for session in sessions if session.train is not None]
    flat = [number for part in [numbers(base.examples.x)[:1], *learned] for number in part]
    tested = {number for session in sessions for number in numbers(session.test.x)}
    assert not tested & set(flat)
    assert len(flat) == len(set(flat))  # and nothing is learned twice


@every
@settings(max_examples=10)
@given(seed=st.integers(0, 2**31))
def test_tests_are_of_the_classes_seen_so_far(scenario: Scenario, seed: int) -> None:
    base = scenario.base("package")
    seen = set(range(len(base.means)))
    for session in stream(scenario, seed):
        if session.train is not None:
            seen |= set(session.train.labels.tolist())
        assert set(session.test.labels.tolist()) == seen
        assert session.base_classes == len(base.means)


@every
def test_sessions_are_in_order_and_time_grows(scenario: Scenario) -> None:
    sessions = stream(scenario, 0)
    assert [session.number for session in sessions] == list(range(len(sessions)))
    times = [session.time_s for session in sessions]
    assert times == sorted(set(times))
    assert len(sessions) > 1


@every
def test_only_the_first_session_has_nothing_to_learn(scenario: Scenario) -> None:
    assert [session.train is None for session in stream(scenario, 0)] == [
        True,
        *[False] * (len(stream(scenario, 0)) - 1),
    ]


@every
def test_the_same_seed_gives_the_same_stream(scenario: Scenario) -> None:
    assert same(stream(scenario, 5), stream(scenario, 5))
    assert same(scenario.base("package"), scenario.base("package"))


@every
def test_vectors_and_labels_are_what_learners_take(scenario: Scenario) -> None:
    for session in stream(scenario, 0):
        for part in (session.train, session.test):
            if part is not None:
                assert part.x.dtype == torch.float32
                assert part.labels.dtype == torch.int64
                assert len(part.x) == len(part.labels) == len(part)


@every
def test_it_says_which_data_it_is(scenario: Scenario) -> None:
    assert "numbered vectors" in scenario.describe("package")
    assert "\n" not in scenario.describe("package")
