"""The compiled loop of ``kernels/noisy_spiking.py``, in a file of its own so that Numba caches them on disk."""

from __future__ import annotations

import numba
import numpy as np

from insitu.kernels._spiking import loop

f32 = np.float32


@loop
def run(  # type: ignore[no-untyped-def]
    ticks, mean, variance, bounds, full, levels, noise, decay, threshold, dampening, pause, spikes, slope
):
    steps, samples, size = spikes.shape
    inputs, several = ticks.shape[1], mean.shape[0] > 1
    for sample in numba.prange(samples):
        b = np.int64(sample)  # Numba's own counter is unsigned, and would make indices float
        own = b if several else 0
        v, rest, current = np.zeros(size, np.float32), np.zeros(size, np.float32), np.zeros(size, np.float32)
        drawn, spread = np.zeros(size, np.float32), np.zeros(size, np.float32)
        pulsed = np.zeros(inputs + size, np.int64)  # rows, in rising order
        fired = np.zeros(size, np.int64)
        before = 0
        for t in range(steps):
            count = 0
            for i in range(inputs):
                if ticks[t, i] != f32(0):
                    pulsed[count] = i
                    count += 1
            for k in range(before):
                pulsed[count] = inputs + fired[k]
                count += 1
            current[:] = f32(0)
            first = 0
            for block in range(full.shape[0]):
                last = first
                while last < count and pulsed[last] < bounds[block + 1]:
                    last += 1
                if last > first:
                    drawn[:] = f32(0)
                    spread[:] = f32(0)
                    for k in range(first, last):
                        row, noisy = mean[own, pulsed[k]], variance[own, pulsed[k]]
                        for j in range(size):
                            drawn[j] += row[j]
                            spread[j] += noisy[j]
                    normal, step = noise[b, block, t], full[block] / max(levels, f32(1))
                    for j in range(size):
                        value = drawn[j] + np.sqrt(spread[j]) * normal[j]
                        if levels > f32(0):
                            value = min(max(np.rint(value / step), -levels), levels) * step
                        current[j] += value
                first = last
            for j in range(size):
                v[j] = decay * v[j] + current[j]
            for k in range(before):
                v[fired[k]] -= threshold
            before = 0
            for j in range(size):
                beyond, free = v[j] - threshold, rest[j] == f32(0)
                if free:
                    slope[t, b, j] = dampening * max(f32(0), f32(1) - abs(beyond) / threshold) / threshold
                fires = free and beyond > f32(0)
                rest[j] = max(f32(0), rest[j] + (pause if fires else f32(0)) - f32(1))
                if fires:
                    spikes[t, b, j] = f32(1)
                    fired[before] = j
                    before += 1
