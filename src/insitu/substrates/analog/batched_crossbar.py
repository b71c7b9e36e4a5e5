"""Many matrices of one shape, each in a crossbar of its own, written cell by cell and multiplied side by side.

What a crossbar does for one matrix (``crossbar.py``), for as many as there are tasks, in batched products. A weight
stands for the same conductance in every column and at all times, so that a new weight is a new target for the cells of
its sign alone: ``reprogrammed`` writes those whose target, in whole steps, has changed, and all others keep their state
and their age. The ADC has one range, fitted beforehand. Drift is not compensated here: cells that are learned anew are
fresh.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from insitu.core import InsituError
from insitu.devices import Cells
from insitu.kernels.normals import key_of
from insitu.kernels.readout import pulse_widths, readout
from insitu.ledger import Ledger
from insitu.substrates.analog.converters import HEADROOM, SMALLEST_RANGE_US, checked_tops
from insitu.substrates.analog.tiles import Floats
from insitu.substrates.analog.writing import both_signs, for_pairs
from insitu.substrates.crossbar import Crossbar


@dataclass(frozen=True, eq=False)
class Scale:
    """What numbers stand for: the weight of a cell at full scale, steps up to there, and the ADC's range."""

    top: float
    steps: int
    range_us: Floats  # (row blocks,)


@dataclass(frozen=True, eq=False)
class Bank:
    """Cells (2 signs, pairs, matrices, in, out), and what each was last written to."""

    cells: Cells
    target: NDArray[np.int32]  # (2 signs, matrices, in, out) steps
    scale: Scale
    written_s: float
    rewritten: int  # cells that the last writing has touched
    spent: Ledger


def scale_of(crossbar: Crossbar, matrices: Tensor, x: Tensor, top: float, steps: int) -> Scale:
    """Return the scale whose ADC range holds the currents that x (k, n, in) draw from ideal matrices (k, in, out)."""
    widths, _, _ = _widths(crossbar, x)
    full_us = crossbar.device.full_scale_us * crossbar.devices
    us = torch.from_numpy(_targets(matrices, top, steps).astype(np.float32)) * (full_us / steps)
    blocks = crossbar._converters.blocks(x.shape[2])
    weights, widths = (us[0] - us[1]).double(), widths.double()
    peaks = torch.stack([(widths[..., rows] @ weights[:, rows]).abs().max() for rows in blocks]).float()
    return Scale(top, steps, (HEADROOM * peaks.clamp_min(SMALLEST_RANGE_US)).numpy())


def programmed(crossbar: Crossbar, matrices: Tensor, scale: Scale, now_s: float, rng: np.random.Generator) -> Bank:
    """Write matrices (k, in, out) into as many blank crossbars; weights beyond the scale are clipped to it."""
    target = _targets(matrices, scale.top, scale.steps)
    us = for_pairs(_conductances_us(crossbar, target, scale), crossbar.devices)
    cells = crossbar.device.program(us, now_s, rng)
    return Bank(cells, target, scale, now_s, us.size, _spent(us))


def reprogrammed(crossbar: Crossbar, bank: Bank, matrices: Tensor, now_s: float, rng: np.random.Generator) -> Bank:
    """Write matrices (k, in, out) over those held: cells whose target is the same are not touched."""
    if not now_s >= bank.written_s:  # so that NaN is caught too
        raise InsituError(f"time runs forward: now is {now_s} s, but these were written at {bank.written_s} s")
    target = _targets(matrices, bank.scale.top, bank.scale.steps)
    touched = for_pairs(target != bank.target, crossbar.devices)
    us = _conductances_us(crossbar, for_pairs(target, crossbar.devices)[touched], bank.scale)
    cells = bank.cells.put(touched, crossbar.device.program(us, now_s, rng)) if us.size else bank.cells
    return Bank(cells, target, bank.scale, now_s, us.size, bank.spent + _spent(us))


@torch.no_grad()
def multiply(crossbar: Crossbar, bank: Bank, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
    """Return x (k, n, in) times the matrices, (k, n, out), with pulse widths, read noise and converters."""
    mean, deviation = crossbar.device.read(bank.cells, now_s)
    us = torch.from_numpy(mean[0].sum(0) - mean[1].sum(0))  # (k, in, out)
    variance = torch.from_numpy(np.square(deviation).sum((0, 1), dtype=np.float32))
    widths, squares, tops = _widths(crossbar, x)
    converters = crossbar._converters
    blocks = converters.blocks(x.shape[2])
    columns = us.shape[2]
    current = _block_products(widths, us, blocks)
    noise = _block_products(squares, variance, blocks) if variance.any() else None
    full_us = crossbar.device.full_scale_us * crossbar.devices  # of all pairs of one sign, under a whole pulse
    gain = np.full(columns, bank.scale.top / full_us, np.float32)
    out = np.empty(current.shape[1:], np.float32)
    full = bank.scale.range_us if converters.adc_levels else np.ones(len(blocks), np.float32)
    readout(current, noise, key_of(rng), (0, 0), full, converters.adc_levels, tops, gain, out)
    return torch.from_numpy(out).view(*x.shape[:2], columns)


def _block_products(x: Tensor, matrices: Tensor, blocks: list[slice]) -> Floats:
    """Return x (k, n, in) times matrices (k, in, out), (row blocks, k x n, out), summed in float64 and rounded."""
    x, matrices = x.double(), matrices.double()
    parts = [(x[..., rows] @ matrices[:, rows]).flatten(0, 1) for rows in blocks]
    return torch.stack(parts).float().numpy()


def _targets(matrices: Tensor, top: float, steps: int) -> NDArray[np.int32]:
    """Return the step (2 signs, k, in, out) that every cell aims at."""
    given = matrices.detach().float().contiguous().numpy()
    if not np.isfinite(given).all():
        raise InsituError("what is written must be finite; it holds NaN or infinity")
    return both_signs(np.clip(np.rint(given * np.float32(steps / top)), -steps, steps)).astype(np.int32)


def _widths(crossbar: Crossbar, x: Tensor) -> tuple[Tensor, Tensor, Floats]:
    rows = x.detach().float().flatten(0, 1).contiguous().numpy()
    widths, squares = np.empty_like(rows), np.empty_like(rows)
    tops = checked_tops(pulse_widths(rows, crossbar._converters.input_levels, widths, squares))
    return torch.from_numpy(widths).view(x.shape), torch.from_numpy(squares).view(x.shape), tops


def _conductances_us(crossbar: Crossbar, target: NDArray[np.int32], scale: Scale) -> Floats:
    return np.asarray(target * (crossbar.device.full_scale_us / scale.steps), np.float32)


def _spent(us: Floats) -> Ledger:
    return Ledger.of(reset_pulse=us.size, program_and_verify=int(np.count_nonzero(us)))
