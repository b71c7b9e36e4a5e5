"""A board at a serial line does what Python does, whatever the line loses or changes."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from emulation import Noisy, Pipe, built, emulated, served
from test_saving import small_memory

from insitu.board import Board
from insitu.board.checksums import sealed
from insitu.core import InsituError
from insitu.memory.board_memory import codes_of, memory_of
from insitu.memory.integer_memory import IntegerMemory

CODES = np.random.default_rng(8).integers(-400, 400, (40, 6)).astype(np.int16)


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return built(tmp_path_factory.mktemp("served"), small_memory())


@pytest.fixture
def pipe(command: list[str]) -> Iterator[Pipe]:
    with served(command) as port:
        yield port


def use(board: Board, memory: IntegerMemory) -> None:
    """Do the same on both sides, and compare."""
    for row in range(12):
        label = ("class1", "mug", "é")[row % 3]
        board.teach(label, CODES[row])
        memory.teach(CODES[row], label)
    board.forget("class0")
    memory.forget("class0")
    for codes, answer in zip(CODES, memory.predict(CODES), strict=True):
        found = board.predict(codes)
        assert found.label == memory.labels[answer.slot].decode()
        assert (found.similarity, found.margin) == (answer.score / 2**15, answer.margin / 2**15)
    held = {name.decode(): shots for name, shots in zip(memory.labels, memory.shots, strict=True) if name}
    assert board.classes() == held
    assert memory_of(board).block() == memory.block()


def test_every_answer_is_that_of_python(pipe: Pipe) -> None:
    use(Board(pipe), small_memory())


def test_lost_and_garbled_bytes_change_nothing(pipe: Pipe) -> None:
    noisy = Noisy(pipe, 0.004)
    use(Board(noisy, patience_s=0.06), small_memory())
    assert noisy.damaged > 20


def test_big_endian_boards_answer_the_same(tmp_path: Path) -> None:
    with served(built(tmp_path, small_memory(), "s390x, big-endian")) as port:
        use(Board(port), small_memory())


def test_the_firmware_serves_on_an_emulated_board(tmp_path: Path) -> None:
    pytest.importorskip("serial")
    with emulated(tmp_path, small_memory()) as name, Board(name) as board:
        assert board.info().flags == 7
        use(board, small_memory())
        board.teach("seen")
        assert board.predict().similarity > 0.5


def test_a_request_that_comes_twice_is_carried_out_once(pipe: Pipe) -> None:
    class Twice(Pipe):
        def __init__(self) -> None:
            self.in_waiting = pipe.in_waiting

        def read(self, size: int = 1) -> bytes:
            return pipe.read(size)

        def write(self, data: bytes) -> int:
            return pipe.write(data + data)

    board = Board(Twice())
    for _ in range(3):
        board.teach("once", CODES[0])
    assert board.classes()["once"] == 3


def test_a_backup_is_restored_with_every_bit(pipe: Pipe) -> None:
    board = Board(pipe)
    before = memory_of(board)
    block = board.backup()
    board.teach("more", CODES[0])
    board.restore(block)
    assert memory_of(board).block() == before.block()
    damaged = bytearray(block)
    damaged[40] ^= 1  # a label
    with pytest.raises(InsituError, match="no whole block"):
        board.restore(bytes(damaged))
    assert memory_of(board).block() == before.block()


def test_a_block_that_does_not_fit_leaves_the_memory_as_it_is(pipe: Pipe) -> None:
    board = Board(pipe)
    board.teach("mug", CODES[0])
    before, block = memory_of(board).block(), bytearray(board.backup())
    for place in (4, 6, 12):  # version, rows, model
        other = copy.copy(block)
        other[place] ^= 1
        other = bytearray(sealed(bytes(other[:-4])))  # so that the board judges it
        with pytest.raises(InsituError):
            board.restore(bytes(other))
    with pytest.raises(InsituError):
        board.restore(bytes(block[:128]))
    with pytest.raises(InsituError):
        board.restore(bytes(block) + bytes(64))
    assert memory_of(board).block() == before


def test_inputs_of_a_board_become_its_codes(pipe: Pipe) -> None:
    x = np.random.default_rng(0).standard_normal((9, 6))
    assert np.array_equal(codes_of(Board(pipe), x), small_memory().space.codes(x))


def test_every_refusal_is_one_line(command: list[str]) -> None:
    with served([*command, "without storage and sensor"]) as port:
        board = Board(port)
        with pytest.raises(InsituError, match="does not hold this class"):
            board.forget("none")
        with pytest.raises(InsituError, match="empty or longer"):
            board.teach("much too long", CODES[0])
        with pytest.raises(InsituError, match="empty or longer"):
            board.teach("a\0b", CODES[0])
        with pytest.raises(InsituError, match="no storage, no sensor"):
            board.backup()
        with pytest.raises(InsituError, match="no storage, no sensor"):
            board.teach("seen")
        with pytest.raises(InsituError, match="does not know this request"):
            board.teach("mug", np.zeros(7, np.int16))
        board.teach("4", CODES[0])
        board.teach("5", CODES[0])
        with pytest.raises(InsituError, match="every slot"):
            board.teach("6", CODES[0])
        for label in board.classes():
            board.forget(label)
        with pytest.raises(InsituError, match="holds no class"):
            board.predict(CODES[0])


def test_a_port_without_a_board_says_so() -> None:
    class Silent(Pipe):
        def __init__(self) -> None:
            self.in_waiting = 0

        def read(self, size: int = 1) -> bytes:
            return b"noise\0"[:size]

        def write(self, data: bytes) -> int:
            return len(data)

    with pytest.raises(InsituError, match="no answer from Silent"):
        Board(Silent(), patience_s=0.001).info()
    pytest.importorskip("serial")
    with pytest.raises(InsituError, match="there is no serial port /dev/nothing"):
        Board("/dev/nothing")
