"""Few-shot sessions: the fixed lists as they stand, or new supports from all images of the novel classes."""

from __future__ import annotations

import pytest

from insitu.core import InsituError
from insitu.protocols import Session
from insitu.scenarios import few_shot_sessions
from insitu.scenarios.few_shot_sessions import FewShotSessions
from numbered import FEATURES, LISTED, OLD, SESSIONS, TESTS, WAYS, numbered, numbers

NOVEL = SESSIONS * WAYS


@pytest.fixture(autouse=True)
def _vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few_shot_sessions, "load", lambda backbone, name, data: numbered())


def stream(scenario: FewShotSessions, seed: int = 0) -> list[Session]:
    return list(scenario.sessions("package", seed))


def supports(scenario: FewShotSessions, seed: int = 0) -> list[int]:
    return [number for session in stream(scenario, seed) if session.train for number in numbers(session.train.x)]


def test_published_supports_are_the_lists() -> None:
    everything = numbered()
    for session in stream(FewShotSessions(shots=LISTED))[1:]:
        assert session.train is not None
        of_session = everything.shot_sessions == session.number
        assert numbers(session.train.x) == numbers(everything.shots[of_session])
        assert session.train.labels.tolist() == everything.shot_labels[of_session].tolist()


def test_fewer_shots_are_the_first_of_the_lists() -> None:
    for session in stream(FewShotSessions(shots=2))[1:]:
        assert session.train is not None
        first = (session.number - 1) * WAYS * LISTED + 1
        assert numbers(session.train.x) == [first, first + 1, first + LISTED, first + LISTED + 1]


def test_published_tests_are_all_test_images_of_the_classes_so_far() -> None:
    for session in stream(FewShotSessions(shots=LISTED)):
        known = OLD + WAYS * session.number
        everything = numbered()
        assert sorted(numbers(session.test.x)) == sorted(numbers(everything.test[everything.test_labels < known]))


def test_published_supports_are_the_same_for_every_seed() -> None:
    assert supports(FewShotSessions(shots=2), 0) == supports(FewShotSessions(shots=2), 1)


@pytest.mark.parametrize("shots", [1, LISTED, LISTED + TESTS - 1])
def test_redrawn_supports_come_from_all_images_and_the_rest_is_the_test(shots: int) -> None:
    scenario = FewShotSessions(shots=shots, supports="redrawn")
    drawn, last = supports(scenario), stream(scenario)[-1]
    everything = numbered()
    assert len(drawn) == len(set(drawn)) == shots * NOVEL
    # every image is learned or tested: that of a new class by either, that of an old one by the test
    assert sorted(drawn + numbers(last.test.x)) == sorted(numbers(everything.shots) + numbers(everything.test))
    assert len(last.test) == OLD * TESTS + NOVEL * (LISTED + TESTS - shots)


def test_another_seed_draws_other_supports() -> None:
    scenario = FewShotSessions(shots=3, supports="redrawn")
    draws = [tuple(supports(scenario, seed)) for seed in range(6)]
    assert len(set(draws)) == len(draws)
    listed = len(numbered().shots)
    drawn = [number for draw in draws for number in draw]
    assert 0 < sum(number <= listed for number in drawn) < len(drawn)  # from the lists and from the tests


def test_each_image_of_a_class_is_drawn_equally_often() -> None:
    scenario, draws = FewShotSessions(shots=1, supports="redrawn"), 220
    pool = LISTED + TESTS
    counts: dict[int, int] = {}
    for seed in range(draws):
        for number in supports(scenario, seed):
            counts[number] = counts.get(number, 0) + 1
    assert len(counts) == NOVEL * pool
    # 66 counts of mean 20 and deviation sqrt(20 * 10 / 11)
    assert max(abs(count - draws / pool) for count in counts.values()) < 4 * (draws / pool * (1 - 1 / pool)) ** 0.5


def test_every_class_has_as_many_shots_and_its_own_labels() -> None:
    for supports_ in ("published", "redrawn"):
        for session in stream(FewShotSessions(shots=3, supports=supports_))[1:]:  # type: ignore[arg-type]
            assert session.train is not None
            new = list(range(OLD + WAYS * (session.number - 1), OLD + WAYS * session.number))
            assert sorted(session.train.labels.tolist()) == sorted(new * 3)


def test_sessions_are_spaced_as_asked() -> None:
    assert [session.time_s for session in stream(FewShotSessions(shots=1, spacing_s=7.5))] == [0.0, 7.5, 15.0, 22.5]


def test_the_base_is_what_the_backbone_made() -> None:
    base = FewShotSessions().base("package")
    assert base.means.shape == (OLD, FEATURES)
    assert base.examples.labels.tolist() == list(range(OLD))
    assert base.weight.shape == (5, FEATURES)


def test_more_shots_than_images_are_refused() -> None:
    with pytest.raises(InsituError, match=f"at most {LISTED}, as class {OLD} has no more; got {LISTED + 1}"):
        stream(FewShotSessions(shots=LISTED + 1))
    pool = LISTED + TESTS
    with pytest.raises(InsituError, match=f"at most {pool - 1}, as class {OLD} has no more; got {pool}"):
        stream(FewShotSessions(shots=pool, supports="redrawn"))  # nothing would be left to test


def test_wrong_fields_are_refused_where_the_record_is_written() -> None:
    with pytest.raises(InsituError, match="shots is at least 1; got 0"):
        FewShotSessions(shots=0)
    with pytest.raises(InsituError, match="published or redrawn; got 'random'"):
        FewShotSessions(supports="random")  # type: ignore[arg-type]
    for backwards in (-1.0, float("inf"), float("nan")):
        with pytest.raises(InsituError, match="spacing_s is 0 or more seconds"):
            FewShotSessions(spacing_s=backwards)


@pytest.mark.parametrize("spacing_s", [-1.0, float("nan"), float("inf")])
def test_time_runs_forward_from_session_to_session(spacing_s: float) -> None:
    with pytest.raises(InsituError, match="spacing_s is 0 or more seconds"):
        FewShotSessions(spacing_s=spacing_s)
