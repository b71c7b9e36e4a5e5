"""Converters that differ: each one, of a column and row block, has a gain and an offset of its own, for good.

The current I of a block, with its read noise, is converted as::

    steps = round(clip((1 + g) I / step + o, -levels, levels)),   g ~ N(0, adc_gain_error),  o ~ N(0, adc_offset)

with g without unit, o in steps, and ``step`` the range over ``levels``. Learners that calibrate columns in digital see
both and take out most of what does not clip. CrossSim has ``sigma_comparator`` and the gains of ramp, cyclic and
pipeline converters; aihwkit ``v_offset`` in volts, for its voltage-mode readout.
Not modelled: non-linearity, drift of gain and offset; the probes that undo drift of cells are converted without errors.
"""

from __future__ import annotations

import numpy as np

from insitu.kernels.readout import Key, readout
from insitu.substrates.analog.converters import Converters
from insitu.substrates.analog.flaws import ConverterErrors
from insitu.substrates.analog.float_product import FloatProduct
from insitu.substrates.analog.readings import Reading
from insitu.substrates.analog.tiles import Floats


class ErroneousProduct(FloatProduct):
    """Products through such converters, in float."""

    def __init__(self, converters: Converters, inputs: int, rows: int, columns: int, errors: ConverterErrors) -> None:
        super().__init__(converters, inputs, rows, columns)
        self.errors = errors

    def give(
        self, one: Reading, key: Key, origin: tuple[int, int], full: Floats, tops: Floats, gain: Floats, out: Floats
    ) -> None:
        """See ``FloatProduct.give``."""
        current, noise = self.block_currents(one, *out.shape)
        here = slice(origin[1], origin[1] + out.shape[1])
        factor, levels = 1 + self.errors.gain[:, None, here], self.converters.adc_levels
        step = (full / np.float32(levels))[:, None, None]
        current = (current * factor + self.errors.offset[:, None, here] * step).astype(np.float32)
        spread = None if noise is None else noise * np.square(factor)
        readout(current, spread, key, origin, full, levels, tops, gain, out)
