"""Block sums in whole numbers, several times as fast as float32, where both converters have at most eight bits.

Pulse widths are whole numbers already. Conductances are taken in steps of 2^-15 of the largest in their column, two
8-bit digits: an error about a hundred times below a step of the converter behind. Their square deviations, and the
squares of widths, are taken in one digit each, rounded so that sums over many cells stay true: the deviation of the
noise is off by about 2e-3 of itself, or by a few hundredths where one input stands far above all others, up and down
alike. What of a row block's inputs is below a tenth of the largest input may in a single product be as good as
noiseless, or too noisy, by less than a step of the converter. Runs only where the processor has instructions for
products of digits (AVX-512 VNNI).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import ModuleType

import numpy as np
import torch
from torch import Tensor

from insitu.kernels import compiled
from insitu.kernels.readout import Key
from insitu.kernels.whole_numbers import (
    DIGIT,
    LARGEST,
    carries,
    digits,
    one_digit,
    square_step,
    whole_readout,
    whole_widths,
)
from insitu.substrates._converters import Converters
from insitu.substrates._readings import Reading
from insitu.substrates._tiles import Floats

MOST_ROWS = 1024  # of a block: sums of so many digit products are exact in float32
MOST_LEVELS = 127


@cache
def loops() -> ModuleType | None:
    """Return the compiled loops where this processor multiplies small numbers fast, else None."""
    can: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # newer torch only
    small = can.get("avx512_vnni") and torch.backends.mkldnn.is_available()
    return compiled() if small and hasattr(torch, "_int_mm") else None


def suits(converters: Converters) -> bool:
    """Return whether these converters are coarse enough, and this processor able."""
    few = 0 < converters.input_levels <= MOST_LEVELS and 0 < converters.adc_levels <= MOST_LEVELS
    return few and converters.tile <= MOST_ROWS and loops() is not None


@dataclass(frozen=True, eq=False)
class Small:
    """A reading in small numbers."""

    digits: Tensor  # (in, 2 x columns) int8: high, then low
    unit: Floats  # (columns,) µS of the low digit, per step of a pulse width
    variance: Tensor  # (in, columns) int8
    spread: Floats | None  # (columns,) µS² of a variance, per step of a squared width; None where no cell is noisy


class Whole:
    """Does what ``Floating`` does."""

    def __init__(self, converters: Converters, inputs: int, rows: int, columns: int) -> None:
        self.converters = converters
        self.blocks = converters.blocks(inputs)
        self.loops = loops()
        self.carry = carries(inputs)
        self.widths, self.squares = (torch.empty(rows, inputs, dtype=torch.int8) for _ in range(2))
        self.sums = torch.empty(len(self.blocks) * rows * columns * 2, dtype=torch.int32)
        self.variances = torch.empty(len(self.blocks) * rows * columns, dtype=torch.int32)

    def take(self, x: Floats) -> Floats:
        """Take rows (rows, in); return their largest |entry|, NaN where a row is not finite."""
        count, levels = len(x), self.converters.input_levels
        assert self.loops is not None
        widths, squares = self.widths[:count].numpy(), self.squares[:count].numpy()
        return whole_widths(self.loops, x, levels, self.carry, widths, squares)

    def give(
        self, one: Reading, key: Key, origin: tuple[int, int], full: Floats, tops: Floats, gain: Floats, out: Floats
    ) -> None:
        """Fill ``out`` (rows, columns) with the product of the rows taken with a tile, in µS times ``gain``."""
        count, columns = out.shape
        small = self.small(one)
        size = len(self.blocks) * count * columns
        sums = self.sums[: 2 * size].view(-1, count, 2 * columns)
        variance = self.variances[:size].view(-1, count, columns)
        for number, rows in enumerate(self.blocks):
            torch._int_mm(self.widths[:count, rows], small.digits[rows], out=sums[number])
            if small.spread is not None:
                torch._int_mm(self.squares[:count, rows], small.variance[rows], out=variance[number])
        assert self.loops is not None
        whole_readout(
            self.loops,
            sums.numpy(),
            small.unit,
            variance.numpy(),
            small.spread,
            key,
            origin,
            full,
            self.converters.adc_levels,
            tops,
            gain,
            out,
        )

    def small(self, one: Reading) -> Small:
        """Return a reading in small numbers; kept beside it."""
        form = (self.converters.tile, self.converters.input_levels)
        known = one.forms.get(form)
        if known is None:
            known = one.forms[form] = self._small(one)
        return known

    def _small(self, one: Reading) -> Small:
        mean = one.mean.numpy()
        unit = np.maximum(np.abs(mean).max(0), np.float32(1e-30)) / np.float32(LARGEST)
        parts = torch.from_numpy(np.concatenate(digits(mean, unit), axis=1))
        levels = self.converters.input_levels
        per_step = unit * np.float32(1 / levels)
        if one.variance is None:
            return Small(parts, per_step, torch.empty(0), None)
        exact = one.variance.numpy()
        unit = np.maximum(exact.max(0), np.float32(1e-30)) / np.float32(DIGIT - 1)
        variance = torch.from_numpy(np.concatenate([one_digit(exact[rows], unit) for rows in self.blocks]))
        return Small(parts, per_step, variance, unit * (square_step(levels) / np.float32(levels**2)))
