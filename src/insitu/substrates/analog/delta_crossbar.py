"""One matrix in a crossbar, and many that differ from it in few weights: cells of their own only where they differ.

For learners that start again and again from the same programmed weights and change few of them. A weight stands for the
same conductance in every column and at all times, -1..1 for full scale of either sign, so a cell is programmed again
only where its target has changed; all others are those of the base array, at the age they have. Drift is compensated as
in ``crossbar.py``, by factors that are measured on the base array; cells programmed later aim at their weight divided
by the factor of their column, so that it reads as it is meant.

Own choice: outputs for the probes are averages here, without read noise and conversion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from insitu.devices import Cells
from insitu.kernels.noisy_spiking import Rows
from insitu.ledger import Ledger
from insitu.substrates._checks import finite_weights
from insitu.substrates.analog.cell_array import CellArray
from insitu.substrates.analog.converters import HEADROOM, SMALLEST_RANGE_US
from insitu.substrates.analog.probes import count_for, drift_factors, probes
from insitu.substrates.analog.tiles import Floats
from insitu.substrates.analog.writing import both_signs, checked_time, for_pairs, programming_cost


@dataclass(frozen=True, eq=False)
class BaseArray:
    """The matrix as it was programmed."""

    weights: Tensor  # (in, out) within -1..1
    cells: Cells  # (2 signs, devices, in, out)
    full: Floats  # (row blocks,) ranges of the converters, in weights
    reference: Tensor  # (out,) what probes gave when it was programmed; zeros without compensation of drift
    written_s: float
    rewritten: int
    spent: Ledger


@dataclass(frozen=True, eq=False)
class Deltas:
    """``count`` matrices as differences to ``base``: the cells (devices, n) that were programmed again."""

    base: BaseArray
    where: tuple[NDArray[np.int64], ...]  # matrix, sign, row and column of each
    cells: Cells
    count: int
    written_s: float
    spent: Ledger  # without that of the base array

    @property
    def rewritten(self) -> int:
        """Cells that were programmed again, in all matrices."""
        return int(self.cells.conductance_us.size)


def program_base(
    array: CellArray, weights: Tensor, pulses: Tensor, patterns: Tensor, now_s: float, rng: np.random.Generator
) -> BaseArray:
    """Program ``weights`` (in, out), clipped to -1..1, and fit converters to what ``pulses`` draw from ``patterns``.

    Pulses (k, n, in) of 0 and 1 are inputs of matrices like the ones to come, (k, in, out).
    """
    held = weights.detach().float().clamp(-1, 1)
    target = for_pairs(both_signs(finite_weights(held)) * np.float32(array.device.full_scale_us), array.devices)
    cells = array.device.program(target, now_s, rng)
    wanted = patterns.double().clamp(-1, 1)
    blocks = array.converters.blocks(len(held))
    full = [float((pulses[..., rows].double() @ wanted[:, rows]).abs().max()) for rows in blocks]
    ranges = np.maximum(HEADROOM * np.array(full), SMALLEST_RANGE_US * _gain(array)).astype(np.float32)
    reference = torch.zeros(held.shape[1])
    if array.compensation != "none":
        mean, _ = array.read(cells, now_s)
        reference = _magnitudes(mean)
    return BaseArray(held, cells, ranges, reference, now_s, target.size, programming_cost(target))


def program_deltas(
    array: CellArray, base: BaseArray, weights: Tensor, now_s: float, rng: np.random.Generator
) -> Deltas:
    """Program ``weights`` (k, in, out), clipped to -1..1, each over a copy of the base where they differ from it."""
    checked_time(base, now_s)
    given = weights.detach().float().clamp(-1, 1)
    old, new = (both_signs(finite_weights(each)) for each in (base.weights, given))  # (2, in, out), (2, k, in, out)
    where = np.nonzero((new != old[:, None]).swapaxes(0, 1))
    matrix, sign, row, column = where
    aim = new[sign, matrix, row, column] / _factors(array, base, now_s)[column]
    us = np.repeat(np.minimum(aim, 1)[None] * np.float32(array.device.full_scale_us), array.devices, 0)
    cells = array.device.program(us.astype(np.float32), now_s, rng)
    return Deltas(base, where, cells, len(given), now_s, programming_cost(us))


def pulse_rows(array: CellArray, held: BaseArray | Deltas, now_s: float, part: slice) -> Rows:
    """Return what a pulse of each row adds at ``now_s``, in weights: of the base array, or of a part of the deltas."""
    base = held.base if isinstance(held, Deltas) else held
    checked_time(held, now_s)
    mean, variance = (each[None] for each in array.read(base.cells, now_s))
    if isinstance(held, Deltas):
        mean, variance = _changed(array, held, mean, variance, now_s, range(held.count)[part])
    gain = _gain(array) * _factors(array, base, now_s)
    bounds = array.bounds(mean.shape[1])
    return Rows(mean * gain, variance * gain**2, bounds, base.full, array.converters.adc_levels)


def _changed(
    array: CellArray, held: Deltas, mean: Floats, variance: Floats, now_s: float, wanted: range
) -> tuple[Floats, Floats]:
    """Return mean and variance (len(wanted), in, out): the base array's but where cells were programmed again."""
    first, last = np.searchsorted(held.where[0], [wanted.start, wanted.stop])
    matrix, sign, row, column = (each[first:last] for each in held.where)
    place = matrix - wanted.start, row, column
    old, old_spread = array.device.read(held.base.cells.take((sign, slice(None), row, column)), now_s)  # (n, devices)
    new, new_spread = array.device.read(held.cells.take((slice(None), slice(first, last))), now_s)  # (devices, n)
    out = np.repeat(mean, len(wanted), 0), np.repeat(variance, len(wanted), 0)
    # add.at, since both signs of one weight may have changed
    np.add.at(out[0], place, (1 - 2 * sign).astype(np.float32) * (new.sum(0) - old.sum(1)))
    np.add.at(out[1], place, np.square(new_spread).sum(0) - np.square(old_spread).sum(1))
    np.maximum(out[1], 0, out=out[1])  # a difference may fall below zero by a rounding
    return out


def _factors(array: CellArray, base: BaseArray, now_s: float) -> Floats:
    """Return the factors (out,) that undo drift."""
    if array.compensation == "none":
        return np.ones(base.weights.shape[1], np.float32)
    mean, _ = array.read(base.cells, now_s)
    return drift_factors(array.compensation, base.reference, _magnitudes(mean)).numpy()


def _magnitudes(mean: Floats) -> Tensor:
    """Return the summed |output| (out,) in µS for the probes."""
    return (probes(len(mean), count_for(len(mean))).double() @ torch.from_numpy(mean).double()).abs().sum(0).float()


def _gain(array: CellArray) -> np.float32:
    """Return the weight per µS of all devices of one sign."""
    return np.float32(1 / array.full_us)
