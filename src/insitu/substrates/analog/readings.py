"""What reading the cells of a tile gives on average, and how it spreads; kept while the tile is read at one time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from insitu.devices import Cells, Device
from insitu.substrates.analog.tiles import Floats, Tile


@dataclass(frozen=True, eq=False)
class Reading:
    """Differential weights of a tile at one time."""

    now_s: float
    mean: Tensor  # (in, columns) µS
    variance: Tensor | None  # (in, columns) µS²; None where no cell is noisy
    forms: dict[Any, Any] = field(default_factory=dict)  # what converters and arithmetic derive from it, by their names


_readings: WeakKeyDictionary[Tile, Reading] = WeakKeyDictionary()


def differential(device: Device, cells: Cells, now_s: float) -> tuple[Floats, Floats]:
    """Return mean (...) in µS and variance in µS² of plus minus minus side of cells (2 signs, devices, ...)."""
    mean, deviation = device.read(cells, now_s)
    per_sign = mean.sum(1) if mean.shape[1] > 1 else mean[:, 0]
    variance: Floats = np.square(deviation).sum((0, 1), dtype=np.float32)
    return per_sign[0] - per_sign[1], variance


def reading(device: Device, tile: Tile, now_s: float) -> Reading:
    """Read a tile at ``now_s``; the last reading of every tile is kept."""
    known = _readings.get(tile)
    if known is None or known.now_s != now_s:
        mean, variance = differential(device, tile.cells, now_s)
        known = Reading(now_s, torch.from_numpy(mean), torch.from_numpy(variance) if variance.any() else None)
        _readings[tile] = known
    return known
