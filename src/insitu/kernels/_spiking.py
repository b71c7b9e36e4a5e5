"""The compiled loops of ``kernels/spiking.py``, in a file of their own so that Numba caches them on disk.

Forward, the recurrent product is the sum of the rows of the neurons that fired. Backward, the error of a spike is
computed only where the surrogate derivative is not zero, for a few percent of the neurons. Results do not depend on the
number of threads, since none shares a sum. Forward, they do not depend on the processor either: operations are rounded
one by one in their order. Backward, which only training needs, sums may be reordered, so that they become vector
instructions.
"""

from __future__ import annotations

import numba
import numpy as np

f32 = np.float32
LANES = 32  # numbers that a loop takes at once
FREE_ORDER = {"reassoc", "contract", "nsz", "arcp"}  # NaN and infinity stay what they are


def loop(function, fastmath=False):  # type: ignore[no-untyped-def]
    try:
        return numba.njit(cache=True, error_model="numpy", nogil=True, parallel=True, fastmath=fastmath)(function)
    except RuntimeError:  # no folder to write the cache to: compile again in every process
        return numba.njit(error_model="numpy", nogil=True, parallel=True, fastmath=fastmath)(function)


def free_loop(function):  # type: ignore[no-untyped-def]
    return loop(function, FREE_ORDER)  # type: ignore[no-untyped-call]


def inline(function):  # type: ignore[no-untyped-def]
    return numba.njit(forceinline=True, error_model="numpy")(function)


def free_inline(function):  # type: ignore[no-untyped-def]
    return numba.njit(forceinline=True, error_model="numpy", fastmath=FREE_ORDER)(function)


@free_inline
def dot(a, b):  # type: ignore[no-untyped-def]
    total = f32(0)
    for i in range(a.shape[0]):
        total += a[i] * b[i]
    return total


