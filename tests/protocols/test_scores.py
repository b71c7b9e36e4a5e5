"""What each protocol measures of answers, against cases worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from insitu.core import InsituError
from insitu.metrics import Row
from insitu.protocols import Examples, Session, class_stream, episodes, few_shot_sessions, trajectories

LABELS = np.array([0, 0, 1, 1, 2, 2, 3, 3])  # classes 0 and 1 are old
GUESS = np.array([0, 0, 1, 2, 2, 0, 0, 0])  # 2 + 1 of 4 old ones right, 1 + 0 of 4 new ones
CLASSES = arrays.arrays(np.int64, 30, elements=st.integers(0, 5))


def session(labels: np.ndarray, **about: Any) -> Session:
    return Session(0, 0.0, None, Examples(torch.zeros(len(labels), 1), torch.from_numpy(labels)), **about)


def few_shot(guess: np.ndarray, labels: np.ndarray, old: int) -> Row:
    return few_shot_sessions.score([session(labels, base_classes=old)], [torch.from_numpy(guess)])


def stream(guess: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> Row:
    return class_stream.score([session(labels, groups=torch.from_numpy(groups))], [torch.from_numpy(guess)])


def test_accuracies_by_hand() -> None:
    assert few_shot(GUESS, LABELS, 2) == {
        "classes": 4,
        "overall": 50.0,
        "balanced": 50.0,
        "base": 75.0,
        "novel": 25.0,
        "harmonic": pytest.approx(2 * 75 * 25 / 100),
    }


def test_the_overall_accuracy_counts_tests_not_classes() -> None:
    found = few_shot(np.array([0, 0, 0, 5]), np.array([0, 0, 0, 1]), 1)
    assert (found["overall"], found["base"], found["novel"], found["harmonic"]) == (75.0, 100.0, 0.0, 0.0)
    assert found["balanced"] == 50.0


def test_what_has_no_tests_is_absent() -> None:
    assert set(few_shot(GUESS, LABELS, 4)) == {"classes", "overall", "balanced", "base"}
    assert set(few_shot(GUESS, LABELS, 0)) == {"classes", "overall", "balanced"}


def test_nothing_right_is_zero_and_no_warning() -> None:
    found = few_shot(LABELS + 10, LABELS, 2)
    assert [found[name] for name in ("overall", "base", "novel", "harmonic")] == [0.0] * 4


def test_novelty_where_two_points_of_the_base_are_forgotten_by_hand() -> None:
    # 100 tests of class 0, which class 1 trails by 1, 2 ... 100; two may be lost, so that class 1 is raised by 3
    old = torch.stack([torch.zeros(100), -torch.arange(1.0, 101.0)], 1)
    new = torch.tensor([[0.0, -0.5], [0.0, -2.9], [0.0, -3.0], [0.0, -9.0], [0.0, 1.0]])
    labels = np.array([0] * 100 + [1] * 5)
    found = few_shot_sessions.score_similarities(
        session(labels, base_classes=1), torch.tensor([0, 1]), torch.cat([old, new])
    )
    assert found == {"novel_at_2": pytest.approx(60.0)}


@given(st.integers(0, 1000), st.floats(-5, 5))
def test_novelty_at_fixed_forgetting_does_not_depend_on_a_constant(seed: int, constant: float) -> None:
    rng = np.random.default_rng(seed)
    scores, labels = torch.from_numpy(rng.standard_normal((200, 6))), rng.integers(0, 6, 200)
    classes, moved = torch.arange(6), torch.tensor([0.0, 0, 0, 1, 1, 1]) * constant
    given = session(labels, base_classes=3)
    found = [few_shot_sessions.score_similarities(given, classes, each) for each in (scores, scores + moved)]
    assert found[0]["novel_at_2"] == pytest.approx(found[1]["novel_at_2"], abs=4)  # ties may round another way
    assert 0 <= float(found[0]["novel_at_2"]) <= 100


def test_novelty_takes_classes_of_both_kinds() -> None:
    given, scores = session(LABELS, base_classes=4), torch.zeros(8, 4)
    assert few_shot_sessions.score_similarities(given, torch.arange(4), scores) == {}


@given(CLASSES, CLASSES)
def test_overall_lies_between_base_and_novel(guess: np.ndarray, labels: np.ndarray) -> None:
    found = few_shot(guess, labels, 1 + int(labels.min()))
    parts = [float(found[name]) for name in ("base", "novel") if name in found]
    assert min(parts) - 1e-9 <= float(found["overall"]) <= max(parts) + 1e-9
    if "harmonic" in found:
        assert min(parts) - 1e-9 <= float(found["harmonic"]) <= np.mean(parts) + 1e-9


def test_groups_are_experiences_and_nothing_is_old() -> None:
    found = stream(GUESS, LABELS, np.array([0, 0, 0, 0, 3, 3, 3, 3]))
    assert found == {"classes": 4, "overall": 50.0, "experience_0": 75.0, "experience_3": 25.0}
    with pytest.raises(InsituError, match="give groups"):
        stream(GUESS, LABELS, np.zeros(3, int))
    with pytest.raises(InsituError, match="give groups"):
        class_stream.score([session(LABELS)], [torch.from_numpy(GUESS)])


@given(CLASSES, CLASSES)
def test_the_overall_accuracy_is_that_of_experiences_by_their_tests(guess: np.ndarray, groups: np.ndarray) -> None:
    found = stream(guess, groups, groups)
    parts = [float(found[f"experience_{k}"]) * int((groups == k).sum()) for k in np.unique(groups)]
    assert found["overall"] == pytest.approx(sum(parts) / 30)


@pytest.mark.parametrize("guess", [GUESS[:3], GUESS[:, None], np.zeros(0, int)])
def test_guesses_and_labels_go_together(guess: np.ndarray) -> None:
    labels = LABELS if len(guess) else guess
    for score in (lambda: few_shot(guess, labels, 2), lambda: stream(guess, labels, labels)):
        with pytest.raises(InsituError, match="one guess per label, at least one"):
            score()


def tasks(right: list[int]) -> Row:
    """Score tasks of ten queries, so many of them right, cut into two sessions."""
    labels = np.ones((len(right), 10), int)
    guess = (np.arange(10) < np.array(right)[:, None]).astype(int)
    sessions = [session(part) for part in np.array_split(labels, 2)]
    return episodes.score(sessions, [torch.from_numpy(part) for part in np.array_split(guess, 2)])


@given(st.lists(st.integers(0, 10), min_size=2, max_size=30))
def test_accuracy_over_tasks_is_their_mean_with_its_interval(right: list[int]) -> None:
    shares, found = np.array(right) / 10, tasks(right)
    assert (found["tasks"], found["classes"]) == (len(right), 2)
    assert found["overall"] == pytest.approx(100 * shares.mean())
    assert found["interval"] == pytest.approx(196 * np.std(shares, ddof=1) / np.sqrt(len(shares)))
    # four hundred times as many of the same tasks make it a twentieth, but for the one degree of freedom
    assert float(tasks(400 * right)["interval"]) <= float(found["interval"]) / 19 + 1e-9


def test_one_task_has_no_interval() -> None:
    one = session(np.array([[0, 1]]))
    assert episodes.score([one], [torch.tensor([[0, 0]])]) == {"classes": 2, "overall": 50.0, "tasks": 1}


def test_errors_of_velocities_are_medians_of_root_mean_squares() -> None:
    target = np.zeros((3, 4, 2), np.float32)
    made = target + np.array([0.3, -0.4]) * np.arange(1, 4)[:, None, None]
    made[1, :, 0] = [0.0, 0.0, 0.0, 1.2]  # one step in four
    sessions = [session(target[:1]), session(target[1:])]
    found = trajectories.score(sessions, [torch.from_numpy(part) for part in (made[:1], made[1:])])
    assert found == {"tasks": 3, "omega_base": pytest.approx(0.6), "omega_shoulder": pytest.approx(0.8)}
