"""The compiled loops, all in one file: Numba's cache on disk notices changes of the file a loop stands in, no others.

Written so that LLVM turns inner loops into vector instructions: helpers are inlined by force, constants and
intermediate integers are kept to one width by hand, and nothing within an inner loop branches. Sums are not reordered
and products not fused, so that the NumPy references next to the callers give the same bits.
"""

from __future__ import annotations

import numba
import numpy as np

u32, u64, i32, f32, f64 = np.uint32, np.uint64, np.int32, np.float32, np.float64


def loop(function):  # type: ignore[no-untyped-def]
    try:
        return numba.njit(cache=True, error_model="numpy", nogil=True)(function)
    except RuntimeError:  # no folder to write the cache to: compile again in every process
        return numba.njit(error_model="numpy", nogil=True)(function)


def inline(function):  # type: ignore[no-untyped-def]
    return numba.njit(forceinline=True, error_model="numpy")(function)


# -- normals by position, see kernels/normals.py ------------------------------------------------------------------


@inline
def mix(c0, c1, c2, c3, k0, k1, turn):  # type: ignore[no-untyped-def]
    # words of 32 bits in 64: a multiplication then needs no shuffling of lanes
    low, high = u64(0xFFFFFFFF), u64(32)
    p0, p1 = u64(0xD2511F53) * c0, u64(0xCD9E8D57) * c2
    k0, k1 = u64(u32(k0 + u32(turn * 0x9E3779B9))), u64(u32(k1 + u32(turn * 0xBB67AE85)))
    return (p1 >> high) ^ c1 ^ k0, p1 & low, (p0 >> high) ^ c3 ^ k1, p0 & low


@inline
def philox(c0, c1, c2, c3, k0, k1):  # type: ignore[no-untyped-def]
    # seven calls by hand: a loop here would keep the loop around it from becoming vector instructions
    c0, c1, c2, c3 = mix(u64(c0), u64(c1), u64(c2), u64(c3), k0, k1, 0)
    c0, c1, c2, c3 = mix(c0, c1, c2, c3, k0, k1, 1)
    c0, c1, c2, c3 = mix(c0, c1, c2, c3, k0, k1, 2)
    c0, c1, c2, c3 = mix(c0, c1, c2, c3, k0, k1, 3)
    c0, c1, c2, c3 = mix(c0, c1, c2, c3, k0, k1, 4)
    c0, c1, c2, c3 = mix(c0, c1, c2, c3, k0, k1, 5)
    c0, c1, c2, c3 = mix(c0, c1, c2, c3, k0, k1, 6)
    return u32(c0), u32(c1), u32(c2), u32(c3)


@inline
def logarithm(x):  # type: ignore[no-untyped-def]
    """Natural logarithm of a normal float32 > 0 within 1e-7 of its size (the polynomial of the Cephes library)."""
    bits = i32(f32(x).view(i32) - i32(0x3F3504F3))  # of sqrt(1/2): the mantissa below is in sqrt(1/2)..sqrt(2)
    exponent = f32(i32(bits >> i32(23)))
    m = f32(i32(i32(bits & i32(0x7FFFFF)) + i32(0x3F3504F3)).view(f32) - f32(1))
    p = f32(7.0376836292e-2) * m - f32(1.1514610310e-1)
    p = p * m + f32(1.1676998740e-1)
    p = p * m - f32(1.2420140846e-1)
    p = p * m + f32(1.4249322787e-1)
    p = p * m - f32(1.6668057665e-1)
    p = p * m + f32(2.0000714765e-1)
    p = p * m - f32(2.4999993993e-1)
    p = p * m + f32(3.3333331174e-1)
    z = m * m
    return m + (m * z * p - f32(0.5) * z) + exponent * f32(0.69314718)


@inline
def box_muller(a, b):  # type: ignore[no-untyped-def]
    radius = np.sqrt(f32(-2) * logarithm((f32(a) + f32(0.5)) * f32(2.0**-32)))
    t = f32(i32(b)) * f32(2.0**-32 * np.pi)  # half the angle, in -pi/2..pi/2, where Taylor's series is short
    z = t * t
    s = f32(1 / 362880) - z * f32(1 / 39916800)
    s = t * (f32(1) - z * (f32(1 / 6) - z * (f32(1 / 120) - z * (f32(1 / 5040) - z * s))))
    c = f32(1 / 40320) - z * f32(1 / 3628800)
    c = f32(1) - z * (f32(1 / 2) - z * (f32(1 / 24) - z * (f32(1 / 720) - z * c)))
    return radius * (f32(1) - f32(2) * s * s), radius * (f32(2) * s * c)


@inline
def fill_normals(out, k0, k1, group, first_column, block):  # type: ignore[no-untyped-def]
    """Normals of the four rows of a group: out (4, columns)."""
    for j in range(out.shape[1]):
        a, b, c, d = philox(u32(group), u32(first_column + j), u32(block), u32(0), k0, k1)
        out[0, j], out[1, j] = box_muller(a, b)
        out[2, j], out[3, j] = box_muller(c, d)


@loop
def normal_columns(out, k0, k1):  # type: ignore[no-untyped-def]
    """Normals of rows 0..3 and of all columns of block 0: out (4, columns)."""
    fill_normals(out, k0, k1, 0, 0, 0)


# -- converters, see kernels/readout.py ----------------------------------------------------------------------------


