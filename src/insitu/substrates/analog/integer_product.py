"""Products in integers, for converters of at most eight bits on both sides: the same bits on every processor.

A conductance is taken in steps of at most 2^-15 of the largest in its column (``kernels/strips.py``): an error
about a hundred times below a step of the converter behind it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from insitu.kernels.integer_readout import (
    Output,
    Widths,
    square_shift,
    whole_products,
    whole_widths,
)
from insitu.kernels.readout import Key
from insitu.kernels.strips import Strips, carried_strips, joined, signed_strips
from insitu.substrates.analog.converters import Converters
from insitu.substrates.analog.readings import Reading
from insitu.substrates.analog.tiles import Floats

MOST_LEVELS = 127
MOST_ROWS = 2**13  # of a block: with more, steps of conductances would be too coarse


def suits(converters: Converters) -> bool:
    """Return whether these converters are coarse enough."""
    few = 0 < converters.input_levels <= MOST_LEVELS and 0 < converters.adc_levels <= MOST_LEVELS
    return few and converters.tile <= MOST_ROWS


@dataclass(frozen=True, eq=False)
class IntegerReading:
    """A reading in integers."""

    means: Strips  # µS for a pulse width of one step
    variances: Strips | None  # µS² for one step of a square; None where no cell is noisy


class IntegerProduct:
    """The verbs of ``FloatProduct``, in integers."""

    def __init__(self, converters: Converters, inputs: int, rows: int, columns: int) -> None:
        self.converters = converters
        self.widths = Widths.room(rows, inputs)

    def take(self, x: Floats) -> Floats:
        """Take rows (rows, in); return their largest |entry|, NaN where a row is not finite."""
        return whole_widths(x, self.converters.input_levels, self.widths)

    def give(
        self, one: Reading, key: Key, origin: tuple[int, int], full: Floats, tops: Floats, gain: Floats, out: Floats
    ) -> None:
        """Fill ``out`` (rows, columns) with the product of the rows taken with a tile, in µS times ``gain``."""
        small, levels = self.reading_of(one), self.converters.adc_levels
        output = Output(full, levels, tops, gain)
        whole_products(self.widths, small.means, small.variances, self.converters.tile, key, origin, output, out)

    def reading_of(self, one: Reading) -> IntegerReading:
        """Return a reading in integers; cached with it."""
        form = (self.converters.tile, self.converters.input_levels)
        return one.form(form, self._joined if one.parts else self._rounded)

    def _joined(self, one: Reading) -> IntegerReading:
        parts = [self.reading_of(part) for part in one.parts]
        if one.noiseless:
            return IntegerReading(joined([part.means for part in parts]), None)
        variances = [
            self._variances(part) if known.variances is None else known.variances
            for part, known in zip(one.parts, parts, strict=True)
        ]
        return IntegerReading(joined([part.means for part in parts]), joined(variances))

    def _rounded(self, one: Reading) -> IntegerReading:
        levels = self.converters.input_levels
        means = signed_strips(one.mean.numpy(), levels, self.converters.tile)
        means = Strips(means.words, means.unit * np.float32(1 / levels))
        return IntegerReading(means, None if one.variance is None else self._variances(one))

    def _variances(self, one: Reading) -> Strips:
        levels = self.converters.input_levels
        variance = torch.zeros_like(one.mean) if one.variance is None else one.variance
        variances = carried_strips(variance.numpy(), self.converters.tile)
        return Strips(variances.words, variances.unit * np.float32(2 ** square_shift(levels) / levels**2))
