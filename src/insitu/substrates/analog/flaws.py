"""The faults that a chip was made with, as drawn for each of its columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from insitu.devices import Array

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ConverterErrors:
    """Gain error and offset (row blocks, out) of every converter."""

    gain: Floats  # around 0
    offset: Floats  # in steps

    @staticmethod
    def drawn(shape: tuple[int, int], gain: float, offset: float, rng: np.random.Generator) -> ConverterErrors:
        """Draw those of converters (row blocks, out)."""
        one, other = rng.standard_normal((2, *shape), dtype=np.float32)
        return ConverterErrors(np.float32(gain) * one, np.float32(offset) * other)

    def appended(self, more: ConverterErrors) -> ConverterErrors:
        """Return these and those of columns appended."""
        gain, offset = np.concatenate([self.gain, more.gain], 1), np.concatenate([self.offset, more.offset], 1)
        return ConverterErrors(gain, offset)


@dataclass(frozen=True, eq=False)
class Flaws:
    """What stuck cells stay at, and what converters are off by."""

    stuck_us: Array  # (2 signs, devices, in, out) µS; below 0 where cells are not stuck
    errors: ConverterErrors

    def appended(self, more: Flaws) -> Flaws:
        """Return these and those of columns appended."""
        return Flaws(np.concatenate([self.stuck_us, more.stuck_us], 3), self.errors.appended(more.errors))
