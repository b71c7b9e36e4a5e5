"""One matrix in a crossbar, and many that grew from it: each has cells of its own only where a weight has changed.

For learners that start again and again from the same written weights and change few of them. A weight stands for the
same conductance in every column and at all times, -1..1 for full scale of either sign, so a cell is written anew only
where its target has changed; all others are those of the trunk, at the age they have. Drift is undone as in
``crossbar.py``, by factors that are measured on the trunk; cells written later aim at what these factors will multiply,
so that they read as they are meant. Probes of columns are taken as averages here, without read noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from insitu.core import InsituError
from insitu.devices import Cells
from insitu.kernels.noisy_spiking import Rows
from insitu.ledger import Ledger
from insitu.substrates.analog.converters import HEADROOM, SMALLEST_RANGE_US
from insitu.substrates.analog.probes import drift_factors, probes
from insitu.substrates.analog.tiles import Floats
from insitu.substrates.analog.writing import both_signs, for_pairs
from insitu.substrates.crossbar import Crossbar


@dataclass(frozen=True, eq=False)
class Trunk:
    """The matrix as it was written: ``weights`` (in, out) within -1..1, cells (2 signs, pairs, in, out)."""

    weights: Tensor
    cells: Cells
    full: Floats  # (row blocks,) ranges of the converters, in weights
    reference: Tensor  # (out,) what probes gave when it was written; zeros where drift is not undone
    written_s: float
    spent: Ledger


@dataclass(frozen=True, eq=False)
class Branches:
    """``count`` matrices that grew from ``trunk``: cells (pairs, n) written anew, and ``where`` they stand."""

    trunk: Trunk
    where: tuple[NDArray[np.int64], ...]  # matrix, sign, row, column of each
    cells: Cells
    count: int
    written_s: float
    spent: Ledger  # beyond the trunk's

    @property
    def rewritten(self) -> int:
        """Return how many cells have been written anew, in all matrices."""
        return int(self.cells.conductance_us.size)


def planted(
    crossbar: Crossbar, weights: Tensor, pulses: Tensor, patterns: Tensor, now_s: float, rng: np.random.Generator
) -> Trunk:
    """Write ``weights`` (in, out), clipped to -1..1, with converters that hold what ``pulses`` draw from ``patterns``.

    Pulses (k, n, in) of 0 and 1 are those of matrices like the ones to come, (k, in, out).
    """
    held = weights.detach().float().clamp(-1, 1)
    target = for_pairs(_targets_us(crossbar, _checked(held)), crossbar.devices)
    cells = crossbar.device.program(target, now_s, rng)
    bounds = _bounds(crossbar, len(held))
    blocks = [slice(*pair) for pair in zip(bounds[:-1], bounds[1:], strict=True)]
    wanted = patterns.double().clamp(-1, 1)
    full = [float((pulses[..., rows].double() @ wanted[:, rows]).abs().max()) for rows in blocks]
    ranges = np.maximum(HEADROOM * np.array(full), SMALLEST_RANGE_US * _gain(crossbar)).astype(np.float32)
    reference = torch.zeros(held.shape[1])
    if crossbar.compensation != "none":
        mean, _ = _read(crossbar, cells, now_s)
        reference = _probed(mean)
    return Trunk(held, cells, ranges, reference, now_s, _spent(target))


def branched(crossbar: Crossbar, trunk: Trunk, weights: Tensor, now_s: float, rng: np.random.Generator) -> Branches:
    """Write ``weights`` (k, in, out), clipped to -1..1, each over a copy of the trunk: where they differ, no more."""
    _check_time(now_s, trunk.written_s)
    given = weights.detach().float().clamp(-1, 1)
    old, new = (both_signs(_checked(each)) for each in (trunk.weights, given))  # (2, in, out), (2, k, in, out)
    where = np.nonzero((new != old[:, None]).swapaxes(0, 1))
    matrix, sign, row, column = where
    aim = new[sign, matrix, row, column] / _factors(crossbar, trunk, now_s)[column]
    us = np.repeat(np.minimum(aim, 1)[None] * np.float32(crossbar.device.full_scale_us), crossbar.devices, 0)
    cells = crossbar.device.program(us.astype(np.float32), now_s, rng)
    return Branches(trunk, where, cells, len(given), now_s, _spent(us))


def rows(crossbar: Crossbar, held: Trunk | Branches, now_s: float, part: slice = slice(None)) -> Rows:
    """Return what a pulse of each row adds at ``now_s``, in weights: of the trunk, or of a part of the branches."""
    trunk = held.trunk if isinstance(held, Branches) else held
    _check_time(now_s, held.written_s)
    mean, variance = (each[None] for each in _read(crossbar, trunk.cells, now_s))
    if isinstance(held, Branches):
        mean, variance = _grown(crossbar, held, mean, variance, now_s, range(held.count)[part])
    gain = _gain(crossbar) * _factors(crossbar, trunk, now_s)
    levels = 2 ** (crossbar.adc_bits - 1) - 1 if crossbar.adc_bits else 0
    return Rows(mean * gain, variance * gain**2, _bounds(crossbar, mean.shape[1]), trunk.full, levels)


def _grown(
    crossbar: Crossbar, held: Branches, mean: Floats, variance: Floats, now_s: float, asked: range
) -> tuple[Floats, Floats]:
    """Return mean and variance (len(asked), in, out) in µS, those of the trunk but where cells were written anew."""
    first, last = np.searchsorted(held.where[0], [asked.start, asked.stop])
    matrix, sign, row, column = (each[first:last] for each in held.where)
    place = matrix - asked.start, row, column
    old, old_spread = crossbar.device.read(held.trunk.cells.take((sign, slice(None), row, column)), now_s)  # (n, pairs)
    new, new_spread = crossbar.device.read(held.cells.take((slice(None), slice(first, last))), now_s)  # (pairs, n)
    out = np.repeat(mean, len(asked), 0), np.repeat(variance, len(asked), 0)
    np.add.at(out[0], place, (1 - 2 * sign).astype(np.float32) * (new.sum(0) - old.sum(1)))
    np.add.at(out[1], place, np.square(new_spread).sum(0) - np.square(old_spread).sum(1))
    np.maximum(out[1], 0, out=out[1])  # a difference may fall below zero by a rounding
    return out


def _read(crossbar: Crossbar, cells: Cells, now_s: float) -> tuple[Floats, Floats]:
    """Return mean and variance (in, out) in µS of what both signs and all pairs add up to."""
    mean, deviation = crossbar.device.read(cells, now_s)
    return mean[0].sum(0) - mean[1].sum(0), np.square(deviation).sum((0, 1), dtype=np.float32)


def _factors(crossbar: Crossbar, trunk: Trunk, now_s: float) -> Floats:
    """Return what undoes drift (out,)."""
    if crossbar.compensation == "none":
        return np.ones(trunk.weights.shape[1], np.float32)
    mean, _ = _read(crossbar, trunk.cells, now_s)
    return drift_factors(crossbar.compensation, trunk.reference, _probed(mean)).numpy()


def _probed(mean: Floats) -> Tensor:
    return (probes(len(mean)).double() @ torch.from_numpy(mean).double()).abs().sum(0).float()


def _targets_us(crossbar: Crossbar, weights: Floats) -> Floats:
    return both_signs(weights) * np.float32(crossbar.device.full_scale_us)


def _gain(crossbar: Crossbar) -> np.float32:
    """Return the weight per µS of all pairs of one sign."""
    return np.float32(1 / (crossbar.device.full_scale_us * crossbar.devices))


def _bounds(crossbar: Crossbar, inputs: int) -> NDArray[np.int64]:
    return np.array([0, *(rows.stop for rows in crossbar._converters.blocks(inputs))], np.int64)


def _checked(weights: Tensor) -> Floats:
    given: Floats = weights.contiguous().numpy()
    if not np.isfinite(given).all():
        raise InsituError("what is written must be finite; it holds NaN or infinity")
    return given


def _check_time(now_s: float, written_s: float) -> None:
    if not now_s >= written_s:  # so that NaN is caught too
        raise InsituError(f"time runs forward: now is {now_s} s, but these were written at {written_s} s")


def _spent(us: Floats) -> Ledger:
    return Ledger.of(reset_pulse=us.size, program_and_verify=int(np.count_nonzero(us)))
