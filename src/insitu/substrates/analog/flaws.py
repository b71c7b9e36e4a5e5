"""The faults that a chip was made with, as drawn for each of its columns."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from insitu.devices import Array
from insitu.substrates.analog import lost_columns, stuck_cells
from insitu.substrates.analog.cell_array import CellArray
from insitu.substrates.analog.converter_errors import ConverterErrors
from insitu.substrates.analog.imperfections import Imperfections
from insitu.substrates.analog.tiles import Held, first_column
from insitu.substrates.analog.writing import SIGNS


@dataclass(frozen=True, eq=False)
class Flaws:
    """What stuck cells stay at, and what converters are off by."""

    stuck_us: Array  # (2 signs, devices, in, out) µS; below 0 where cells are not stuck
    errors: ConverterErrors

    def beside(self, more: Flaws) -> Flaws:
        """Return these and those of columns appended."""
        return Flaws(np.concatenate([self.stuck_us, more.stuck_us], 3), self.errors.beside(more.errors))


def drawn(given: Imperfections, array: CellArray, width: int, held: Held, count: int, rng: np.random.Generator) -> Held:
    """Return the matrix with the faults of its last ``count`` columns, blank ones in arrays of ``width`` columns."""
    if not count or not (given.stuck or given.converters):
        return held
    cells = SIGNS, array.devices, held.inputs, count
    stuck = stuck_cells.drawn(cells, given.stuck_reset, given.stuck_set, array.device.full_scale_us, rng)
    converters = len(array.converters.blocks(held.inputs)), count
    errors = ConverterErrors.drawn(converters, given.adc_gain_error, given.adc_offset, rng)
    more = Flaws(lost_columns.lost(stuck, given.lost_columns, rng), errors)
    flaws = held.flaws.beside(more) if held.flaws else more
    firsts = [first_column(number, width) for number in range(len(held.tiles))]
    tiles = [
        stuck_cells.forced(tile, flaws.stuck_us[..., first : first + tile.columns])
        for tile, first in zip(held.tiles, firsts, strict=True)
    ]
    return replace(held, flaws=flaws, tiles=tuple(tiles))
