"""Tasks of vectors: classes outside the base alone, no class or image twice, equal for equal seeds."""

from __future__ import annotations

from typing import Any

import pytest

from insitu.core import InsituError
from insitu.scenarios import few_shot_tasks
from insitu.scenarios.few_shot_tasks import FewShotTasks
from numbered import LISTED, OLD, TESTS, WAYS, numbered, numbers

SMALL = FewShotTasks(ways=4, shots=3, queries=5, tasks=7, batch_size=3)


@pytest.fixture(autouse=True)
def _vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few_shot_tasks, "load", lambda *_: numbered())


def drawn(scenario: FewShotTasks, seed: int) -> list[list[int]]:
    """Return the numbers of the vectors of each task, its support first."""
    out = []
    for session in scenario.sessions("package", seed):
        assert session.train is not None
        for support, queries in zip(session.train.x, session.test.x, strict=True):
            out.append(numbers(support) + numbers(queries))
    return out


def test_a_task_has_no_vector_twice_and_none_of_the_base() -> None:
    everything = numbered()
    x, labels = everything.novel()
    label = dict(zip(numbers(x), labels.tolist(), strict=True))
    for task in drawn(SMALL, 0):
        assert len(task) == len(set(task)) == 4 * (3 + 5)
        assert set(task) <= set(label)
        assert len({label[number] for number in task}) == 4
        assert {label[number] for number in task[: 4 * 3]} == {label[number] for number in task[4 * 3 :]}


def test_labels_are_ways_of_one_class_each() -> None:
    x, labels = numbered().novel()
    label = dict(zip(numbers(x), labels.tolist(), strict=True))
    session = next(SMALL.sessions("package", 0))
    assert session.train is not None
    for part in (session.train, session.test):
        for task, ways in zip(part.x, part.labels.tolist(), strict=True):
            pairs = {(way, label[number]) for way, number in zip(ways, numbers(task), strict=True)}
            assert sorted(way for way, _ in pairs) == [0, 1, 2, 3]


def test_tasks_come_in_batches_and_belong_to_the_seed() -> None:
    assert [len(session.test) for session in SMALL.sessions("package", 0)] == [3, 3, 1]
    assert drawn(SMALL, 1) == drawn(SMALL, 1) != drawn(SMALL, 2)
    shared = FewShotTasks(ways=4, tasks=7, drawn_for="all-seeds")
    assert drawn(shared, 1) == drawn(shared, 2)
    assert (SMALL.drawn("package"), shared.drawn("package")) == ("sets of tasks", "")


def test_the_base_is_not_known() -> None:
    base = SMALL.base("package")
    assert len(base.means) == OLD
    assert not base.known


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"ways": 1}, "ways are at least 2; got 1"),
        ({"queries": 0}, "queries is at least 1; got 0"),
        ({"drawn_for": "none"}, "drawn_for is each-seed or all-seeds"),
        ({"ways": 3 * WAYS + 1}, f"there are {3 * WAYS}: take fewer ways"),
        ({"shots": LISTED, "queries": TESTS + 1}, f"need {LISTED + TESTS + 1} images of a class"),
    ],
)
def test_what_cannot_be_drawn_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InsituError, match=says):
        list(FewShotTasks(**fields).sessions("package", 0))
