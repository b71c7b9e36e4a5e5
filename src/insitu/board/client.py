"""Requests to a board, repeated until they are answered; a repeated one is carried out once."""

from __future__ import annotations

import secrets
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from insitu.board import frames
from insitu.board.checksums import sealed, unsealed
from insitu.board.ports import Port, open_port, timed_out
from insitu.core import InsituError

PROTOCOL, BAUD = 1, 115200
PATIENCE_S, TRIES = 0.25, 40  # until a request is repeated, and how often it is sent: 10 s
SLOWER, SLOW_TRIES = 8, 15  # factor for requests that read a sensor or write flash, and how often these are sent: 30 s
CODES, BYTES, CHUNK = 120, 240, 64  # of one request: input codes, bytes read, bytes written
SHOWN = 20  # classes in a message
ANSWER = 128  # added to the verb
HEADER = 20  # bytes of a block before its slots, of which the last four number the save
STATUS = {
    -1: "every slot of the board holds a class: forget one, or export a larger capacity",
    -2: "a label is empty or longer than the board has room for",
    -3: "the board does not hold this class",
    -4: "the memory of the board holds no class yet; teach it some examples first",
    -6: "the storage of the board holds no saved memory",
    -7: "the saved memory is damaged: its checksum does not match",
    -8: "the saved memory is of another version of the format",
    -9: "the saved memory is of another model, capacity or length of labels",
    -10: "the storage of the board reported an error",
    -12: "the firmware of the board does not know this request; build it from a folder that was exported now",
    -13: "the firmware of the board has no storage, no sensor, or was built without INSITU_FLOAT, which this needs",
    -14: "the sensor of the board reported an error",
}


class Verb(IntEnum):
    """Requests, as in insitu_serial.h."""

    INFO, INPUT, SENSE, TEACH, PREDICT, FORGET, LABEL, SAVE, READ, ERASE, WRITE, LOAD = range(12)


@dataclass(frozen=True)
class Info:
    """Sizes and features of a board."""

    protocol: int
    flags: int  # 1: storage, 2: a sensor, 4: offset and step of input codes
    features: int
    rows: int
    capacity: int
    label_bytes: int
    held: int  # classes
    digest: int  # checksum of the constants that vectors depend on
    excess: int
    block_bytes: int


@dataclass(frozen=True)
class Prediction:
    """The most similar class, its similarity, and how far the next is behind (None where there is no other)."""

    label: str
    similarity: float  # cosine to the class, corrected for few examples: it may exceed 1, and is at most 10^.5
    margin: float | None


