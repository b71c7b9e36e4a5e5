"""The compiled loop of ``substrates/analog/approach.py``, in a file of its own for Numba's cache on disk.

Weights that are short lie next to each other, and all get the same pulse of theirs at once, on the side that is short:
``mine`` of a weight is that side's, ``other`` and ``side`` (0 plus, 1 minus) are that of the moment. A weight at its
target stays where it is, with more pulses left than it ever gets, until half of the weights are such.
"""

from __future__ import annotations

import numpy as np

from insitu.kernels._compiled import box_muller, f32, i32, inline, loop, philox, u32
from insitu.kernels._set_pulses import pulse_all

AT_A_TIME = 2048  # weights whose state stays in the cache from pulse to pulse
DONE = 2**30  # pulses left of a weight at its target


@inline
def due(target, mine, other, full, tolerance, stride):  # type: ignore[no-untyped-def]
    """Return the pulses that the side ``mine`` is short of; below 0 they are the other side's."""
    short = target - (mine - other) / full
    steps = i32(short / stride)
    steps = steps if steps != i32(0) else (i32(1) if short > f32(0) else i32(-1))
    return i32(0) if abs(short) <= tolerance else steps


@loop
def draw(weights, pulse, group, k0, k1, out):  # type: ignore[no-untyped-def]
    """Normals of the four devices of a group, of these weights: out (4, weights)."""
    for i in range(weights.shape[0]):
        a, b, c, d = philox(u32(group), u32(weights[i]), u32(pulse), u32(0), k0, k1)
        out[0, i], out[1, i] = box_muller(a, b)
        out[2, i], out[3, i] = box_muller(c, d)


@loop
def draw_two(weights, pulse, k0, k1, first, second):  # type: ignore[no-untyped-def]
    """The first two rows of the same."""
    for i in range(weights.shape[0]):
        a, b, _, _ = philox(u32(0), u32(weights[i]), u32(pulse), u32(0), k0, k1)
        first[i], second[i] = box_muller(a, b)


@loop
def add(us, out):  # type: ignore[no-untyped-def]
    """Add us to out, in a loop by itself, which LLVM turns into vector instructions; so are those around it."""
    for i in range(us.shape[0]):
        out[i] += us[i]


@loop
def verify(target, mine, other, left, read, full, tolerance, stride, rounds):  # type: ignore[no-untyped-def]
    """Count a pulse of every weight down; read those that have had theirs. Return how many were read."""
    reads = i32(0)
    for i in range(target.shape[0]):
        rest = i32(left[i] - i32(1))
        again = rest == i32(0) and read[i] < rounds
        steps = due(target[i], mine[i], other[i], full, tolerance, stride)
        left[i] = steps if again else rest
        read[i] += i32(again)
        reads += i32(again)
    return reads


@loop
def approach(  # type: ignore[no-untyped-def]
    g, history, us, shares, full, tolerance, stride, rounds, k0, k1, decay, mean, std, lowest, top, pulses
):
    """Pulse cells in place, which read as ``us`` before, and count in ``pulses``; return how many reads it took."""
    devices, count = g.shape[1], g.shape[2]
    law = mean[0], mean[1], mean[2], std[0], std[1], std[2], lowest, top
    whole, floats = np.empty((5, AT_A_TIME), np.int32), np.empty((3, AT_A_TIME), np.float32)
    weights, side, left, read, since = whole[0], whole[1], whole[2], whole[3], whole[4]
    target, mine, other = floats[0], floats[1], floats[2]
    now, past = np.empty((devices, AT_A_TIME), np.float32), np.empty((devices, AT_A_TIME), np.float32)
    noise = np.empty((4, AT_A_TIME), np.float32)
    reads, rounds = 0, i32(rounds)
    plus, minus = np.empty(AT_A_TIME, np.float32), np.empty(AT_A_TIME, np.float32)
    for start in range(0, count, AT_A_TIME):
        stop = min(start + AT_A_TIME, count)
        plus[: stop - start], minus[: stop - start] = 0, 0
        for d in range(devices):
            add(us[0, d, start:stop], plus)
            add(us[1, d, start:stop], minus)
        left[: stop - start], read[: stop - start] = 1, 0
        reads += verify(shares[start:stop], plus, minus, left, read, full, tolerance, stride, rounds)
        active = 0
        for i in range(stop - start):
            steps = left[i]
            if steps:
                w, s = start + i, 1 if steps < 0 else 0
                weights[active], side[active], left[active], read[active], since[active] = w, s, abs(steps), 1, 0
                target[active], other[active] = -shares[w] if s else shares[w], plus[i] if s else minus[i]
                for d in range(devices):
                    now[d, active], past[d, active] = g[s, d, w], history[s, d, w]
                active += 1
        pulse = done = 0
        while active > done:
            mine[:active] = 0
            for d in range(devices):
                if devices <= 2 and d == 0:
                    draw_two(weights[:active], pulse, k0, k1, noise[0], noise[1])
                elif devices > 2 and d % 4 == 0:
                    draw(weights[:active], pulse, d // 4, k0, k1, noise)
                pulse_all(now[d, :active], past[d, :active], noise[d % 4], decay, *law)
                add(now[d, :active], mine)
            pulse += 1
            reads += verify(target[:active], mine, other, left, read, full, tolerance, stride, rounds)
            for i in range(active):
                if left[i] > 0:
                    continue
                w, s = weights[i], side[i]
                pulses[s, w] += pulse - since[i]
                for d in range(devices):
                    g[s, d, w], history[s, d, w] = now[d, i], past[d, i]
                if left[i] == 0:
                    left[i] = DONE
                    done += 1
                    continue
                s = 1 - s
                side[i], left[i], since[i] = s, -left[i], pulse
                target[i], other[i] = -target[i], mine[i]
                for d in range(devices):
                    now[d, i], past[d, i] = g[s, d, w], history[s, d, w]
            if 2 * done > active:
                stay = 0
                for i in range(active):
                    if left[i] < DONE // 2:
                        for row in range(5):
                            whole[row, stay] = whole[row, i]
                        for row in range(3):
                            floats[row, stay] = floats[row, i]
                        for d in range(devices):
                            now[d, stay], past[d, stay] = now[d, i], past[d, i]
                        stay += 1
                active, done = stay, 0
    return reads
