"""Operations on an exported memory as bytes for ``replay.c``, and the answers that the Python memory gives to them."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.memory.integer_memory import IntegerMemory

FULL, LABEL, UNKNOWN, EMPTY = -1, -2, -3, -4
BATCH = 512  # predictions that Python computes together


@dataclass
class Replay:
    """A script, and the answers expected; operations change ``memory`` as the device's."""

    memory: IntegerMemory
    script: list[bytes] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    waiting: list[NDArray[np.int16]] = field(default_factory=list)
    saved: bytes = b""
    saves: int = 0

    def teach(self, codes: NDArray[np.int16], label: str) -> None:
        self._flush()
        self.script += [b"T", self._padded(label), codes.astype("<i2").tobytes()]
        try:
            self.memory.teach(codes, label)
        except InsituError as error:
            self._answer(FULL if "slots" in str(error) else LABEL)
        else:
            self._answer(0)

    def predict(self, codes: NDArray[np.int16]) -> None:
        self.script += [b"P", codes.astype("<i2").tobytes()]
        self.waiting.append(codes)
        if len(self.waiting) == BATCH:
            self._flush()

    def forget(self, label: str) -> None:
        self._flush()
        self.script += [b"F", self._padded(label)]
        try:
            self.memory.forget(label)
        except InsituError as error:
            self._answer(UNKNOWN if "does not hold" in str(error) else LABEL)
        else:
            self._answer(0)

    def save(self) -> None:
        self._flush()
        self.saves += 1
        self.saved = self.memory.block(self.saves)
        self.script += [b"S", b"D"]
        self._answer(0)
        self._answer(0)
        self.answers.append(self.saved)

    def load(self) -> None:
        self._flush()
        self.script.append(b"L")
        self.memory.load(self.saved)
        self._answer(0)

    def expected(self) -> bytes:
        self._flush()
        return b"".join(self.answers)

    def _flush(self) -> None:
        if self.waiting:
            if any(self.memory.labels):
                for each in self.memory.predict(np.stack(self.waiting)):
                    self._answer(0, each.slot, each.score, each.margin)
            else:
                for _ in self.waiting:
                    self._answer(EMPTY)
            self.waiting = []

    def _answer(self, status: int, slot: int = 0, score: int = 0, margin: int = 0) -> None:
        self.answers.append(struct.pack("<bHii", status, slot, score, margin))

    def _padded(self, label: str) -> bytes:
        return label.encode().ljust(self.memory.label_bytes, b"\0")[: self.memory.label_bytes]
