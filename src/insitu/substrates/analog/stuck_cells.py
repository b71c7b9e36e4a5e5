"""Cells that no write changes: after every write they are back at 0 µS (stuck RESET) or at full scale (stuck SET).

Each cell is one of them independently, with the probabilities ``stuck_reset`` and ``stuck_set``, for good. A stuck cell
does not drift; it is read with the noise that the device has at that conductance. PCM cells fail in these two ways
(voids, and segregation of elements: Kim et al., MRS Bulletin 44, 710, 2019). aihwkit's ``corrupt_devices_prob`` fixes
devices at values drawn around 0 instead; CrossSim has none.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from insitu.devices import Array
from insitu.substrates.analog.tiles import Tile

FREE = -1.0  # in place of the conductance of a stuck cell


def drawn(shape: tuple[int, ...], reset: float, set_: float, full_us: float, rng: np.random.Generator) -> Array:
    """Return the conductances of stuck cells, µS; ``FREE`` for all others."""
    chance = rng.random(shape, dtype=np.float32)
    out = np.full(shape, FREE, np.float32)
    out[chance < reset] = 0
    out[chance >= 1 - set_] = full_us
    return out


def forced(tile: Tile, stuck_us: Array) -> Tile:
    """Return a tile that was written, with its stuck cells (2 signs, devices, in, columns) as before."""
    cells, stuck = tile.cells, stuck_us >= 0
    zero = np.float32(0)
    same = replace(
        cells,
        conductance_us=np.where(stuck, stuck_us, cells.conductance_us),
        drift=np.where(stuck, zero, cells.drift),
        history=np.where(stuck, zero, cells.history),
    )
    return replace(tile, cells=same)
