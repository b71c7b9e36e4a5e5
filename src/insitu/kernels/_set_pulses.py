"""The compiled loop of SET pulses (devices/accumulation.py), in a file of its own for Numba's cache on disk."""

from __future__ import annotations

from insitu.kernels._compiled import loop


@loop
def set_pulses(g, history, counts, drawn, decay, mean, std, lowest, top):  # type: ignore[no-untyped-def]
    """Pulse cells in place, round by round; ``drawn`` holds a normal per pulse in the order they are given."""
    used = 0
    rounds = 0
    for i in range(counts.shape[0]):
        rounds = max(rounds, counts[i])
    for turn in range(rounds):
        for i in range(counts.shape[0]):
            if counts[i] > turn:
                h = history[i] * decay
                grown = mean[0] * g[i] + mean[1] + mean[2] * h
                grown = g[i] + (grown + (std[0] * g[i] + std[1] + std[2] * h) * drawn[used])
                g[i] = min(max(grown, lowest), top)
                history[i] = h
                used += 1
