"""Columns of a crossbar replaced a few at a time: RESET, programmed, pulsed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from insitu.devices import Cells
from insitu.ledger import Ledger
from insitu.substrates._checks import whole_pulses
from insitu.substrates.analog.approach import approach
from insitu.substrates.analog.cell_array import CellArray
from insitu.substrates.analog.stuck_cells import forced
from insitu.substrates.analog.tiles import Counts, Floats, Held, first_column, put, shares, taken, tiles_of
from insitu.substrates.analog.writing import AT_A_TIME, SIGNS, both_signs, for_pairs


class Draft:
    """A matrix of arrays of ``width`` columns while some of its columns are replaced, a few at a time."""

    def __init__(self, held: Held, width: int) -> None:
        self.before, self.width, self.tiles = held, width, list(held.tiles)
        self.ranges = list(held.ranges_us)

    def cells(self, columns: list[int]) -> Cells:
        """Return the cells (2, pairs, in, len(columns)) of columns."""
        return taken(self.tiles, shares(self.tiles, self.width, columns), len(columns))

    def put(self, columns: list[int], cells: Cells, pulses: Counts | None = None, resets: int = 0) -> None:
        """Put ``cells`` into columns and count; the converters of arrays that change are no longer calibrated."""
        for part in shares(self.tiles, self.width, columns):
            tile = put(self.tiles[part.tile], part, cells, pulses, resets)
            if self.before.flaws is not None:
                first = first_column(part.tile, self.width)
                tile = forced(tile, self.before.flaws.stuck_us[..., first : first + tile.columns])
            self.tiles[part.tile] = tile
            self.ranges[part.tile // tiles_of(self.width)] = None

    def held(self, now_s: float, spent: Ledger, **changes: Any) -> Held:
        """Return the matrix with what was put into it, written at ``now_s`` at the cost ``spent``."""
        tiles, ranges_us = tuple(self.tiles), tuple(self.ranges)
        total = self.before.spent + spent
        return replace(self.before, tiles=tiles, ranges_us=ranges_us, written_s=now_s, spent=total, **changes)

    def reset(self, array: CellArray, columns: list[int], now_s: float, rng: np.random.Generator) -> None:
        """RESET the cells of columns."""
        for part in _at_a_time(columns):
            shape = SIGNS, array.devices, self.before.inputs, len(columns[part])
            self.put(columns[part], array.device.reset(shape, now_s, rng), resets=1)

    def program(
        self, array: CellArray, columns: list[int], weights: Floats, now_s: float, rng: np.random.Generator
    ) -> int:
        """Program columns to weights (in, k), -1..1 for full scale; return how many cells took pulses."""
        programmed, full_us = 0, np.float32(array.device.full_scale_us)
        for part in _at_a_time(columns):
            us = for_pairs(both_signs(weights[:, part] * full_us), array.devices)  # (2, devices, in, k)
            self.put(columns[part], array.device.program(us, now_s, rng), resets=1)
            programmed += int(np.count_nonzero(us))
        return programmed

    def pulse(
        self, array: CellArray, columns: list[int], shots: list[Floats], now_s: float, rng: np.random.Generator
    ) -> int:
        """Give the pulses of every shot (in, k), rounded to whole ones; return how many there were."""
        given = 0
        for part in _at_a_time(columns):
            each = [both_signs(whole_pulses(shot[:, part])).astype(np.int32) for shot in shots]
            pulses = np.add.reduce(each)  # (2, in, k)
            cells = array.device.pulse(self.cells(columns[part]), for_pairs(pulses, array.devices), now_s, rng)
            self.put(columns[part], cells, pulses)
            given += array.devices * int(pulses.sum(dtype=np.int64))
        return given

    def approach(
        self,
        array: CellArray,
        columns: list[int],
        shares: Floats,
        rounds: int,
        now_s: float,
        rng: np.random.Generator,
    ) -> Ledger:
        """Pulse cells until G+ - G- is near ``shares`` (in, k) of full scale; return the cost."""
        given = reads = 0
        for part in _at_a_time(columns):
            found = approach(array, self.cells(columns[part]), shares[:, part], rounds, now_s, rng)
            self.put(columns[part], found.cells, found.pulses)
            given += int(found.pulses.sum(dtype=np.int64))
            reads += found.reads
        return Ledger.of(set_pulse=array.devices * given, device_read=SIGNS * array.devices * reads)


def _at_a_time(columns: list[int]) -> list[slice]:
    """Return slices that cut ``columns`` into pieces."""
    return [slice(start, start + AT_A_TIME) for start in range(0, len(columns), AT_A_TIME)]
