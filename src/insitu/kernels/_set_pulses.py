"""The compiled loop of SET pulses (devices/accumulation.py), in a file of its own for Numba's cache on disk."""

from __future__ import annotations

import numpy as np

from insitu.kernels._compiled import inline, loop

AT_A_TIME = 2048  # cells whose state stays in the cache from pulse to pulse
TOGETHER = 64  # pulses of a cell that are given along with those of others; any more, cell by cell


@inline
def pulsed(now, past, normal, m0, m1, m2, s0, s1, s2, lowest, top):  # type: ignore[no-untyped-def]
    grown = m0 * now + m1 + m2 * past
    grown = now + (grown + (s0 * now + s1 + s2 * past) * normal)
    return min(max(grown, lowest), top)


@loop
def pulse_all(now, past, normals, decay, m0, m1, m2, s0, s1, s2, lowest, top):  # type: ignore[no-untyped-def]
    """Give one pulse to every cell: a loop by itself, which LLVM turns into vector instructions."""
    for i in range(now.shape[0]):
        past[i] = past[i] * decay
        now[i] = pulsed(now[i], past[i], normals[i], m0, m1, m2, s0, s1, s2, lowest, top)


@loop
def pulse_some(g, history, counts, normals, decay, m0, m1, m2, s0, s1, s2, lowest, top):  # type: ignore[no-untyped-def]
    """Give one pulse to the cells whose count is not 0, in a loop without branches, as above."""
    for i in range(g.shape[0]):
        past = history[i] * decay
        now = pulsed(g[i], past, normals[i], m0, m1, m2, s0, s1, s2, lowest, top)
        g[i] = now if counts[i] > 0 else g[i]
        history[i] = past if counts[i] > 0 else history[i]


@loop
def set_pulses(g, history, counts, drawn, decay, mean, std, lowest, top):  # type: ignore[no-untyped-def]
    """Pulse cells in place; ``drawn`` holds a normal per pulse, cell after cell.

    Cells are sorted by their number of pulses, most first, so that those that still get one are neighbours; where none
    gets more than one, which is so for signs, they stay where they are.
    """
    used = 0
    law = mean[0], mean[1], mean[2], std[0], std[1], std[2], lowest, top
    first, cells = np.empty(AT_A_TIME, np.int64), np.empty(AT_A_TIME, np.int64)
    now, past, normals = (
        np.empty(AT_A_TIME, np.float32),
        np.empty(AT_A_TIME, np.float32),
        np.empty(AT_A_TIME, np.float32),
    )
    for start in range(0, counts.shape[0], AT_A_TIME):
        stop = min(start + AT_A_TIME, counts.shape[0])
        if counts[start:stop].max() <= 1:
            for i in range(start, stop):
                normals[i - start] = drawn[min(used, drawn.shape[0] - 1)]
                used += counts[i]
            pulse_some(g[start:stop], history[start:stop], counts[start:stop], normals, decay, *law)
            continue
        still = np.zeros(TOGETHER + 2, np.int64)  # cells with at least so many pulses
        for i in range(start, stop):
            still[min(counts[i], TOGETHER)] += 1
        for pulses in range(TOGETHER, 0, -1):
            still[pulses - 1] += still[pulses]
        place = still[1:].copy()
        for i in range(start, stop):
            at = place[min(counts[i], TOGETHER)]
            place[min(counts[i], TOGETHER)] += 1
            if at < still[1]:
                cells[at], first[at], now[at], past[at] = i, used, g[i], history[i]
            used += counts[i]
        for turn in range(TOGETHER):
            active = still[turn + 1]
            if not active:
                break
            for i in range(active):
                normals[i] = drawn[first[i] + turn]
            pulse_all(now[:active], past[:active], normals[:active], decay, *law)
        for at in range(still[1]):
            i = cells[at]
            for turn in range(TOGETHER, counts[i]):
                past[at] = past[at] * decay
                now[at] = pulsed(now[at], past[at], drawn[first[at] + turn], *law)
            g[i], history[i] = now[at], past[at]
