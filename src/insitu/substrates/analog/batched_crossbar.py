"""Many matrices of one shape, each in a crossbar of its own, written cell by cell and multiplied in batched products.

A weight stands for the same conductance in every column and at all times, so a new weight is a new target for the cells
of its sign alone: ``reprogram`` writes those whose target, in whole steps, has changed; all others keep their state and
their age. All matrices share one ADC range per row block, fitted beforehand.

Drift is compensated as in ``crossbar.py``, by outputs for fixed inputs that are measured after programming, through
converters and read noise. Cells reprogrammed later aim at their weight divided by the factor of their column, so that
it reads as it is meant; from then on cells of one column differ in age, and no one factor undoes the drift of all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from insitu.devices import Cells
from insitu.kernels.normals import key_of
from insitu.kernels.readout import pulse_widths, readout
from insitu.ledger import Ledger
from insitu.substrates._checks import finite_weights
from insitu.substrates.analog.cell_array import CellArray
from insitu.substrates.analog.converters import PROBE_RMS, checked_tops, fitted_ranges_us, range_us
from insitu.substrates.analog.probes import count_for, drift_factors, probes
from insitu.substrates.analog.tiles import Floats
from insitu.substrates.analog.writing import both_signs, checked_time, for_pairs, programming_cost


@dataclass(frozen=True, eq=False)
class Scale:
    """What numbers stand for in a batch."""

    top: float  # weight of a cell at full scale
    steps: int  # programming targets between zero and full scale
    range_us: Floats  # (row blocks,) range of the ADCs


@dataclass(frozen=True, eq=False)
class Batch:
    """Cells (2 signs, devices, matrices, in, out), and what they were last programmed to."""

    cells: Cells
    target: NDArray[np.int32]  # (2 signs, matrices, in, out) steps
    scale: Scale
    reference: Tensor  # (matrices, out) summed |output| for the probes, to which drift is compensated, µS
    written_s: float
    rewritten: int  # cells that the last programming has written
    spent: Ledger


def fit(array: CellArray, matrices: Tensor, x: Tensor, top: float, steps: int) -> Scale:
    """Return the scale whose ADC range holds the currents that x (k, n, in) draw from ideal matrices (k, in, out)."""
    widths, _, _ = _widths(array, x)
    us = torch.from_numpy(_targets(matrices, top, steps).astype(np.float32)) * (array.full_us / steps)
    return Scale(top, steps, fitted_ranges_us(array.converters, widths, us[0] - us[1]))


def program(array: CellArray, matrices: Tensor, scale: Scale, now_s: float, rng: np.random.Generator) -> Batch:
    """Program matrices (k, in, out) into as many blank crossbars; weights beyond the scale are clipped to it."""
    target = _targets(matrices, scale.top, scale.steps)
    us = for_pairs(_conductances_us(array, target, scale), array.devices)
    cells = array.device.program(us, now_s, rng)
    blank = torch.zeros(len(matrices), matrices.shape[2])
    return _measured(
        array, Batch(cells, target, scale, blank, now_s, us.size, programming_cost(us)), blank + 1, now_s, rng
    )


def reprogram(array: CellArray, batch: Batch, matrices: Tensor, now_s: float, rng: np.random.Generator) -> Batch:
    """Program matrices (k, in, out) over those held; cells whose target stays the same are not touched."""
    checked_time(batch, now_s)
    target = _targets(matrices, batch.scale.top, batch.scale.steps)
    touched = for_pairs(target != batch.target, array.devices)
    us = _conductances_us(array, for_pairs(target, array.devices)[touched], batch.scale)
    factors = _factors(array, batch, now_s, rng)
    if array.compensation != "none":
        of_cells = np.broadcast_to(factors.numpy()[:, None], touched.shape)[touched]
        us = np.minimum(us / of_cells, np.float32(array.device.full_scale_us))
    cells = batch.cells.put(touched, array.device.program(us, now_s, rng)) if us.size else batch.cells
    spent = batch.spent + programming_cost(us)
    new = replace(batch, cells=cells, target=target, written_s=now_s, rewritten=us.size, spent=spent)
    return _measured(array, new, factors, now_s, rng)


@torch.no_grad()
def multiply(array: CellArray, batch: Batch, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
    """Return x (k, n, in) times the matrices, (k, n, out), with pulse widths, read noise and converters."""
    checked_time(batch, now_s)
    factors = _factors(array, batch, now_s, rng)
    out = _product(array, batch, x, batch.scale.range_us, batch.scale.top / array.full_us, now_s, rng)
    return out if array.compensation == "none" else out * factors[:, None]


def _product(
    array: CellArray,
    batch: Batch,
    x: Tensor,
    ranges_us: Floats | None,
    gain: float,
    now_s: float,
    rng: np.random.Generator,
) -> Tensor:
    """Return x (k, n, in) times the matrices in µS times ``gain``; without ranges, in those that hold probes."""
    mean, spread = (torch.from_numpy(each) for each in array.read(batch.cells, now_s))  # (k, in, out)
    converters = array.converters
    blocks = converters.blocks(x.shape[2])
    if ranges_us is None:
        ranges_us = range_us(converters, mean, PROBE_RMS)
    widths, squares, tops = _widths(array, x)
    current = _block_products(widths, mean, blocks)
    variance = _block_products(squares, spread, blocks) if spread.any() else None
    out = np.empty(current.shape[1:], np.float32)
    gains = np.full(mean.shape[2], gain, np.float32)
    readout(current, variance, key_of(rng), (0, 0), ranges_us, converters.adc_levels, tops, gains, out)
    return torch.from_numpy(out).view(*x.shape[:2], -1)


def _block_products(x: Tensor, matrices: Tensor, blocks: list[slice]) -> Floats:
    """Return x (k, n, in) times matrices (k, in, out), (row blocks, k x n, out), summed in float64 and rounded."""
    # float32 sums of hundreds of terms would depend on the order in which a library adds
    x, matrices = x.double(), matrices.double()
    parts = [(x[..., rows] @ matrices[:, rows]).flatten(0, 1) for rows in blocks]
    return torch.stack(parts).float().numpy()


def _targets(matrices: Tensor, top: float, steps: int) -> NDArray[np.int32]:
    """Return the step (2 signs, k, in, out) that every cell aims at."""
    given = finite_weights(matrices)
    return both_signs(np.clip(np.rint(given * np.float32(steps / top)), -steps, steps)).astype(np.int32)


def _widths(array: CellArray, x: Tensor) -> tuple[Tensor, Tensor, Floats]:
    rows = x.detach().float().flatten(0, 1).contiguous().numpy()
    widths, squares = np.empty_like(rows), np.empty_like(rows)
    tops = checked_tops(pulse_widths(rows, array.converters.input_levels, widths, squares))
    return torch.from_numpy(widths).view(x.shape), torch.from_numpy(squares).view(x.shape), tops


def _conductances_us(array: CellArray, target: NDArray[np.int32], scale: Scale) -> Floats:
    return np.asarray(target * (array.device.full_scale_us / scale.steps), np.float32)


def _magnitudes(array: CellArray, batch: Batch, now_s: float, rng: np.random.Generator) -> Tensor:
    """Return the summed |output| (k, out) in µS for the probes."""
    matrices, inputs = batch.target.shape[1:3]
    x = probes(inputs, count_for(inputs)).expand(matrices, -1, -1)
    return _product(array, batch, x, None, 1.0, now_s, rng).double().abs().sum(1).float()


def _factors(array: CellArray, batch: Batch, now_s: float, rng: np.random.Generator) -> Tensor:
    """Return the digital factors (k, out) that undo drift."""
    if array.compensation == "none":
        return torch.ones(batch.reference.shape)
    present = _magnitudes(array, batch, now_s, rng)
    pairs = zip(batch.reference, present, strict=True)
    return torch.stack([drift_factors(array.compensation, *pair) for pair in pairs])


def _measured(array: CellArray, batch: Batch, factors: Tensor, now_s: float, rng: np.random.Generator) -> Batch:
    """Note the outputs for the probes after programming, times ``factors``, which compensation then keeps to."""
    if array.compensation == "none":
        return batch
    return replace(batch, reference=_magnitudes(array, batch, now_s, rng) * factors)
