"""The compiled loop of SET pulses (devices/accumulation.py), in a file of its own for Numba's cache on disk."""

from __future__ import annotations

from insitu.kernels._compiled import loop


@loop
def set_pulses(g, history, counts, drawn, decay, mean, std, lowest, top):  # type: ignore[no-untyped-def]
    """Pulse cells in place; ``drawn`` holds a normal per pulse, cell after cell."""
    used = 0
    for i in range(counts.shape[0]):
        if counts[i] > 0:
            now, h = g[i], history[i]
            for _ in range(counts[i]):
                h = h * decay
                grown = mean[0] * now + mean[1] + mean[2] * h
                grown = now + (grown + (std[0] * now + std[1] + std[2] * h) * drawn[used])
                now = min(max(grown, lowest), top)
                used += 1
            g[i], history[i] = now, h
