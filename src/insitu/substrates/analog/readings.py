"""What reading the cells of a tile gives on average, and how it spreads; kept while the tile is read at one time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from insitu.devices import Cells, Device
from insitu.substrates.analog.tiles import Floats, Held, Tile

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Reading:
    """Differential weights of a tile, or of the ``parts`` that are the tiles of an array, at one time."""

    now_s: float
    means: Tensor | None  # (in, columns) µS
    variances: Tensor | None  # (in, columns) µS²; None where no cell is noisy
    parts: tuple[Reading, ...] = ()
    device: Device | None = None  # that cells were read as
    forms: dict[Any, Any] = field(default_factory=dict)  # what converters and arithmetic derive from it, by their names

    @cached_property
    def mean(self) -> Tensor:
        """Mean weights (in, columns), µS."""
        return torch.cat([one.mean for one in self.parts], 1) if self.means is None else self.means

    @cached_property
    def noiseless(self) -> bool:
        """Whether no cell is noisy."""
        return self.variances is None and all(one.noiseless for one in self.parts)

    @cached_property
    def variance(self) -> Tensor | None:
        """Variances (in, columns), µS²; None where no cell is noisy."""
        if self.noiseless or not self.parts:
            return self.variances
        every = [torch.zeros_like(one.mean) if one.variance is None else one.variance for one in self.parts]
        return torch.cat(every, 1)

    @cached_property
    def columns(self) -> int:
        """Number of columns."""
        return sum(one.columns for one in self.parts) if self.means is None else self.means.shape[1]

    def form(self, name: Any, derive: Callable[[Reading], T]) -> T:
        """Return what ``derive`` makes of the reading, kept under ``name``."""
        if name not in self.forms:
            self.forms[name] = derive(self)
        known: T = self.forms[name]
        return known


_tiles: WeakKeyDictionary[Tile, Reading] = WeakKeyDictionary()
_arrays: WeakKeyDictionary[Tile, Reading] = WeakKeyDictionary()  # by the first tile of the array
_held: WeakKeyDictionary[Held, tuple[tuple[float, Device], list[Reading]]] = WeakKeyDictionary()


def differential(device: Device, cells: Cells, now_s: float) -> tuple[Floats, Floats]:
    """Return mean (...) in µS and variance in µS² of plus minus minus side of cells (2 signs, devices, ...)."""
    mean, deviation = device.read(cells, now_s)
    per_sign = mean.sum(1) if mean.shape[1] > 1 else mean[:, 0]
    variance: Floats = np.square(deviation).sum((0, 1), dtype=np.float32)
    return per_sign[0] - per_sign[1], variance


def reading(device: Device, tile: Tile, now_s: float) -> Reading:
    """Read a tile at ``now_s``; the last reading of every tile is kept."""
    known = _tiles.get(tile)
    if known is None or (known.now_s, known.device) != (now_s, device):
        mean, variance = differential(device, tile.cells, now_s)
        spread = torch.from_numpy(variance) if variance.any() else None
        known = Reading(now_s, torch.from_numpy(mean), spread, device=device)
        _tiles[tile] = known
    return known


def array_readings(device: Device, held: Held, width: int, now_s: float) -> list[Reading]:
    """Read the arrays of ``width`` columns at ``now_s``; the last readings of every matrix are kept."""
    known = _held.get(held)
    if known is None or known[0] != (now_s, device):
        known = _held[held] = (now_s, device), [_array_reading(device, tiles, now_s) for tiles in held.arrays(width)]
    return known[1]


def _array_reading(device: Device, tiles: tuple[Tile, ...], now_s: float) -> Reading:
    if len(tiles) == 1:
        return reading(device, tiles[0], now_s)
    parts = tuple(reading(device, tile, now_s) for tile in tiles)
    known = _arrays.get(tiles[0])
    if known is None or known.parts != parts:  # readings are equal where they are the same object
        known = _arrays[tiles[0]] = Reading(now_s, None, None, parts)
    return known
