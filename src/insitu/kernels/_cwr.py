"""The compiled mini-batches of ``kernels/cwr.py``, in a file of their own so that Numba caches them on disk.

As in ``_compiled.py``: no float sum is reordered and no product fused with a sum, so that the reference gives the same
bits; sums of integers may come in any order.
"""

from __future__ import annotations

import numpy as np

from insitu.kernels._compiled import inline, loop
from insitu.kernels._elementary import exponential

f32, i32 = np.float32, np.int32


@inline
def limited(value, lowest, highest):  # type: ignore[no-untyped-def]
    return min(max(value, lowest), highest)


@loop
def train(  # type: ignore[no-untyped-def]
    x,
    rows,
    order,
    batch,
    weight,
    zero,
    logit,
    p_step,
    p_zero,
    p_top,
    error,
    gradient,
    update,
    f_top,
    top,
    forward,
    sums,
):
    """See ``kernels/cwr.py``; ``forward`` (rows, features) and ``sums`` (features,) are room to work in."""
    classes, features = weight.shape
    p_low, f_low, low = f32(-p_top - 1), -f_top - 1, f32(-top - 1)
    offset = np.empty(classes, np.int64)
    logits = np.empty(classes, np.float32)
    errors = np.empty((batch, classes), weight.dtype)
    p_scale, p_shift, p_high, high = f32(1) / p_step, f32(p_zero), f32(p_top), f32(top)
    grown, most = i32(0), f32(0)
    for turn in range(order.shape[0]):
        for start in range(0, order.shape[1], batch):
            stop = min(start + batch, order.shape[1])
            if most > high + f32(1):  # the last step went beyond the range: double the step of the weights
                grown += i32(1)
                for c in range(classes):
                    row = weight[c]
                    for i in range(features):
                        row[i] = (i32(row[i]) + i32(1)) >> i32(1)
            most = f32(0)
            largest = i32(0)
            for c in range(classes):
                row = weight[c]
                for i in range(features):
                    largest = max(largest, abs(i32(row[i])))
            shift = i32(0)
            while (largest >> shift) > f_top:
                shift += i32(1)
            half = i32((1 << shift) >> 1)
            for c in range(classes):
                row, rounded = weight[c], forward[c]
                total = i32(0)
                for i in range(features):
                    value = limited((i32(row[i]) + half) >> shift, i32(f_low), i32(f_top))
                    rounded[i] = value
                    total += value
                offset[c] = np.int64(total) * zero
            scale = logit * f32(np.int64(1) << (shift + grown))
            for k in range(start, stop):
                example = order[turn, k]
                given = x[example]
                for c in range(classes):
                    rounded = forward[c]
                    total = sums[0] * 0
                    for i in range(features):
                        total += i32(given[i]) * i32(rounded[i])
                    logits[c] = f32(total - offset[c]) * scale
                best = logits[0]
                for c in range(1, classes):
                    best = max(best, logits[c])
                whole = f32(0)
                for c in range(classes):
                    logits[c] = exponential(max(logits[c] - best, f32(-80)))
                    whole += logits[c]
                for c in range(classes):
                    p = limited(np.rint(logits[c] / whole * p_scale) + p_shift, p_low, p_high)
                    p = (p - p_shift) * p_step
                    wrong = p - f32(1) if c == rows[example] else p
                    errors[k - start, c] = limited(np.rint(wrong * error), low, high)
            count, rate = f32(1) / f32(stop - start), update / f32(np.int64(1) << grown)
            for c in range(classes):
                whole_wrong = np.int64(0)
                for i in range(features):
                    sums[i] = 0
                for k in range(start, stop):
                    wrong = errors[k - start, c]
                    given = x[order[turn, k]]
                    whole_wrong += wrong
                    if wrong:
                        for i in range(features):
                            sums[i] += i32(given[i]) * i32(wrong)
                row, offsets, share = weight[c], whole_wrong * zero, gradient * count
                for i in range(features):
                    slope = limited(np.rint(f32(sums[i] - offsets) * share), low, high)
                    moved = f32(row[i]) - np.rint(slope * rate)
                    most = max(most, abs(moved))
                    row[i] = limited(moved, low, high)
    return grown
