"""A memory in integers: what a microcontroller holds, with the same bits in Python.

Every class has a sum of its vectors in 16 bits, in units of 2^exponent, and a number of shots. A vector is added
divided by 2^exponent, rounded down after adding what changes from shot to shot, so that sums are right on average;
where a component would exceed 16 bits, all are halved first and the exponent grows. A query is compared by

    score = (v . sum) gain >> 35,   gain = 2^40 / sqrt(max(|sum|^2 - excess shots LENGTH^2 / 4^exponent, |sum|^2 / 10))

which is 2^15 times the similarity of ``learners/column_calibration.py``: the excess length of few-shot means is taken
out. Of equal scores the lowest slot wins. ``export/c/insitu.c`` computes the same; the format of the saved block is
in docs/device.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isqrt

import numpy as np

from insitu.board.checksums import sealed, unsealed
from insitu.core import InsituError
from insitu.memory.integer_space import LENGTH, Codes, IntegerSpace, Wide

SUM_TOP = 32767
SMALLEST_LENGTH = 512  # of a sum, in the gain: one of opposite vectors is similar to nothing
MOST_SHOTS = 2**32 - 1
MAGIC, VERSION, CHUNK = b"INSM", 1, 64
LARGEST_EXPONENT = 20  # sums of millions of examples saturate
GOLDEN = 2654435769  # 2^32 times .618
NO_MARGIN = 2**31 - 1  # where only one class is held


@dataclass(frozen=True)
class Answer:
    """The most similar class, its score, and how far the next one is behind."""

    slot: int
    score: int  # 2^15 times the similarity, which may exceed 1: it is corrected for few examples
    margin: int


@dataclass
class IntegerMemory:
    """Classes in slots, as many as the capacity; changed in place, as on the device."""

    space: IntegerSpace
    capacity: int
    label_bytes: int = 24  # of a label in UTF-8, its final 0 included
    excess: int = 0  # squared excess length of one shot, corrected, in units of 2^-16 LENGTH^2
    labels: list[bytes] = field(default_factory=list)  # (capacity,) b"" where a slot is free
    shots: list[int] = field(default_factory=list)
    exponents: list[int] = field(default_factory=list)
    sums: Wide = field(default_factory=lambda: np.zeros((0, 0), np.int64))  # (capacity, rows)

    def __post_init__(self) -> None:
        if not 1 <= self.capacity < 2**16 or not 2 <= self.label_bytes <= 255:
            raise InsituError(
                f"capacity is 1..65535 classes and labels take 2..255 bytes; got {self.capacity} and {self.label_bytes}"
            )
        if not self.labels:
            self.labels, self.shots, self.exponents = [b""] * self.capacity, [0] * self.capacity, [0] * self.capacity
            self.sums = np.zeros((self.capacity, self.space.rows), np.int64)

    def slot_of(self, label: str) -> int | None:
        """Return the slot of a label, or None."""
        name = self._name(label)
        return self.labels.index(name) if name in self.labels else None

    def teach(self, codes: Codes, label: str) -> int:
        """Add one example (features,) to the class ``label``, which may be new; return its slot."""
        name = self._name(label)
        slot = self.slot_of(label)
        if slot is None:
            if b"" not in self.labels:
                raise InsituError(f"all {self.capacity} slots hold classes; forget one, or export a larger capacity")
            slot = self.labels.index(b"")
        self.labels[slot] = name
        self._add(slot, self.space.vectors(codes[None])[0])
        self.shots[slot] = min(self.shots[slot] + 1, MOST_SHOTS)
        return slot

    def predict(self, codes: Codes) -> list[Answer]:
        """Return the answer for each row of codes (n, features)."""
        held = [slot for slot, name in enumerate(self.labels) if name]
        if not held:
            raise InsituError("the memory holds no class; teach it some examples first")
        gains = np.array([self.gain(slot) for slot in held], np.int64)
        scores = ((self.space.vectors(codes) @ self.sums[held].T) * gains) >> 35
        answers = []
        for row in scores:
            best = int(row.argmax())
            rest = np.delete(row, best)
            margin = int(row[best] - rest.max()) if len(rest) else NO_MARGIN
            answers.append(Answer(held[best], int(row[best]), margin))
        return answers

    def forget(self, label: str) -> None:
        """Free the slot of a class."""
        slot = self.slot_of(label)
        if slot is None:
            raise InsituError(f"the memory does not hold {label!r}")
        self.labels[slot], self.shots[slot], self.exponents[slot], self.sums[slot] = b"", 0, 0, 0

    def gain(self, slot: int) -> int:
        """Return the factor of the sums of products with a class."""
        square = int(np.square(self.sums[slot]).sum())
        excess = ((self.excess * self.shots[slot]) << 4) >> (2 * self.exponents[slot])
        length = isqrt(max(square - excess, square // 10))
        return (1 << 40) // max(length, SMALLEST_LENGTH)

    # -- saved blocks ------------------------------------------------------------------------------------------------

    def block(self, sequence: int = 1) -> bytes:
        """Return the memory as the block of bytes that a device saves."""
        parts = [
            MAGIC,
            *(number.to_bytes(2, "little") for number in (VERSION, self.space.rows, self.capacity, self.label_bytes)),
            self.space.digest().to_bytes(4, "little"),
            sequence.to_bytes(4, "little"),
        ]
        for name, shots, exponent, sums in zip(self.labels, self.shots, self.exponents, self.sums, strict=True):
            parts += [name.ljust(self.label_bytes, b"\0"), shots.to_bytes(4, "little"), bytes([exponent])]
            parts.append(sums.astype("<i2").tobytes())
        content = b"".join(parts)
        content += bytes(-(len(content) + 4) % CHUNK)
        return sealed(content)

    def load(self, block: bytes) -> int:
        """Replace what is held by a saved block; return its sequence number. Where it raises, nothing changes."""
        if len(block) != len(self.block()) or block[:4] != MAGIC:
            raise InsituError(f"not a saved memory of {len(self.block())} bytes; got {len(block)} bytes")
        if unsealed(block) is None:
            raise InsituError("the saved memory is damaged: its checksum does not match; load another copy")
        if block[4:16] != self.block()[4:16]:
            raise InsituError("the block was saved by another version or another model; export that one again")
        size, at = self.label_bytes + 5 + 2 * self.space.rows, 20
        slots = [block[at + k * size : at + (k + 1) * size] for k in range(self.capacity)]
        numbers = self.label_bytes
        labels = [slot[:numbers].split(b"\0")[0] for slot in slots]
        shots = [int.from_bytes(slot[numbers : numbers + 4], "little") for slot in slots]
        exponents = [slot[numbers + 4] for slot in slots]
        whole = all(
            _is_label(label, numbers) and bool(label) == bool(n) for label, n in zip(labels, shots, strict=True)
        )
        if not whole or max(exponents) > LARGEST_EXPONENT:
            raise InsituError("the saved memory is damaged: no device writes such labels or numbers; load another copy")
        self.labels, self.shots, self.exponents = labels, shots, exponents
        self.sums = np.array([np.frombuffer(slot[numbers + 5 :], "<i2") for slot in slots], np.int64)
        return int.from_bytes(block[16:20], "little")

    # -- parts -------------------------------------------------------------------------------------------------------

    def _name(self, label: str) -> bytes:
        name = label.encode()
        if not name or b"\0" in name or len(name) >= self.label_bytes:
            raise InsituError(f"a label takes 1..{self.label_bytes - 1} bytes without 0; got {label!r}"[:200])
        return name

    def _add(self, slot: int, vector: Wide) -> None:
        exponent, shots = self.exponents[slot], self.shots[slot]
        total = self.sums[slot] + _divided(vector, exponent, shots)
        if np.abs(total).max() > SUM_TOP and exponent < LARGEST_EXPONENT:
            self.exponents[slot] += 1
            total = ((self.sums[slot] + 1) >> 1) + _divided(vector, exponent + 1, shots)
        self.sums[slot] = np.clip(total, -SUM_TOP, SUM_TOP)

    def put(self, slot: int, label: str, sums: np.ndarray, shots: int) -> None:
        """Fill a slot with a sum of unit vectors (rows,) over so many shots, learned elsewhere."""
        self.labels[slot], self.shots[slot] = self._name(label), min(max(shots, 1), MOST_SHOTS)
        exact = sums * LENGTH
        self.exponents[slot] = max(0, int(np.ceil(np.log2(max(np.abs(exact).max(), 1) / SUM_TOP))))
        self.sums[slot] = np.clip(np.rint(exact / 2 ** self.exponents[slot]), -SUM_TOP, SUM_TOP).astype(np.int64)


def _is_label(name: bytes, most: int) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return len(name) < most


def _divided(vector: Wide, exponent: int, shots: int) -> Wide:
    # multiples of the golden ratio spread evenly over 0..2^exponent - 1, also over shots that repeat
    dither = ((shots * GOLDEN) % 2**32) >> (32 - exponent) if exponent else 0
    return (vector + dither) >> exponent
