"""Draw the faults of new columns, and force the cells that are stuck."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from insitu.substrates.analog import lost_columns, stuck_cells
from insitu.substrates.analog.cell_array import CellArray
from insitu.substrates.analog.flaws import ConverterErrors, Flaws
from insitu.substrates.analog.imperfections import Imperfections
from insitu.substrates.analog.tiles import Held, first_column
from insitu.substrates.analog.writing import SIGNS


def drawn(given: Imperfections, array: CellArray, width: int, held: Held, count: int, rng: np.random.Generator) -> Held:
    """Return the matrix with the faults of its last ``count`` columns, blank ones in arrays of ``width`` columns."""
    if not count or not (given.stuck or given.converters):
        return held
    cells = SIGNS, array.devices, held.inputs, count
    stuck = stuck_cells.drawn(cells, given.stuck_reset, given.stuck_set, array.device.full_scale_us, rng)
    converters = len(array.converters.blocks(held.inputs)), count
    errors = ConverterErrors.drawn(converters, given.adc_gain_error, given.adc_offset, rng)
    more = Flaws(lost_columns.lost(stuck, given.lost_columns, rng), errors)
    flaws = held.flaws.appended(more) if held.flaws else more
    firsts = [first_column(number, width) for number in range(len(held.tiles))]
    tiles = [
        stuck_cells.forced(tile, flaws.stuck_us[..., first : first + tile.columns])
        for tile, first in zip(held.tiles, firsts, strict=True)
    ]
    return replace(held, flaws=flaws, tiles=tuple(tiles))
