"""A network of spiking neurons whose currents are read off an array: sums of noisy rows, converted in steps.

As ``kernels/spiking.py`` without adaptation and without gradients; but the rows that pulse in a step, those of the
inputs and of the neurons that fired in the step before, go through one product. Spikes are whole pulses, so the current
of column j is exactly normal, with the sum of these rows as mean and the sum of their variances as variance; it is then
rounded to the steps of a converter. Rows lie in blocks, each with a converter of its own, whose outcomes are summed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from insitu.core import InsituError
from insitu.kernels import compiled, exact
from insitu.kernels.spiking import Neurons, Run

Array = NDArray[np.float32]


class Rows(NamedTuple):
    """What a pulse of each row adds to the columns, in the units of weights."""

    mean: Array  # (samples, inputs + size, size), or of 1 sample that all share
    variance: Array  # of one read, as mean
    bounds: NDArray[np.int64]  # (blocks + 1,) the first row of each block, and the end
    full: Array  # (blocks,) range of the converters
    levels: int  # steps to either side of zero; 0: exact


def run(ticks: Tensor, rows: Rows, w_out: Tensor, neurons: Neurons, noise: Array) -> Run:
    """Run a network from rest; spikes are always returned.

    ticks: (steps, inputs) of 0 and 1, the same for all samples
    w_out: (size, out), computed exactly
    noise: (samples, blocks, steps, size) standard normal numbers
    """
    inputs, size = ticks.shape[1], len(w_out)
    if neurons.adaptive or rows.mean.shape[1:] != (inputs + size, size) or rows.mean.shape != rows.variance.shape:
        raise InsituError(f"rows are (samples, {inputs + size}, {size}) of plain neurons; got {rows.mean.shape}")
    if noise.shape[1:] != (len(rows.full), len(ticks), size) or rows.mean.shape[0] not in (1, len(noise)):
        raise InsituError(f"noise is (samples, {len(rows.full)}, {len(ticks)}, {size}); got {noise.shape}")
    spikes, slope = (np.zeros((len(ticks), len(noise), size), np.float32) for _ in range(2))
    given = ticks.numpy(), *rows[:4], np.float32(rows.levels), noise
    constants = (neurons.decay, neurons.threshold, neurons.dampening, neurons.refractory)
    if compiled() is None:
        run_reference(*given, *constants, spikes, slope)
    else:
        from insitu.kernels import _noisy_spiking

        _noisy_spiking.run(*given, *(np.float32(each) for each in constants), spikes, slope)
    fired = torch.from_numpy(spikes)
    driven, readout = exact.product(fired, w_out).float(), torch.empty(len(ticks), len(noise), w_out.shape[1])
    y = torch.zeros_like(readout[0])
    for t, each in enumerate(driven):
        y = neurons.kappa * y + each
        readout[t] = y
    return Run(readout, fired.sum(0), torch.from_numpy(slope), fired)


def run_reference(
    ticks: Array, mean: Array, variance: Array, bounds: Any, full: Array, levels: Any, noise: Array,
    decay: Any, threshold: Any, dampening: Any, refractory: Any, spikes: Array, slope: Array,
) -> None:  # fmt: skip
    """Fill spikes and slope (steps, samples, size) in plain NumPy."""
    steps, samples, size = spikes.shape
    v, rest, z = (np.zeros((samples, size), np.float32) for _ in range(3))
    for t in range(steps):
        x = np.concatenate([np.repeat(ticks[t : t + 1], samples, 0), z], 1)[:, None]
        current = np.zeros((samples, size), np.float32)
        for block, (start, stop) in enumerate(zip(bounds[:-1], bounds[1:], strict=True)):
            drawn, spread = (np.matmul(x[..., start:stop], each[:, start:stop])[:, 0] for each in (mean, variance))
            drawn = drawn + np.sqrt(spread) * noise[:, block, t]
            if levels:
                step = full[block] / np.float32(levels)
                drawn = np.clip(np.rint(drawn / step), -levels, levels) * step
            current += drawn
        v = (decay * v + current - threshold * z).astype(np.float32)
        free = rest == 0
        z = ((v > threshold) & free).astype(np.float32)
        slope[t] = dampening * np.maximum(0, 1 - abs(v - threshold) / threshold) / threshold * free
        spikes[t] = z
        rest = np.maximum(rest + refractory * z - 1, 0)
