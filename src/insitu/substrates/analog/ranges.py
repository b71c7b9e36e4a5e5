"""Calibration of a crossbar's converters: ranges that hold the currents of given inputs, for all columns or some."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from insitu.substrates.analog.cell_array import CellArray
from insitu.substrates.analog.converters import fitted_ranges_us, rounded_inputs
from insitu.substrates.analog.readings import array_readings, reading
from insitu.substrates.analog.tiles import Floats, Held, shares, tiles_of


@torch.no_grad()
def calibrated(
    array: CellArray, width: int, held: Held, x: Tensor, now_s: float, columns: list[int] | None, since: Held | None
) -> Held:
    """Return the matrix with ranges that hold what inputs x (batch, in) draw from its arrays of ``width`` columns.

    With ``columns`` written after ``since``, the ranges of ``since`` stay, but for what these columns need more.
    """
    kept = () if columns is None or since is None else since.ranges_us
    ranges: list[Floats | None] = [*kept, *[None] * (len(held.ranges_us) - len(kept))]
    widths = rounded_inputs(array.converters, x)
    for part in shares(held.tiles, width, columns or []):
        number = part.tile // tiles_of(width)
        if (before := ranges[number]) is not None:
            one = reading(array.device, held.tiles[part.tile], now_s)
            ranges[number] = np.maximum(before, fitted_ranges_us(array.converters, widths, one.mean))
    if any(each is None for each in ranges):
        for number, one in enumerate(array_readings(array.device, held, width, now_s)):
            if ranges[number] is None:
                ranges[number] = fitted_ranges_us(array.converters, widths, one.mean)
    return replace(held, ranges_us=tuple(ranges))