@inline
def widened(rows):  # type: ignore[no-untyped-def]
    """Copy a matrix with zeros behind each row, up to whole vectors: what is left over costs more than they do."""
    wide = np.zeros((rows.shape[0], -(-rows.shape[1] // LANES) * LANES), np.float32)
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            wide[i, j] = rows[i, j]
    return wide


@inline
def fire(v, level, scale, top, pause, rest, flags, slope, fired):  # type: ignore[no-untyped-def]
    """Write the slopes of all neurons and the numbers of those that fire; return how many do."""
    for j in range(v.shape[0]):
        beyond = v[j] - level[j]
        free = f32(1) if rest[j] == f32(0) else f32(0)
        fires = free if beyond > f32(0) else f32(0)
        slope[j] = max(f32(0), top - abs(beyond) * scale) * free
        rest[j] = max(f32(0), rest[j] + pause * fires - f32(1))
        flags[j] = fires
    count = 0
    for j in range(v.shape[0]):
        if flags[j]:
            fired[count] = j
            count += 1
    return count


@loop
def forward(  # type: ignore[no-untyped-def]
    current, w_rec, w_out, decay, kappa, threshold, dampening, pause, beta, rho, fired, number, slope, adapted, readout
):
    steps, batch, size = current.shape
    adaptive, outs, several = adapted.shape[2], w_out.shape[1], w_rec.shape[0] > 1
    plain = size - adaptive
    top, scale = dampening / threshold, dampening / (threshold * threshold)
    for sample in numba.prange(batch):
        b = np.int64(sample)  # Numba's own counter is unsigned, and would make indices float
        w = w_rec[b if several else 0]
        v, y = np.zeros(size, np.float32), np.zeros(outs, np.float32)
        a, level = np.zeros(adaptive, np.float32), np.full(size, threshold, np.float32)
        rest, flags = np.zeros(size, np.float32), np.zeros(size, np.float32)
        before = 0
        for t in range(steps):
            now = current[t, b]
            for j in range(size):
                v[j] = decay * v[j] + now[j]
            if adaptive:
                for j in range(adaptive):
                    a[j] *= rho
                for k in range(before):
                    i = fired[t - 1, b, k]
                    if i >= plain:
                        a[i - plain] += f32(1)
                kept = adapted[t, b]
                for j in range(adaptive):
                    kept[j] = a[j]
                    level[plain + j] = threshold + beta * a[j]
            for k in range(before):
                i = fired[t - 1, b, k]
                own, row = v[i], w[i]
                for j in range(size):
                    v[j] += row[j]
                v[i] = own - level[i]  # no neuron drives itself
            before = fire(v, level, scale, top, pause, rest, flags, slope[t, b], fired[t, b])
            number[t, b] = before
            for o in range(outs):
                y[o] *= kappa
            for k in range(before):
                row = w_out[fired[t, b, k]]
                for o in range(outs):
                    y[o] += row[o]
            out = readout[t, b]
            for o in range(outs):
                out[o] = y[o]


@free_loop
def backward(  # type: ignore[no-untyped-def]
    fired,
    number,
    slope,
    adapted,
    w_rec,
    w_out,
    decay,
    kappa,
    threshold,
    dampening,
    beta,
    rho,
    of_readout,
    of_spikes,
    of_counts,
    of_slope,
    groups,
    of_current,
    filtered,
):
    """Errors of the currents and low-passed errors of the readouts; samples of a group share a row of weights."""
    steps, batch, size = slope.shape
    adaptive, outs, several = adapted.shape[2], w_out.shape[1], w_rec.shape[0] > 1
    plain = size - adaptive
    fall = dampening / (threshold * threshold)
    out_rows, shared = widened(w_out), widened(w_rec[0])
    wide, wide_out = shared.shape[1], out_rows.shape[1]
    for number_of_group in numba.prange(groups):
        group = np.int64(number_of_group)
        first, last = group * batch // groups, (group + 1) * batch // groups
        some = last - first
        rows = widened(w_rec[first]) if several else shared
        f = np.zeros((some, wide_out), np.float32)
        dv = np.zeros((2, some, wide), np.float32)
        da = np.zeros((2, some, adaptive), np.float32)
        flags = np.zeros((some, size), np.uint8)
        who, many = np.zeros((size, some), np.int32), np.zeros(size, np.int32)
        for t in range(steps - 1, -1, -1):
            after, now = dv[t & 1], dv[1 - (t & 1)]  # after it, and at this step: errors of potentials
            later, sooner = da[t & 1], da[1 - (t & 1)]
            for j in range(size):
                many[j] = 0
            for k in range(some):
                b = first + k
                low, given, kept = f[k], of_readout[t, b], filtered[t, b]
                for o in range(outs):
                    low[o] = kappa * low[o] + given[o]
                    kept[o] = low[o]
                near = slope[t, b]
                for j in range(size):
                    if near[j] > f32(0):
                        who[j, many[j]] = k
                        many[j] += 1
                old, new = after[k], now[k]
                for j in range(wide):
                    new[j] = decay * old[j]
                for j in range(adaptive):
                    sooner[k, j] = rho * later[k, j]
                if of_slope.shape[0]:
                    for j in range(size):
                        flags[k, j] = 0
                    for e in range(number[t, b]):
                        flags[k, fired[t, b, e]] = 1
            for i in range(size):
                for s in range(many[i]):
                    k = who[i, s]
                    b = first + k
                    error = dot(out_rows[i], f[k])
                    if t + 1 < steps:
                        level = threshold
                        if i >= plain:
                            level += beta * adapted[t + 1, b, i - plain]
                            error += later[k, i - plain]
                        error += dot(rows[i], after[k]) - (rows[i, i] + level) * after[k, i]
                    if of_spikes.shape[0]:
                        error += of_spikes[t, b, i]
                    if of_counts.shape[0]:
                        error += of_counts[b, i]
                    error *= slope[t, b, i]
                    if of_slope.shape[0]:
                        error += of_slope[t, b, i] * (-fall if flags[k, i] else fall)
                    now[k, i] += error
                    if i >= plain:
                        sooner[k, i - plain] -= beta * error
            for k in range(some):
                b = first + k
                if t and adaptive:
                    for e in range(number[t - 1, b]):
                        i = fired[t - 1, b, e]
                        if i >= plain:
                            sooner[k, i - plain] -= beta * now[k, i]
                out, new = of_current[t, b], now[k]
                for j in range(size):
                    out[j] = new[j]


@free_loop
def weight_gradients(fired, number, of_current, filtered, of_rec, of_out):  # type: ignore[no-untyped-def]
    """Sum errors over the spikes of each neuron; ``of_rec`` has one matrix, or one per sample."""
    steps, batch, size = of_current.shape
    outs, several = filtered.shape[2], of_rec.shape[0] > 1
    # spikes in the order of neurons
    start = np.zeros(size + 1, np.int64)
    for t in range(steps):
        for b in range(batch):
            for k in range(number[t, b]):
                start[fired[t, b, k] + 1] += 1
    for j in range(size):
        start[j + 1] += start[j]
    place, when = start[:-1].copy(), np.empty(start[size], np.int64)
    for b in range(batch):
        for t in range(steps):
            for k in range(number[t, b]):
                j = fired[t, b, k]
                when[place[j]] = t * batch + b
                place[j] += 1
    for neuron in numba.prange(size):
        i = np.int64(neuron)
        total, out = of_rec[0, i], of_out[i]
        for e in range(start[i], start[i + 1]):
            t, b = when[e] // batch, when[e] % batch
            low = filtered[t, b]
            for o in range(outs):
                out[o] += low[o]
            if t + 1 < steps:
                after = of_current[t + 1, b]
                if several:
                    total = of_rec[b, i]
                for j in range(size):
                    total[j] += after[j]
                total[i] = f32(0)


@loop
def spread(fired, number, counts, every):  # type: ignore[no-untyped-def]
    """Count the spikes of each neuron, and write them as 0 and 1 where ``every`` is not empty; both begin as zeros."""
    for sample in numba.prange(number.shape[1]):
        b = np.int64(sample)
        for t in range(number.shape[0]):
            for k in range(number[t, b]):
                counts[b, fired[t, b, k]] += f32(1)
                if every.shape[0]:
                    every[t, b, fired[t, b, k]] = f32(1)
