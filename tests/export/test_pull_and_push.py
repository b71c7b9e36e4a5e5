"""What a board has learned is known in Python, on any substrate, and the other way round."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from emulation import built, served
from sklearn.datasets import load_digits

from insitu.board import Board
from insitu.core import InsituError
from insitu.export import integer_memory
from insitu.memory import Memory
from insitu.memory.board_memory import codes_of, input_of, memory_of
from insitu.memory.integer_memory import IntegerMemory
from insitu.memory.integer_space import LENGTH

images, digits = load_digits(return_X_y=True)
NAMES = np.array([f"digit {label}" for label in digits])
TAUGHT = np.concatenate([np.flatnonzero(digits == label)[:10] for label in range(8)])
MORE = np.concatenate([np.flatnonzero(digits == label)[:10] for label in (8, 9)])
TESTS = np.setdiff1d(np.arange(len(images)), np.concatenate([TAUGHT, MORE]))
NEW = TESTS[digits[TESTS] >= 8]


def eight(substrate: str, dim: int = 128) -> Memory:
    return Memory(substrate, dim=dim).fit(images[TAUGHT], NAMES[TAUGHT])


@pytest.fixture(scope="module")
def exported() -> IntegerMemory:
    return integer_memory(eight("digital"), capacity=12)


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory, exported: IntegerMemory) -> list[str]:
    return built(tmp_path_factory.mktemp("served"), exported)


@pytest.mark.parametrize("substrate", ["digital", "pcm_nandakumar2018"])
def test_classes_taught_on_the_board_are_known_here(command: list[str], substrate: str) -> None:
    memory, direct = eight(substrate), eight(substrate).partial_fit(images[MORE], NAMES[MORE])
    with served(command) as port:
        board = Board(port)
        for row in MORE:
            board.teach(NAMES[row], codes_of(board, images[[row]])[0])
        assert memory.pull(board) == {"digit 8": 10, "digit 9": 10}
        assert memory.pull(board) == {}
    assert memory.class_count_.tolist() == [10] * 10
    assert memory.score(images[NEW], NAMES[NEW]) > direct.score(images[NEW], NAMES[NEW]) - 0.06
    assert memory.score(images[TESTS], NAMES[TESTS]) > direct.score(images[TESTS], NAMES[TESTS]) - 0.04
    assert memory.undo().classes_.tolist() == [f"digit {label}" for label in range(8)]


def test_more_examples_of_a_known_class_are_added_to_it(command: list[str]) -> None:
    memory = eight("digital")
    more = np.flatnonzero(digits == 1)[10:40]
    before = memory._fitted().means[[memory._fitted().numbers["digit 1"]]][0]
    with served(command) as port:
        board = Board(port)
        for row in more:
            board.teach("digit 1", codes_of(board, images[[row]])[0])
        assert memory.pull(board) == {"digit 1": 30}
        board.teach("digit 1", codes_of(board, images[more[:1]])[0])
        assert memory.pull(board) == {"digit 1": 1}  # now of a class whose examples are not all stored here
    mean = memory._fitted().means[[memory._fitted().numbers["digit 1"]]][0]
    exact = images[np.concatenate([TAUGHT[digits[TAUGHT] == 1], more])].mean(0)
    assert np.linalg.norm(mean - exact) < 0.6 * np.linalg.norm(before - exact)


def test_what_is_taught_here_is_known_on_the_board(command: list[str]) -> None:
    memory = eight("pcm_nandakumar2018").partial_fit(images[MORE], NAMES[MORE])
    with served(command) as port:
        board = Board(port)
        board.teach("own", codes_of(board, images[:1])[0])
        assert memory.push(board) == {"digit 8": 10, "digit 9": 10}
        assert memory.push(board) == {}
        assert board.classes()["own"] == 1
        board.forget("own")
        codes = codes_of(board, images[TESTS[:150]])
        found = [board.predict(row).label for row in codes]
        assert np.mean(found == NAMES[TESTS[:150]]) > 0.85
        there = memory_of(board)
        assert memory.pull(board) == {}
    # the same words as if taught on the board, but for the rounding of sums
    taught = integer_memory(eight("digital"), capacity=12)
    for row in MORE:
        taught.teach(taught.space.codes(images[[row]])[0], NAMES[row])
    for label in ("digit 8", "digit 9"):
        slots = [(each, each.slot_of(label) or 0) for each in (there, taught)]
        one, other = (each.sums[slot] << each.exponents[slot] for each, slot in slots)
        assert np.linalg.norm(one - other) < 0.01 * np.linalg.norm(other)


def test_what_does_not_fit_is_refused_and_nothing_changes(command: list[str]) -> None:
    memory = eight("digital")
    with served(command) as port:
        board = Board(port)
        board.forget("digit 1")
        for row in np.flatnonzero(digits == 7)[:12]:
            board.teach("digit 1", codes_of(board, images[[row]])[0])
        with pytest.raises(InsituError, match="different ones"):
            memory.pull(board)
        assert memory.class_count_.tolist() == [10] * 8
        with pytest.raises(InsituError, match="takes 64 inputs, this memory 3"):
            Memory("digital").fit(images[:4, :3], ["a", "b"] * 2).pull(board)
        numbers = Memory("digital", dim=128).fit(images[TAUGHT], digits[TAUGHT])
        with pytest.raises(InsituError, match="labels of this memory are int"):
            numbers.pull(board)
        full = eight("digital").partial_fit(images[:5], [f"more {k}" for k in range(5)])
        before = memory_of(board).block()
        with pytest.raises(InsituError, match="room for 12 classes"):
            full.push(board)
        assert memory_of(board).block() == before


@pytest.mark.parametrize(("dim", "cosine"), [(16, 0.98), (48, 0.98), (64, 0.98), (128, 0.99), (300, 0.99)])
def test_a_direction_becomes_an_input_of_that_direction(dim: int, cosine: float) -> None:
    space = integer_memory(eight("digital", dim)).space
    for label in (3, 8, 9):
        total = space.vectors(space.codes(images[digits == label][:20])).sum(0)
        x = input_of(space, total.astype(np.float64))
        vector = space.vectors(space.codes(x[None]))[0]
        assert vector @ total / np.linalg.norm(vector) / np.linalg.norm(total) > cosine
        spread = images[TAUGHT].std(0) + 1
        assert np.abs((x - images[TAUGHT].mean(0)) / spread).max() < 6
    assert np.allclose(np.linalg.norm(vector), LENGTH, rtol=0.01)


def test_pulling_is_stored_with_the_memory(command: list[str], tmp_path: Path) -> None:
    with Memory.open(tmp_path / "digits.insitu", substrate="digital", dim=128) as memory, served(command) as port:
        memory.fit(images[TAUGHT], NAMES[TAUGHT])
        board = Board(port)
        board.teach("digit 9", codes_of(board, images[MORE[-1:]])[0])
        memory.pull(board)
        found = memory.predict(images[TESTS]).tolist()
    with Memory.open(tmp_path / "digits.insitu") as again:
        assert again.predict(images[TESTS]).tolist() == found
        assert again.replay("digital").predict(images[TESTS]).tolist() == found
