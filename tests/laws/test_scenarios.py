"""What every scenario of sessions one after the other obeys, in every way it can draw its examples."""

from __future__ import annotations

from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from blobs import same
from insitu import catalog
from insitu.backbones import trained
from insitu.data.core50 import Core50
from insitu.protocols import Session, class_stream, shot_by_shot
from insitu.protocols.class_stream import StreamBase
from insitu.protocols.few_shot_sessions import FewShotBase
from insitu.scenarios import Scenario, few_shot_sessions, latents, one_after_another, own_folder
from insitu.scenarios.added_words import AddedWords
from insitu.scenarios.class_stream import ClassStream
from insitu.scenarios.few_shot_sessions import FewShotSessions
from insitu.scenarios.one_after_another import OneAfterAnother
from insitu.scenarios.own_folder import OwnFolder
from numbered import numbered, numbered_items, numbers
from numbered_stream import BASE, encoded

SESSIONS = {  # but tasks that have nothing to do with each other, which are tested beside their scenario
    part.name: kind()
    for part in catalog.parts("scenarios")
    if (kind := catalog.load(part)).protocol.continues
    and get_type_hints(kind.base)["return"] in (FewShotBase, StreamBase)
}
SCENARIOS: dict[str, Scenario] = SESSIONS | {
    "few-shot-sessions": FewShotSessions(shots=3),
    "few-shot-sessions-redrawn": FewShotSessions(shots=3, supports="redrawn"),
    "few-shot-sessions-one-shot": FewShotSessions(shots=1, supports="redrawn", spacing_s=0.5),
    "one-after-another": OneAfterAnother(classes=5, shots=3, test_every=2),
    "one-after-another-all-tested": OneAfterAnother(classes=6, shots=10, test_every=1, spacing_s=0.5),
    "own-folder-left-out": OwnFolder(shots=3, classes=5, left_out=0.4, tests=2),
    "own-folder-all-but-one": OwnFolder(shots=50, spacing_s=0.5),
    "class-stream": ClassStream(experiences=2),
    "class-stream-in-order": ClassStream(experiences=4, order="listed"),
    "class-stream-of-instances": ClassStream(kind="ni", experiences=3, spacing_s=0.5),
    "class-stream-of-both": ClassStream(data_set="core50", kind="nicv2"),
    "class-stream-of-latents": ClassStream(experiences=2, give="latents"),
    "added-words-of-latents": AddedWords(give="latents"),
}
every = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)


@pytest.fixture(autouse=True, scope="module")
def _vectors() -> None:
    with pytest.MonkeyPatch.context() as patch:
        for scenarios in (few_shot_sessions, one_after_another):
            patch.setattr(scenarios, "load", lambda *_: numbered())
        patch.setattr(own_folder, "load", lambda *_: numbered_items())
        patch.setattr(latents, "features", lambda *_: encoded(np.float16))
        patch.setattr(latents, "latents", lambda *_: encoded(np.uint8))
        patch.setattr(latents, "base", lambda _: BASE)
        patch.setattr(trained, "stem", Path)  # no backbone is read
        lists = [np.array([3, 0]), np.array([1, 20]), np.array([2]), np.array([40, 30])]
        patch.setattr(Core50, "batches", lambda _, run: (lists[run % 2 :], np.arange(3, 16)))
        yield  # type: ignore[misc]


def known(scenario: Scenario) -> set[int]:
    """Return the classes that are known before the first session."""
    base = scenario.base("package")
    return set(range(len(base.means))) if isinstance(base, FewShotBase) and base.known else set()


def stream(scenario: Scenario, seed: int) -> list[Session]:
    return list(scenario.sessions("package", seed))


@every
@settings(max_examples=20)
@given(seed=st.integers(0, 2**31))
def test_nothing_learned_is_ever_tested(scenario: Scenario, seed: int) -> None:
    sessions = stream(scenario, seed)
    base = scenario.base("package")
    prepared = base.examples.x if isinstance(base, FewShotBase) else base.calibration
    learned = [numbers(session.train.x) for session in sessions if session.train is not None]
    flat = [number for part in [numbers(prepared)[:1], *learned] for number in part]
    tested = {number for session in sessions for number in numbers(session.test.x)}
    assert not tested & set(flat)
    assert len(flat) == len(set(flat))  # and nothing is learned twice


@every
@settings(max_examples=10)
@given(seed=st.integers(0, 2**31))
def test_tests_are_of_the_classes_seen_so_far(scenario: Scenario, seed: int) -> None:
    seen = known(scenario)
    old = len(seen)
    for session in stream(scenario, seed):
        if session.train is not None:
            seen |= set(session.train.labels.tolist())
        if len(session.test):
            assert set(session.test.labels.tolist()) - {shot_by_shot.UNKNOWN} == seen
        assert session.base_classes == old
    assert len(session.test), "the last session is tested"


@every
def test_sessions_are_in_order_and_time_grows(scenario: Scenario) -> None:
    sessions = stream(scenario, 0)
    first = int(scenario.protocol is shot_by_shot.PROTOCOL)
    assert [session.number for session in sessions] == list(range(first, first + len(sessions)))
    times = [session.time_s for session in sessions]
    assert times == sorted(set(times))
    assert len(sessions) > 1


@every
def test_there_is_something_to_learn_but_where_the_base_is_known(scenario: Scenario) -> None:
    idle = [session.number for session in stream(scenario, 0) if session.train is None]
    assert idle == ([0] if known(scenario) else [])


@every
@settings(max_examples=10)
@given(seed=st.integers(0, 2**31))
def test_groups_are_the_experiences_in_which_classes_came_first(scenario: Scenario, seed: int) -> None:
    first: dict[int, int] = {}
    for session in stream(scenario, seed):
        if scenario.protocol is not class_stream.PROTOCOL:
            assert session.groups is None
            continue
        assert session.train is not None
        for label in session.train.labels.tolist():
            first.setdefault(label, session.number)
        assert session.groups is not None
        assert session.groups.tolist() == [first[label] for label in session.test.labels.tolist()]


@every
def test_the_same_seed_gives_the_same_stream(scenario: Scenario) -> None:
    assert same(stream(scenario, 5), stream(scenario, 5))
    assert same(scenario.base("package"), scenario.base("package"))


@every
def test_vectors_and_labels_are_what_learners_take(scenario: Scenario) -> None:
    for session in stream(scenario, 0):
        for part in (session.train, session.test):
            if part is not None:
                packed = isinstance(scenario, (ClassStream, AddedWords)) and scenario.give == "latents"
                assert part.x.dtype == (torch.uint8 if packed else torch.float32)
                assert part.labels.dtype == torch.int64
                assert len(part.x) == len(part.labels) == len(part)


@every
def test_it_says_which_data_it_is(scenario: Scenario) -> None:
    assert "numbered vectors" in scenario.describe("package")
    assert "\n" not in scenario.describe("package")


@every
def test_what_seeds_draw_is_said(scenario: Scenario) -> None:
    def learned(seed: int) -> list[list[int]]:
        return [list(numbers(session.train.x)) for session in stream(scenario, seed) if session.train is not None]

    differ = any(learned(seed) != learned(0) for seed in range(1, 6))
    assert bool(scenario.drawn("package")) == differ
    again = scenario.redrawn()
    assert again is None or (again.drawn("package") and not scenario.drawn("package"))
