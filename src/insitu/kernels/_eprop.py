"""The compiled loops of ``kernels/eprop.py`` for a run that all samples share.

Instead of traces of spikes forward in time, learning signals are low-passed backward in time: F(t) = h(t) L(t) + decay
F(t + 1). An increment is then a sum of F over the few spikes of its source.
"""

from __future__ import annotations

import numba
import numpy as np

from insitu.kernels._spiking import dot, free_loop, loop

f32 = np.float32


@loop
def increments(signals, slope, ticks, spikes, decay, rate, low, of_in, of_rec):  # type: ignore[no-untyped-def]
    """Fill ``low`` (steps, batch, size) with F, and add to ``of_in`` and ``of_rec``, which begin as zeros."""
    steps, batch, size = signals.shape
    for sample in numba.prange(batch):
        b = np.int64(sample)  # Numba's own counter is unsigned, and would make indices float
        for t in range(steps - 1, -1, -1):
            now, signal, near = low[t, b], signals[t, b], slope[t]
            if t + 1 < steps:
                after = low[t + 1, b]
                for j in range(size):
                    now[j] = -rate * near[j] * signal[j] + decay * after[j]
            else:
                for j in range(size):
                    now[j] = -rate * near[j] * signal[j]
            for i in range(ticks.shape[1]):
                if ticks[t, i]:
                    row = of_in[b, i]
                    for j in range(size):
                        row[j] += now[j]
            if t:
                for i in range(size):
                    if spikes[t - 1, i]:
                        row = of_rec[b, i]
                        for j in range(size):
                            row[j] += now[j]
        for i in range(size):
            of_rec[b, i, i] = f32(0)


@free_loop
def errors_of_signals(  # type: ignore[no-untyped-def]
    signals, slope, ticks, spikes, decay, rate, error_in, error_rec, of_signals, of_slope
):
    """Errors of the signals (steps, batch, size), and of the slopes, for each sample (batch, steps, size)."""
    steps, batch, size = signals.shape
    for sample in numba.prange(batch):
        b = np.int64(sample)
        e = np.zeros(size, np.float32)
        for t in range(steps):
            for j in range(size):
                e[j] *= decay
            for i in range(ticks.shape[1]):
                if ticks[t, i]:
                    row = error_in[b, i]
                    for j in range(size):
                        e[j] += row[j]
            if t:
                for i in range(size):
                    if spikes[t - 1, i]:
                        own, row = e[i], error_rec[b, i]
                        for j in range(size):
                            e[j] += row[j]
                        e[i] = own
            near, signal, out, other = slope[t], signals[t, b], of_signals[t, b], of_slope[b, t]
            for j in range(size):
                out[j] = -rate * near[j] * e[j]
                other[j] = -rate * signal[j] * e[j]


@free_loop
def errors_of_spikes(slope, low, error_rec, of_spikes):  # type: ignore[no-untyped-def]
    """Errors of the spikes (steps, size), which begin as zeros, where they can matter: where the slope is not zero."""
    steps, batch, size = low.shape
    for neuron in numba.prange(size):
        i = np.int64(neuron)
        for b in range(batch):
            row = error_rec[b, i]
            for t in range(steps - 1):
                if slope[t, i]:
                    now = low[t + 1, b]
                    of_spikes[t, i] += dot(now, row) - now[i] * row[i]
