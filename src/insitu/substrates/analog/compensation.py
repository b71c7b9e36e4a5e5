"""How a crossbar undoes drift: its columns are measured by outputs for fixed inputs, once per change and time.

The noise of a measurement follows from the cells and the clock. So columns that have not changed since they were last
measured at this time, be it when they were written, give the same numbers again, whatever was multiplied meanwhile; a
core keeps them, and a file that is opened again gives them too.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from insitu.kernels.readout import Key
from insitu.substrates.analog.cell_array import CellArray
from insitu.substrates.analog.converters import PROBE_RMS, range_us
from insitu.substrates.analog.probes import drift_factors, probes
from insitu.substrates.analog.products import Part, pieces
from insitu.substrates.analog.readings import reading
from insitu.substrates.analog.tiles import Floats, Held, Tile, first_column, shares

_gains: WeakKeyDictionary[Held, tuple[CellArray, float, Floats]] = WeakKeyDictionary()


@dataclass(frozen=True)
class DriftProbe:
    """The array whose columns are measured, and the width of one."""

    array: CellArray
    width: int  # columns of an array

    def magnitudes(self, held: Held, numbers: list[int], now_s: float) -> Tensor:
        """Return the summed |output| of every column of these tiles (columns,) in µS for the probes."""
        converters, device = self.array.converters, self.array.device
        readings = [reading(device, held.tiles[number], now_s) for number in numbers]
        form = ("magnitudes", converters, held.probes)
        fresh = []
        for number, one in zip(numbers, readings, strict=True):
            if form not in one.forms:
                # probes are larger than other inputs, so they are converted in a range of their own
                full = range_us(converters, one.mean, PROBE_RMS)
                key = _key(held.tiles[number], now_s)
                fresh.append(Part(one, first_column(number, self.width), full, key))
        if fresh:
            gain = np.ones(sum(part.reading.columns for part in fresh), np.float32)
            sums = np.zeros(len(gain))
            for piece in pieces(converters, fresh, probes(held.inputs, held.probes), gain):
                sums[piece.columns] += np.abs(piece.out).sum(0, dtype=np.float64)
            at = 0
            for part in fresh:
                part.reading.forms[form] = torch.from_numpy(sums[at : at + part.reading.columns]).float()
                at += part.reading.columns
        return torch.cat([one.forms[form] for one in readings])

    def gain(self, held: Held, now_s: float) -> Floats:
        """Return the digital factor (out,) of every column: weight per µS, and what undoes drift."""
        if self.array.compensation == "none" or not held.tiles:
            return held.scale.numpy()
        known = _gains.get(held)
        if known is None or known[:2] != (self.array, now_s):
            present = self.magnitudes(held, [*range(len(held.tiles))], now_s)
            gain = held.scale * drift_factors(self.array.compensation, held.reference, present)
            known = _gains[held] = self.array, now_s, gain.numpy()
        return known[2]

    def gain_of(self, held: Held, columns: list[int], now_s: float) -> Floats:
        """Return the factors of ``columns``, all those of some tiles; no others are measured where each has its own."""
        numbers = [part.tile for part in shares(held.tiles, self.width, columns)]
        if self.array.compensation != "column":
            return self.gain(held, now_s)[columns]
        factors = drift_factors("column", held.reference[columns], self.magnitudes(held, numbers, now_s))
        gain: Floats = (held.scale[columns] * factors).numpy()
        return gain

    def references(self, held: Held, columns: list[int], now_s: float) -> Tensor:
        """Return ``held.reference`` with the magnitudes of ``columns`` as they are at ``now_s``."""
        reference, parts, at = held.reference.clone(), shares(held.tiles, self.width, columns), 0
        present = self.magnitudes(held, [part.tile for part in parts], now_s)
        for part in parts:
            count = held.tiles[part.tile].columns
            reference[np.asarray(columns)[part.given]] = present[at : at + count][part.within]
            at += count
        return reference


def _key(tile: Tile, now_s: float) -> Key:
    return zlib.crc32(tile.cells.conductance_us.tobytes()), zlib.crc32(np.float64(now_s).tobytes())
