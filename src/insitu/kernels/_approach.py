"""The compiled loop of ``substrates/analog/approach.py``, in a file of its own for Numba's cache on disk."""

from __future__ import annotations

import numpy as np

from insitu.kernels._compiled import f32, i32, inline, loop, box_muller, philox, u32
from insitu.kernels._set_pulses import pulse_all

AT_A_TIME = 2048  # weights whose state stays in the cache from pulse to pulse


@inline
def due(share, plus, minus, full, tolerance, stride):  # type: ignore[no-untyped-def]
    """Return the pulses that a weight is short of, signed, as its cells are read."""
    short = share - (plus - minus) / full
    if abs(short) <= tolerance:
        return i32(0)
    steps = i32(short / stride)
    return steps if steps else i32(1 if short > 0 else -1)


@inline
def total(us, at):  # type: ignore[no-untyped-def]
    """Return the sum over devices of us (devices, weights)."""
    out = us[0, at]
    for device in range(1, us.shape[0]):
        out += us[device, at]
    return out


@loop
def draw(weights, pulse, group, k0, k1, out):  # type: ignore[no-untyped-def]
    """Normals of the four devices of a group, of these weights: out (4, weights)."""
    for i in range(weights.shape[0]):
        a, b, c, d = philox(u32(group), u32(weights[i]), u32(pulse), u32(0), k0, k1)
        out[0, i], out[1, i] = box_muller(a, b)
        out[2, i], out[3, i] = box_muller(c, d)


@loop
def draw_two(weights, pulse, k0, k1, first, second):  # type: ignore[no-untyped-def]
    for i in range(weights.shape[0]):
        a, b, _, _ = philox(u32(0), u32(weights[i]), u32(pulse), u32(0), k0, k1)
        first[i], second[i] = box_muller(a, b)


@loop
def approach(  # type: ignore[no-untyped-def]
    g, history, us, shares, full, tolerance, stride, rounds, k0, k1, decay, mean, std, lowest, top, pulses
):
    """Pulse cells in place; ``us`` is what they read, and is kept up to date. Return how many weights were read.

    The weights that are short lie next to each other, and all get the same pulse of theirs at once.
    """
    devices, count = g.shape[1], g.shape[2]
    law = mean[0], mean[1], mean[2], std[0], std[1], std[2], lowest, top
    weights, left, sign = np.empty(AT_A_TIME, np.int64), np.empty(AT_A_TIME, np.int32), np.empty(AT_A_TIME, np.int64)
    read, other = np.empty(AT_A_TIME, np.int64), np.empty(AT_A_TIME, np.float32)
    now, past = np.empty((devices, AT_A_TIME), np.float32), np.empty((devices, AT_A_TIME), np.float32)
    noise = np.empty((4, AT_A_TIME), np.float32)
    reads = 0
    for start in range(0, count, AT_A_TIME):
        active = 0
        for w in range(start, min(start + AT_A_TIME, count)):
            plus, minus = total(us[0], w), total(us[1], w)
            steps = due(shares[w], plus, minus, full, tolerance, stride)
            reads += 1
            if steps:
                side = 1 if steps < 0 else 0
                weights[active], left[active], sign[active], read[active] = w, abs(steps), side, 1
                other[active] = plus if side else minus
                for d in range(devices):
                    now[d, active], past[d, active] = g[side, d, w], history[side, d, w]
                active += 1
        pulse = 0
        while active:
            for d in range(devices):
                if devices <= 2:
                    if d == 0:
                        draw_two(weights[:active], pulse, k0, k1, noise[0], noise[1])
                elif d % 4 == 0:
                    draw(weights[:active], pulse, d // 4, k0, k1, noise)
                pulse_all(now[d, :active], past[d, :active], noise[d % 4], decay, *law)
            pulse += 1
            stay = 0
            for i in range(active):
                w, side, still = weights[i], sign[i], left[i] - 1
                pulses[side, w] += 1
                if still == 0:
                    mine = total(now, i)
                    plus, minus = (other[i], mine) if side else (mine, other[i])
                    steps = i32(0)
                    if read[i] < rounds:
                        steps = due(shares[w], plus, minus, full, tolerance, stride)
                        reads += 1
                        read[i] += 1
                    if steps == 0 or (steps < 0) != (side == 1):  # at the target, or beyond it
                        for d in range(devices):
                            g[side, d, w], history[side, d, w] = now[d, i], past[d, i]
                        if steps == 0:
                            continue
                        side = 1 - side
                        other[i] = mine
                        for d in range(devices):
                            now[d, i], past[d, i] = g[side, d, w], history[side, d, w]
                    still = abs(steps)
                weights[stay], left[stay], sign[stay], read[stay], other[stay] = w, still, side, read[i], other[i]
                for d in range(devices):
                    now[d, stay], past[d, stay] = now[d, i], past[d, i]
                stay += 1
            active = stay
    return reads