class Board:
    """A board on ``port``: the name of a serial device, a URL of pyserial, or an open port; use it in ``with``.

    A request is repeated after ``patience_s`` seconds without an answer.
    """

    def __init__(self, port: str | Port, baud: int = BAUD, patience_s: float = PATIENCE_S) -> None:
        self.name = port if isinstance(port, str) else type(port).__name__
        self._port = open_port(port, baud) if isinstance(port, str) else port
        self._owned, self._patience_s = isinstance(port, str), patience_s
        self._sequence = secrets.randbits(32)  # so that the board does not take us for the last sender
        self._received = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._owned:
            self._port.close()

    def info(self) -> Info:
        """Return sizes and features; raise where the firmware speaks another version of the protocol."""
        answer = self._request(Verb.INFO)
        if len(answer) != 24 or answer[0] != PROTOCOL:
            spoken = f"version {answer[0]} of the protocol" if answer else "another protocol"
            raise InsituError(f"{self.name} speaks {spoken}, not version {PROTOCOL}; update its firmware")
        return Info(*struct.unpack("<BBHHHHHIII", answer))

    def teach(self, label: str, codes: NDArray[np.int16] | None = None) -> None:
        """Add one example (features,) to a class, which may be new; by default what the sensor shows."""
        self._fill(codes)
        self._request(Verb.TEACH, label.encode())

    def predict(self, codes: NDArray[np.int16] | None = None) -> Prediction:
        """Return the class most similar to codes (features,), or to what the sensor shows."""
        self._fill(codes)
        answer = self._request(Verb.PREDICT)
        _, score, margin = struct.unpack("<Hii", answer[:10])
        return Prediction(_text(answer[10:]), score / 2**15, None if margin == 2**31 - 1 else margin / 2**15)

    def forget(self, label: str) -> None:
        """Forget a class."""
        self._request(Verb.FORGET, label.encode())

    def forget_all(self, labels: Sequence[str]) -> None:
        """Forget classes; where the board does not hold one of them, raise and forget none."""
        held = self.classes()
        if missing := [label for label in labels if label not in held]:
            raise InsituError(
                f"the board does not hold {', '.join(missing[:SHOWN])}; it holds {', '.join([*held][:SHOWN]) or 'none'}"
            )
        for label in dict.fromkeys(labels):
            self.forget(label)

    def classes(self) -> dict[str, int]:
        """Return the examples learned of each class."""
        found = {}
        for slot in range(self.info().capacity):
            answer = self._request(Verb.LABEL, slot.to_bytes(2, "little"), allowed=(-3,))
            if answer:
                found[_text(answer[4:])] = int.from_bytes(answer[:4], "little")
        return found

    def backup(self) -> bytes:
        """Save the memory to the storage of the board, and return the block that was saved."""
        size = self.info().block_bytes
        self._request(Verb.SAVE, slow=True)
        return self._read(0, size)

    def restore(self, block: bytes) -> None:
        """Replace the memory of the board by a block of its model; what was saved before is kept until this one is."""
        content = unsealed(block)  # it gets a new checksum below
        if content is None or len(content) < HEADER:
            raise InsituError("this is no whole block: its checksum does not match; give a file that 'backup' wrote")
        newest = int.from_bytes(self._request(Verb.ERASE, slow=True), "little")
        sequence = ((newest + 1) % 2**32).to_bytes(4, "little")
        numbered = sealed(content[: HEADER - 4] + sequence + content[HEADER:])
        for offset in range(0, len(numbered), CHUNK):
            self._request(Verb.WRITE, offset.to_bytes(4, "little") + numbered[offset : offset + CHUNK])
        self._request(Verb.LOAD, sequence, slow=True)

    def constants(self, part: int, kind: str, shape: tuple[int, ...]) -> NDArray[np.generic]:
        """Return the constants of the model with this number, as ``kind``."""
        size = int(np.prod(shape)) * np.dtype(kind).itemsize
        return np.frombuffer(self._read(part, size), kind).reshape(shape)

    # -- parts -------------------------------------------------------------------------------------------------------

    def _fill(self, codes: NDArray[np.int16] | None) -> None:
        if codes is None:
            self._request(Verb.SENSE, slow=True)
            return
        for place in range(0, len(codes), CODES):
            part = codes[place : place + CODES].astype("<i2").tobytes()
            self._request(Verb.INPUT, place.to_bytes(2, "little") + part)

    def _read(self, part: int, size: int) -> bytes:
        out = bytearray()
        while len(out) < size:
            count = min(BYTES, size - len(out))
            out += self._request(Verb.READ, struct.pack("<BIB", part, len(out), count), slow=not out)
        return bytes(out)

    def _request(self, verb: Verb, payload: bytes = b"", slow: bool = False, allowed: tuple[int, ...] = ()) -> bytes:
        """Send a request until it is answered; return the results, b'' for a status among ``allowed``."""
        self._sequence = (self._sequence + 1) % 2**32
        head = self._sequence.to_bytes(4, "little")
        frame = frames.encoded(head + bytes([verb]) + payload)
        patience_s, tries = self._patience_s * (SLOWER if slow else 1), SLOW_TRIES if slow else TRIES
        for _ in range(tries):
            self._write(frame)
            for content in self._contents(time.monotonic() + patience_s):
                if len(content) > 5 and content[:5] == head + bytes([verb + ANSWER]):
                    status = content[5] - 256 if content[5] > 127 else content[5]
                    if status < 0 and status not in allowed:
                        raise InsituError(STATUS.get(status, f"the board answers with an unknown status, {status}"))
                    return content[6:] if status >= 0 else b""
        raise InsituError(
            f"no answer from {self.name} to {tries} requests; is the board on, does it run the exported firmware, and "
            "is the speed the same on both sides?"
        )

    def _contents(self, until_s: float) -> Iterator[bytes]:
        """Yield the contents of whole frames that arrive until then."""
        while time.monotonic() < until_s:
            self._received += self._read_port()
            while b"\0" in self._received:
                frame, _, rest = self._received.partition(b"\0")
                self._received = rest
                content = frames.decoded(bytes(frame))
                if content is not None:
                    yield content

    def _read_port(self) -> bytes:
        try:
            return self._port.read(max(1, self._port.in_waiting))
        except OSError as error:
            raise self._broken() from error

    def _write(self, frame: bytes) -> None:
        try:
            self._port.write(frame)
        except OSError as error:
            # where the line is full, reading what the board has sent lets it take more: the frame is sent again then
            if not timed_out(error):
                raise self._broken() from error

    def _broken(self) -> InsituError:
        return InsituError(
            f"the connection to {self.name} broke; is the board still connected and on, and does no other program use "
            "the port?"
        )


def _text(label: bytes) -> str:
    # the firmware may teach labels of its own
    return label.decode(errors="backslashreplace")
