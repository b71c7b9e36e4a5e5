"""Ports that cannot be opened, lose what comes first, or take no more: one line or another try, never a wait."""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from pathlib import Path

import pytest

from insitu.board import Board, frames
from insitu.board.client import ANSWER, SLOW_TRIES, SLOWER, TRIES
from insitu.board.ports import WRITE_S, open_port
from insitu.core import InsituError

INFO = struct.pack("<BBHHHHHIII", 1, 7, 6, 10, 5, 8, 3, 99, 9000, 320)


class Starting:
    """A board that answers every request with INFO once so many are lost, and that takes no byte of first writes."""

    def __init__(self, lost: int = 0, full: int = 0, cut: int = 0) -> None:
        self.lost, self.full, self.cut = lost, full, cut
        self.sent, self.writes, self.in_waiting = b"", 0, 0

    def write(self, data: bytes) -> int:
        self.writes += 1
        if self.writes <= self.full:
            raise TimeoutError("full")
        if self.writes > self.full + self.lost:
            content = frames.decoded(data.strip(b"\0"))
            assert content is not None
            answer = frames.encoded(content[:4] + bytes([content[4] + ANSWER, 0]) + INFO)
            self.sent += answer[self.cut :]
            self.cut = 0
        return len(data)

    def read(self, size: int = 1) -> bytes:
        out, self.sent = self.sent[:size], self.sent[size:]
        if not out:
            time.sleep(0.0005)
        return out

    def close(self) -> None: ...


@pytest.mark.parametrize("start", [{"lost": 3}, {"full": 3}, {"lost": 2, "full": 2}, {"cut": 7}, {"lost": TRIES - 1}])
def test_what_is_lost_while_a_board_starts_is_sent_again(start: dict[str, int]) -> None:
    port = Starting(**start)
    board = Board(port, patience_s=0.003)
    assert board.info().features == 6
    assert port.writes == sum(start.values()) + 1 if "cut" not in start else port.writes == 2
    board.teach("cup")
    assert not port.sent


@pytest.mark.parametrize("start", [{"lost": 10**6}, {"full": 10**6}])
@pytest.mark.parametrize(("slow", "tries"), [(False, TRIES), (True, SLOW_TRIES)])
def test_a_board_that_never_answers_is_given_up(start: dict[str, int], slow: bool, tries: int) -> None:
    port, begun = Starting(**start), time.monotonic()
    board = Board(port, patience_s=0.001)
    with pytest.raises(InsituError, match=f"no answer from Starting to {tries} requests"):
        board.teach("cup") if slow else board.info()
    assert port.writes == tries
    assert time.monotonic() - begun < 20 * tries * 0.001 * (SLOWER if slow else 1)


def test_other_failures_of_a_line_are_one_line() -> None:
    class Gone(Starting):
        def write(self, data: bytes) -> int:
            raise OSError(errno.EIO, "write failed: [Errno 5]")

        def read(self, size: int = 1) -> bytes:
            raise OSError("device reports readiness to read but returned no data")

    class Deaf(Gone):
        write = Starting.write

    for port in (Gone(), Deaf()):
        with pytest.raises(InsituError, match=r"^the connection to \w+ broke; [^\[]*$"):
            Board(port).info()


def test_a_line_that_is_full_does_not_block() -> None:
    pytest.importorskip("serial")
    board, line = os.openpty()
    try:
        port, begun = open_port(os.ttyname(line), 115200), time.monotonic()
        with pytest.raises(OSError, match="timeout"):
            port.write(bytes(1 << 22))  # nobody reads
        assert time.monotonic() - begun < 20 * WRITE_S
        os.set_blocking(board, False)
        os.read(board, 1 << 20)
        assert port.write(b"more") == 4
        port.close()
    finally:
        os.close(board)
        os.close(line)


def test_classes_are_forgotten_together_or_not_at_all() -> None:
    class Holding(Board):
        held: dict[str, int]

        def classes(self) -> dict[str, int]:
            return dict(self.held)

        def forget(self, label: str) -> None:
            del self.held[label]

    board = Holding(Starting())
    board.held = {"a": 1, "b": 2, "c": 3}
    with pytest.raises(InsituError, match="does not hold d; it holds a, b, c"):
        board.forget_all(["a", "d"])
    assert board.held == {"a": 1, "b": 2, "c": 3}
    board.forget_all(["a", "b", "a"])
    assert board.held == {"c": 3}


def refusal(name: str, baud: int = 115200) -> str:
    pytest.importorskip("serial")
    with pytest.raises(InsituError) as raised:
        open_port(name, baud)
    text = str(raised.value)
    assert "Errno" not in text
    assert "could not open port" not in text
    assert "\n" not in text
    return text


@pytest.mark.parametrize("name", ["socket://nohost", "socket://", "socket://:4000", "socket://a:b", "socket://a:70000"])
def test_urls_without_host_or_port_are_refused(name: str) -> None:
    assert f"is socket://host:port, such as socket://localhost:4000; got {name}" in refusal(name)


def test_ports_that_cannot_be_opened_say_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal("/dev/nothing").startswith("there is no serial port /dev/nothing; ")
    (tmp_path / "file").write_text("no port")
    assert "file is no serial port" in refusal(str(tmp_path / "file"))
    assert "is no serial port" in refusal(str(tmp_path))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{free.getsockname()[1]}"
        assert f"nothing takes connections at {where} (Connection refused)" in refusal(f"socket://{where}")
    assert "there is no host nowhere.invalid" in refusal("socket://nowhere.invalid:80")
    assert "could not open tcp://a:1" in refusal("tcp://a:1")

    def denied(*_: object, **__: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("serial.serialposix.os.open", denied)
    assert "no permission to open /dev/ttyACM0; on Linux, add your user" in refusal("/dev/ttyACM0")
