"""A space of many classes is fitted by one teaching and written by the next, whatever happens between the two."""

from __future__ import annotations

import os
import signal
import threading
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from insitu import Memory
from insitu.memory import operations
from insitu.memory.operations import AT_ONCE, Operations

FEATURES, DIM = 8, 16
CLASSES = int(AT_ONCE * operations.MORE_CLASSES) + 2  # the space is fitted again, and written, after the first AT_ONCE
DRAWN = np.random.default_rng(0).standard_normal((CLASSES + 20, 2, FEATURES))  # two examples of each class


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The fits and rewritings from now on."""
    done: list[str] = []

    def noting(name: str, action: Any) -> Any:
        return lambda *given: (done.append(name), action(*given))[1]

    monkeypatch.setattr(operations, "fit_space", noting("fit", operations.fit_space))
    monkeypatch.setattr(Operations, "_rewrite", noting("write", Operations._rewrite))
    return done


def examples(count: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    return DRAWN[:count].reshape(-1, FEATURES), np.repeat(np.arange(count), 2)


def taught(count: int) -> Memory:
    return Memory("digital", dim=DIM).fit(*examples(count))


def teach(memory: Memory, number: int) -> None:
    memory.partial_fit(DRAWN[number], [number] * 2)


def finish_fits() -> None:
    """Wait for the thread that fits spaces."""
    operations._fitter().submit(int).result()


def test_many_classes_are_never_fitted_and_written_by_the_same_teaching(steps: list[str]) -> None:
    memory = taught(AT_ONCE)
    each = []
    for number in range(AT_ONCE, CLASSES):
        steps.clear()
        teach(memory, number)
        finish_fits()
        each.append(tuple(steps))
    assert ("fit",) in each
    assert each[each.index(("fit",)) + 1] == ("write",)
    assert ("fit", "write") not in each
    assert memory._model is not None
    assert memory._model.space is not None
    assert memory._model.space.classes > AT_ONCE


def test_few_classes_are_written_by_the_teaching_that_fits_their_space(steps: list[str]) -> None:
    memory = taught(8)
    steps.clear()
    teach(memory, 8)
    teach(memory, 9)
    assert steps == ["fit", "write"]


def test_a_large_teaching_is_in_its_own_space_at_once(steps: list[str]) -> None:
    memory = taught(AT_ONCE)
    steps.clear()
    memory.partial_fit(*examples(len(DRAWN)))
    assert steps == ["fit", "write"]


def test_what_lies_between_the_steps_does_not_count(tmp_path: Path, steps: list[str]) -> None:
    memories = [taught(AT_ONCE), taught(AT_ONCE)]
    stored = Memory.open(tmp_path / "a.insitu", substrate="digital", dim=DIM)
    stored.fit(*examples(AT_ONCE))
    for number in range(AT_ONCE, CLASSES):
        teach(memories[0], number)
        memories[1] = deepcopy(memories[1])
        teach(memories[1], number)
        stored.close()
        stored = Memory.open(tmp_path / "a.insitu")
        teach(stored, number)
    assert steps.count("write") == 6, "each of three wrote its first and one more space"
    asked = DRAWN.reshape(-1, FEATURES)
    expected = memories[0].predict_proba(asked)
    for other in (memories[1], stored, stored.replay("digital")):
        assert np.array_equal(other.predict_proba(asked), expected)
    stored.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_does_not_wait_for_a_fit_that_its_parent_began(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, goes_on = threading.Event(), threading.Event()
    fit_space, parent = operations.fit_space, os.getpid()

    def slow(*given: Any) -> Any:
        if os.getpid() == parent and threading.current_thread() is not threading.main_thread():
            begun.set()
            goes_on.wait(60)
        return fit_space(*given)

    memory = taught(AT_ONCE)
    monkeypatch.setattr(operations, "fit_space", slow)
    number = AT_ONCE
    while not begun.wait(0.05) and number < CLASSES:
        teach(memory, number)
        number += 1
    assert begun.is_set()
    if not (child := os.fork()):
        signal.alarm(30)  # ends a child that waits
        teach(memory, number)
        os._exit(0)
    goes_on.set()
    assert os.waitpid(child, 0)[1] == 0
