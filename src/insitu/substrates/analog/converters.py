"""Converters on either side of a tile: how many steps they have, which rows they see together, how far they reach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from insitu.core import InsituError
from insitu.kernels.readout import pulse_widths
from insitu.substrates.analog.readings import Reading
from insitu.substrates.analog.tiles import Floats

RANGE_STDS = 4.0  # a range that was not calibrated is so many standard deviations of the widest column's current ...
RANGE_RMS = 0.5  # ... under independent inputs of this rms,
PROBE_RMS = 1.0  # or of this one for the probes of drift compensation, whose entries are -1 and 1
HEADROOM = 1.1  # of a calibrated range, over the largest current seen
SMALLEST_RANGE_US = 1e-6


@dataclass(frozen=True)
class Converters:
    """Rows that are summed before conversion, and the steps of the converters to either side of zero (0: exact)."""

    tile: int
    input_levels: int
    adc_levels: int

    def blocks(self, inputs: int) -> list[slice]:
        """Row blocks with converters of their own; exact converters add up, so that all rows are one block."""
        rows = self.tile if self.adc_levels else inputs
        return [slice(start, min(start + rows, inputs)) for start in range(0, inputs, rows)]


@torch.no_grad()
def rounded_inputs(converters: Converters, x: Tensor) -> Tensor:
    """Return the pulse widths (batch, in) of inputs x, -1..1, in float64."""
    given = x.detach().float().contiguous()
    widths = torch.empty_like(given)
    checked_tops(pulse_widths(given.numpy(), converters.input_levels, widths.numpy(), given.clone().numpy()))
    return widths.double()


def fitted_ranges_us(converters: Converters, widths: Tensor, mean: Tensor) -> Floats:
    """Return the range (row blocks,) that holds the currents of pulses (..., n, in) through ``mean`` (..., in, out)."""
    blocks = converters.blocks(widths.shape[-1])
    currents = [widths[..., rows].double() @ mean[..., rows, :].double() for rows in blocks]
    peaks = torch.stack([each.abs().max() for each in currents]).float()
    return (HEADROOM * peaks.clamp_min(SMALLEST_RANGE_US)).numpy()


def range_us(converters: Converters, mean: Tensor, rms: float) -> Floats:
    """Return the range (row blocks,) for independent inputs of this rms through ``mean`` (..., in, out)."""
    if not converters.adc_levels:
        return np.ones(1, np.float32)  # not used
    blocks = converters.blocks(mean.shape[-2])
    squares = [mean[..., rows, :].double().square().sum(-2).max() for rows in blocks]
    return (RANGE_STDS * rms * torch.stack(squares).sqrt().float()).clamp_min(SMALLEST_RANGE_US).numpy()


def default_range_us(converters: Converters, one: Reading) -> Floats:
    """Return the range (row blocks,) of an array that was not calibrated; cached with the reading."""
    return one.form(converters.tile, lambda one: range_us(converters, one.mean, RANGE_RMS))


def checked_tops(tops: Floats) -> Floats:
    """Return the largest |entry| of each row; raise ``InsituError`` where a row is not finite."""
    if np.isnan(tops).any():
        raise InsituError("x must be finite; it holds NaN or infinity")
    return tops
