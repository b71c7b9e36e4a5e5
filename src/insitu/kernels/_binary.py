"""The compiled loops of ``kernels/binary.py`` and ``binary_block.py``, in one file as those of ``_compiled.py`` are.

What counts is written as vector instructions by hand, as LLVM's own terms: eight 64-bit counters to a vector, a tile of
``LANES`` output channels at a time, so that one word of activations meets as many words of weights as there are
lanes and counters never leave registers. LLVM turns this into AVX-512's VPOPCNTQ, or into what the processor has.
Products are not fused with sums and sums not reordered, so that the references give the same bits.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

LANES = 32  # output channels of a tile
GROUP = 4  # neighbouring pixels that share the weights once loaded
COUNTERS = ir.VectorType(ir.IntType(64), 8)
SUMS = ir.VectorType(ir.IntType(32), 8)
VECTORS = LANES // 8

f32, i32, u32 = np.float32, np.int32, np.uint32
tools: Any = cgutils  # carries no types
by_hand: Any = intrinsic  # carries the types of a plain call, which lacks the context


def loop(parallel: bool = False):  # type: ignore[no-untyped-def]
    def made(function):  # type: ignore[no-untyped-def]
        kept: Any = {"error_model": "numpy", "nogil": True, "parallel": parallel}
        try:
            return numba.njit(cache=True, **kept)(function)
        except RuntimeError:  # no folder to write the cache to: compile again in every process
            return numba.njit(**kept)(function)

    return made


def splat(builder: Any, value: Any, vector: Any) -> Any:
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    order = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    return builder.shuffle_vector(first, first, order)


def counting(pixels: int):  # type: ignore[no-untyped-def]
    """Make the loop over taps and words of ``pixels`` neighbouring pixels and one tile of output channels.

    ``rows`` stretches of ``run`` words of x, ``x_row`` words apart, meet stretches of weights, ``w_row`` words apart.
    The numbers of bits that differ go to out (pixels x LANES).
    """

    @by_hand
    def count(context, x, x_at, x_step, x_row, w, w_at, w_row, rows, run, out):  # type: ignore[no-untyped-def]
        signature = types.void(x, x_at, x_step, x_row, w, w_at, w_row, rows, run, out)

        def code(context, builder, signature, given):  # type: ignore[no-untyped-def]
            def data(number: Any) -> Any:
                return context.make_array(signature.args[number])(context, builder, given[number]).data

            def whole(number: Any) -> Any:
                return context.cast(builder, given[number], signature.args[number], types.intp)

            x_at, x_step, x_row, w_at, w_row, rows, run = map(whole, (1, 2, 3, 5, 6, 7, 8))
            kind = ir.FunctionType(COUNTERS, [COUNTERS])
            bits = tools.get_or_insert_function(builder.module, kind, "llvm.ctpop.v8i64")
            zero, size = ir.Constant(COUNTERS, [0] * 8), x_at.type
            counters = [[tools.alloca_once_value(builder, zero) for _ in range(VECTORS)] for _ in range(pixels)]
            starts = [builder.add(x_at, builder.mul(x_step, ir.Constant(size, p))) for p in range(pixels)]
            with tools.for_range(builder, rows) as row:
                x_shift, w_shift = builder.mul(row.index, x_row), builder.add(w_at, builder.mul(row.index, w_row))
                with tools.for_range(builder, run) as word:
                    at = builder.add(w_shift, builder.mul(word.index, ir.Constant(size, LANES)))
                    tile = builder.bitcast(builder.gep(data(4), [at]), COUNTERS.as_pointer())
                    weights = [builder.load(builder.gep(tile, [ir.Constant(size, v)]), align=8) for v in range(VECTORS)]
                    offset = builder.add(x_shift, word.index)
                    for start, mine in zip(starts, counters, strict=True):
                        one = builder.load(builder.gep(data(0), [builder.add(start, offset)]))
                        spread = splat(builder, one, COUNTERS)
                        for weight, counter in zip(weights, mine, strict=True):
                            found = builder.call(bits, [builder.xor(spread, weight)])
                            builder.store(builder.add(builder.load(counter), found), counter)
            target = builder.bitcast(data(9), SUMS.as_pointer())
            for number, counter in enumerate(counter for mine in counters for counter in mine):
                place = builder.gep(target, [ir.Constant(size, number)])
                builder.store(builder.trunc(builder.load(counter), SUMS), place, align=4)
            return context.get_dummy_value()

        return signature, code

    return count


count_one, count_group = counting(1), counting(GROUP)


def row_of(kind: Any, context: Any, builder: Any, signature: Any, given: Any, number: Any) -> Any:
    """Point to LANES entries in a row of the array that is argument ``number``, from the argument after it on."""
    start = context.make_array(signature.args[number])(context, builder, given[number]).data
    at = context.cast(builder, given[number + 1], signature.args[number + 1], types.intp)
    return builder.bitcast(builder.gep(start, [at]), ir.VectorType(kind, LANES).as_pointer())


@by_hand
def put_sums(context, differing, d_at, most, out, o_at):  # type: ignore[no-untyped-def]
    """out[o_at:] = most - 2 * differing[d_at:], LANES entries."""

    def code(context, builder, signature, given):  # type: ignore[no-untyped-def]
        kind = ir.VectorType(ir.IntType(32), LANES)
        bits = builder.load(row_of(ir.IntType(32), context, builder, signature, given, 0), align=4)
        top = splat(builder, context.cast(builder, given[2], signature.args[2], types.int32), kind)
        total = builder.sub(top, builder.add(bits, bits))
        builder.store(total, row_of(ir.IntType(32), context, builder, signature, given, 3), align=4)
        return context.get_dummy_value()

    return types.void(differing, d_at, most, out, o_at), code


@by_hand
def put_floats(context, sums, s_at, factors, f_at, step, residual, r_at, out, o_at):  # type: ignore[no-untyped-def]
    """Turn LANES sums into floats by factors (seven rows, ``step`` apart); return the bits, the first the lowest."""

    def code(context, builder, signature, given):  # type: ignore[no-untyped-def]
        pieces = context, builder, signature, given
        size = ir.Constant(ir.IntType(64), LANES)
        kind = ir.VectorType(ir.FloatType(), LANES)
        first = row_of(ir.FloatType(), *pieces, 2)

        def factor(row: Any) -> Any:
            step = context.cast(builder, given[4], signature.args[4], types.intp)
            entries = builder.bitcast(first, ir.FloatType().as_pointer())
            there = builder.gep(entries, [builder.mul(step, ir.Constant(size.type, row))])
            return builder.load(builder.bitcast(there, kind.as_pointer()), align=4)

        def larger(a: Any, b: Any) -> Any:
            return builder.select(builder.fcmp_ordered(">", a, b), a, b)

        y = builder.sitofp(builder.load(row_of(ir.IntType(32), *pieces, 0), align=4), kind)
        y = builder.fadd(builder.fmul(larger(y, factor(0)), factor(1)), factor(2))
        y = builder.fadd(y, builder.load(row_of(ir.FloatType(), *pieces, 5), align=4))
        y = builder.fsub(y, factor(3))
        zero = ir.Constant(kind, [0.0] * LANES)
        y = builder.select(builder.fcmp_ordered(">", y, zero), y, builder.fmul(y, factor(4)))
        y = builder.fadd(y, factor(5))
        builder.store(y, row_of(ir.FloatType(), *pieces, 7), align=4)
        return builder.bitcast(builder.fcmp_ordered(">=", y, factor(6)), ir.IntType(LANES))

    return types.uint32(sums, s_at, factors, f_at, step, residual, r_at, out, o_at), code


def inline(function):  # type: ignore[no-untyped-def]
    return numba.njit(forceinline=True, error_model="numpy")(function)


@inline
def pixels(x, weights, frame, tile, image, row, column, differing):  # type: ignore[no-untyped-def]
    """Count one tile at a pixel, or GROUP of them from it on, into ``differing``; return taps and number of pixels."""
    height, width, words, kh, kw, stride, padding, columns = frame
    # taps outside the image add nothing: they are left out
    top, start = row * stride - padding, column * stride - padding
    ky, kx = max(0, -top), max(0, -start)
    high, wide = max(0, min(kh, height - top) - ky), max(0, min(kw, width - start) - kx)
    last = column + GROUP - 1  # the group must lie within the row, and see all columns of the kernel
    grouped = start >= 0 and last < columns and last * stride - padding + kw <= width
    x_at = ((image * height + top + ky) * width + start + kx) * words
    w_at = ((tile * kh + ky) * kw + kx) * words * LANES
    x_row, w_row, run = width * words, kw * words * LANES, wide * words
    if grouped:
        count_group(x, x_at, stride * words, x_row, weights, w_at, w_row, high, run, differing)
    else:
        count_one(x, x_at, 0, x_row, weights, w_at, w_row, high, run, differing)
    return high * wide, GROUP if grouped else 1


@loop()
def sum_rows(x, tiles, window, out, first, last):  # type: ignore[no-untyped-def]
    """Fill rows first..last of all rows (tile of channels, image, row of pixels) of out (n, rows, columns, outs).

    ``window`` is stride, padding and input channels.
    """
    (n, rows, columns, outs), (stride, padding, channels) = out.shape, window
    frame = (*x.shape[1:], *tiles.shape[1:3], stride, padding, columns)
    flat_x, weights = x.reshape(-1), tiles.reshape(-1)
    differing, sums, flat = np.empty(GROUP * LANES, np.int32), np.empty(LANES, np.int32), out.reshape(-1)
    for item in range(first, last):
        tile, line, column = item // (n * rows), item % (n * rows), 0
        lanes = min(LANES, outs - tile * LANES)
        while column < columns:
            taps, many = pixels(flat_x, weights, frame, tile, line // rows, line % rows, column, differing)
            for p in range(many):
                at = (line * columns + column + p) * outs + tile * LANES
                if lanes == LANES:
                    put_sums(differing, p * LANES, taps * channels, flat, at)
                else:
                    put_sums(differing, p * LANES, taps * channels, sums, 0)
                    for j in range(lanes):
                        flat[at + j] = sums[j]
            column += many


@loop()
def block_rows(x, tiles, window, factors, residual, added, out, bits, first, last):  # type: ignore[no-untyped-def]
    """As above, each tile turned at once into floats, out, and those into bits (n, rows, columns, tiles) uint32.

    ``residual`` is a map like out, or of no meaning where ``added`` is false.
    """
    (n, rows, columns, outs), (stride, padding, channels) = out.shape, window
    frame = (*x.shape[1:], *tiles.shape[1:3], stride, padding, columns)
    flat_x, weights = x.reshape(-1), tiles.reshape(-1)
    differing, sums = np.empty(GROUP * LANES, np.int32), np.empty(LANES, np.int32)
    held, given, nothing = np.empty(LANES, np.float32), np.zeros(LANES, np.float32), np.zeros(LANES, np.float32)
    flat, flat_residual, flat_factors = out.reshape(-1), residual.reshape(-1), factors.reshape(-1)
    flat_bits, step = bits.reshape(-1), factors.shape[1]
    for item in range(first, last):
        tile, line, column = item // (n * rows), item % (n * rows), 0
        c = tile * LANES
        lanes = min(LANES, outs - c)
        while column < columns:
            taps, many = pixels(flat_x, weights, frame, tile, line // rows, line % rows, column, differing)
            for p in range(many):
                place = line * columns + column + p
                at = place * outs + c
                put_sums(differing, p * LANES, taps * channels, sums, 0)
                if lanes == LANES:
                    if added:
                        found = put_floats(sums, 0, flat_factors, c, step, flat_residual, at, flat, at)
                    else:
                        found = put_floats(sums, 0, flat_factors, c, step, nothing, 0, flat, at)
                else:
                    if added:
                        given[:lanes] = flat_residual[at : at + lanes]
                    found = put_floats(sums, 0, flat_factors, c, step, given, 0, held, 0)
                    found &= u32((1 << lanes) - 1)
                    flat[at : at + lanes] = held[:lanes]
                flat_bits[place * bits.shape[3] + tile] = found
            column += many


@loop(parallel=True)
def sum_all(x, tiles, window, out, threads):  # type: ignore[no-untyped-def]
    items = tiles.shape[0] * out.shape[0] * out.shape[1]
    for part in numba.prange(threads):
        start, stop = part * items // threads, (part + 1) * items // threads
        sum_rows(x, tiles, window, out, start, stop)


@loop(parallel=True)
def block_all(x, tiles, window, factors, residual, added, out, bits, threads):  # type: ignore[no-untyped-def]
    items = tiles.shape[0] * out.shape[0] * out.shape[1]
    for part in numba.prange(threads):
        start, stop = part * items // threads, (part + 1) * items // threads
        block_rows(x, tiles, window, factors, residual, added, out, bits, start, stop)


@loop()
def pack_rows(x, thresholds, bits):  # type: ignore[no-untyped-def]
    """Bits x >= thresholds of rows x (rows, channels) float32 as words (rows, words) uint32, which were 0."""
    rows, channels = x.shape
    for row in range(rows):
        for word in range(channels // LANES):
            held = u32(0)
            for c in range(LANES):
                at = word * LANES + c
                held |= u32(u32(x[row, at] >= thresholds[at]) << u32(c))
            bits[row, word] = held
        for c in range(channels // LANES * LANES, channels):
            bits[row, c // LANES] |= u32(u32(x[row, c] >= thresholds[c]) << u32(c % LANES))
