"""Latents kept for replay on a microcontroller: the draws of ``export/c/insitu_replay.c``, in Python.

Class-balanced reservoir sampling (Chrysakis and Moens, "Online continual learning from imbalanced data", ICML 2020): a
latent that comes when all places are taken replaces one of the class that has most of them; where its own class has as
many, it replaces one of these with the chance that gives each that came the same. Random numbers are xorshift32
(Marsaglia, J. Stat. Software 8(14), 2003).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError

Words = NDArray[np.uint32]
GOLDEN = 2654435769  # 2^32 times .618: small seeds begin with small numbers otherwise


class ReplayBuffer:
    """Latents (capacity, words) of classes below ``classes``; changed in place, as on the device."""

    def __init__(self, capacity: int, words: int, classes: int, seed: int = 1) -> None:
        if not 1 <= capacity < 2**16 or not 1 <= classes < 2**16 or words < 1:
            raise InsituError(
                f"replay keeps 1..65535 latents of 1..65535 classes; got {capacity} of {classes}, of {words} words"
            )
        self.latents = np.zeros((capacity, words), np.uint32)
        self.of = np.zeros(capacity, np.int64)
        self.seen, self.held = np.zeros(classes, np.int64), np.zeros(classes, np.int64)
        self.count, self._state = 0, (seed or 1) * GOLDEN % 2**32

    def add(self, latent: Words, label: int) -> None:
        """Keep a latent (words,) of a class, or not."""
        if not 0 <= label < len(self.held):
            raise InsituError(f"classes are 0..{len(self.held) - 1}; got {label}")
        most, held, place = int(self.held.argmax()), int(self.held[label]), self.count
        self.seen[label] = min(int(self.seen[label]) + 1, 2**32 - 1)
        if place < len(self.of):
            self.count += 1
        else:
            replaced = most if held < self.held[most] else label
            number = self._draw(int(self.held[most] if replaced != label else self.seen[label]))
            if number >= self.held[replaced]:
                return
            place = int(np.flatnonzero(self.of == replaced)[number])
            self.held[replaced] -= 1
        self.latents[place], self.of[place] = latent, label
        self.held[label] += 1

    def draw(self, count: int) -> list[int]:
        """Return different places (count,) of kept latents."""
        if not 0 <= count <= self.count:
            raise InsituError(f"{self.count} latents are kept; {count} cannot be drawn")
        places: list[int] = []
        for last in range(self.count - count, self.count):
            place = self._draw(last + 1)
            places.append(last if place in places else place)
        return places

    def _draw(self, most: int) -> int:
        x = self._state
        x ^= (x << 13) % 2**32
        x ^= x >> 17
        x ^= (x << 5) % 2**32
        self._state = x
        return (x * most) >> 32