@inline
def largest_of(given):  # type: ignore[no-untyped-def]
    """Largest |entry|, or NaN where an entry is not finite; compared as bits, which order like the numbers."""
    bits = given.view(np.uint32)
    largest = u32(0)
    for i in range(given.shape[0]):
        largest = max(largest, u32(bits[i] & u32(0x7FFFFFFF)))
    return f32(np.nan) if largest >= u32(0x7F800000) else f32(u32(largest).view(f32))


@inline
def lift_of(top):  # type: ignore[no-untyped-def]
    """Power of two that keeps the inverse of a very small row finite."""
    return f32(2.0**64) if top < f32(2.0**-60) else f32(1)


@loop
def pulse_widths(x, levels, widths, squares, tops):  # type: ignore[no-untyped-def]
    for row in range(x.shape[0]):
        given, width, square = x[row], widths[row], squares[row]
        top = largest_of(given)
        tops[row] = top
        lift = lift_of(top)
        if levels > 0:
            scale, step = levels / max(top * lift, f32(1e-30)), f32(1) / levels
            for i in range(given.shape[0]):
                value = np.rint(given[i] * lift * scale) * step
                width[i] = value
                square[i] = value * value
        else:
            scale = f32(1) / max(top * lift, f32(1e-30))
            for i in range(given.shape[0]):
                value = given[i] * lift * scale
                width[i] = value
                square[i] = value * value


@loop
def whole_widths(x, levels, dither, shift, widths, squares, tops, start, stop):  # type: ignore[no-untyped-def]
    """As above, as whole numbers: widths in int16, squares in uint8, in coarser steps; arrays longer than x is wide."""
    for row in range(start, stop):
        given, width, square = x[row], widths[row], squares[row]
        top = largest_of(given)
        tops[row] = top
        lift = lift_of(top)
        scale = levels / max(top * lift, f32(1e-30))
        for i in range(given.shape[0]):
            width[i] = np.int16(i32(np.rint(given[i] * lift * scale)))
        for i in range(given.shape[0]):
            whole = i32(width[i])
            square[i] = np.uint8(np.right_shift(u32(u32(whole * whole) + u32(dither[i])), u32(shift)))


@inline
def converted(current, inverse, top, step):  # type: ignore[no-untyped-def]
    return np.rint(min(max(current * inverse, -top), top)) * step


@inline
def add_row(now, full, levels, first, total):  # type: ignore[no-untyped-def]
    """Convert one row of a block, where the converter has steps, and add it to the sum."""
    if levels and first:
        top, step, inverse = f32(levels), full / f32(levels), f32(levels) / full
        for j in range(now.shape[0]):
            total[j] = converted(now[j], inverse, top, step)
    elif levels:
        top, step, inverse = f32(levels), full / f32(levels), f32(levels) / full
        for j in range(now.shape[0]):
            total[j] += converted(now[j], inverse, top, step)
    elif first:
        for j in range(now.shape[0]):
            total[j] = now[j]
    else:
        for j in range(now.shape[0]):
            total[j] += now[j]


@inline
def scale_rows(totals, row_gain, column_gain, out):  # type: ignore[no-untyped-def]
    for row in range(out.shape[0]):
        gain = f64(row_gain[row])
        for j in range(out.shape[1]):
            out[row, j] = f32(f64(totals[row, j]) * column_gain[j] * gain)


@loop
def readout(  # type: ignore[no-untyped-def]
    current, variance, noisy, k0, k1, first_row, first_column, full, levels, row_gain, column_gain, out
):
    blocks, rows, columns = current.shape
    noise = np.empty((4, columns), np.float32)
    for start in range(0, rows, 4):
        stop = min(start + 4, rows)
        for block in range(blocks):
            if noisy:
                fill_normals(noise, k0, k1, (first_row + start) // 4, first_column, block)
            for row in range(start, stop):
                now = current[block, row]
                if noisy:
                    spread, drawn = variance[block, row], noise[row - start]
                    for j in range(columns):
                        now[j] += np.sqrt(spread[j]) * drawn[j]
                add_row(now, full[block], levels, block == 0, out[row])
        scale_rows(out[start:stop], row_gain[start:stop], column_gain, out[start:stop])


# -- whole numbers in strips, see kernels/strips.py ----------------------------------------------------------------


@loop
def signed_strips(values, steps, tile, words, unit):  # type: ignore[no-untyped-def]
    rows, columns = values.shape
    for i in range(rows):
        for j in range(columns):
            unit[j] = max(unit[j], abs(values[i, j]))
    for j in range(columns):
        unit[j] = max(unit[j], f32(1e-30)) / steps
    for i in range(rows):
        block, row = i // tile, i % tile
        for j in range(columns):
            words[block, j // 16, row // 2, j % 16, row % 2] = np.int16(i32(np.rint(values[i, j] / unit[j])))


@loop
def carried_strips(values, steps, tile, words, unit):  # type: ignore[no-untyped-def]
    rows, columns = values.shape
    for i in range(rows):
        for j in range(columns):
            unit[j] = max(unit[j], values[i, j])
    for j in range(columns):
        unit[j] = max(unit[j], f32(1e-30)) / steps
    sums = np.zeros(columns, np.float64)
    for i in range(rows):
        block, row = i // tile, i % tile
        if row == 0:
            sums[:] = 0.0
        for j in range(columns):
            before, sums[j] = sums[j], sums[j] + f64(values[i, j] / unit[j])
            words[block, j // 16, row // 4, j % 16, row % 4] = np.int8(i32(np.rint(sums[j]) - np.rint(before)))
