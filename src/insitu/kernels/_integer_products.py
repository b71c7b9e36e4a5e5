"""The compiled loop of products in ``kernels/integer_readout.py``, its inner part written as LLVM's own terms."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from insitu.kernels._compiled import converted, f32, f64, fill_normals, loop

tools: Any = cgutils  # carries no types
by_hand: Any = intrinsic  # carries the types of a plain call, which lacks the context

LANES = 16  # columns of a strip
TOGETHER = 4  # rows that meet a strip's weights once these are loaded; as many as share a counter of the normals
ROWS = 64  # rows whose pulse widths stay in the cache while all strips pass
PAIRS, PAIR_SUMS = ir.VectorType(ir.IntType(16), 2 * LANES), ir.VectorType(ir.IntType(32), LANES)


@by_hand
def dot_pairs(context, x, x_at, x_row, w, w_at, count, out):  # type: ignore[no-untyped-def]
    """Multiply TOGETHER rows by one strip: out (TOGETHER, LANES) int32, over ``count`` pairs of inputs.

    Products of neighbouring inputs are added in pairs, which LLVM turns into the instruction that the processor has
    for it (VPDPWSSD, VPMADDWD, PMADDWD) or into plain products; the sums are exact on all of them.
    """
    signature = types.void(x, x_at, x_row, w, w_at, count, out)

    def code(context, builder, signature, given):  # type: ignore[no-untyped-def]
        def data(number: Any) -> Any:
            return context.make_array(signature.args[number])(context, builder, given[number]).data

        x_at, x_row, w_at, count = (
            context.cast(builder, given[n], signature.args[n], types.intp) for n in (1, 2, 4, 5)
        )
        size, word = x_at.type, ir.IntType(32)
        zero = ir.Constant(PAIR_SUMS, [0] * LANES)
        sums = [tools.alloca_once_value(builder, zero) for _ in range(TOGETHER)]
        starts = [builder.add(x_at, builder.mul(x_row, ir.Constant(size, row))) for row in range(TOGETHER)]
        even, odd = (ir.Constant(PAIR_SUMS, list(range(first, 2 * LANES, 2))) for first in (0, 1))
        wide = ir.VectorType(word, 2 * LANES)
        with tools.for_range(builder, count) as pair:
            at = builder.add(w_at, builder.mul(pair.index, ir.Constant(size, 2 * LANES)))
            weights = builder.load(builder.bitcast(builder.gep(data(3), [at]), PAIRS.as_pointer()), align=2)
            weights = builder.sext(weights, wide)
            for start, total in zip(starts, sums, strict=True):
                place = builder.gep(data(0), [builder.add(start, builder.mul(pair.index, ir.Constant(size, 2)))])
                both = builder.load(builder.bitcast(place, word.as_pointer()), align=2)
                first = builder.insert_element(ir.Constant(PAIR_SUMS, ir.Undefined), both, ir.Constant(word, 0))
                spread = builder.shuffle_vector(first, first, ir.Constant(PAIR_SUMS, [0] * LANES))
                products = builder.mul(builder.sext(builder.bitcast(spread, PAIRS), wide), weights)
                added = builder.add(
                    builder.shuffle_vector(products, products, even), builder.shuffle_vector(products, products, odd)
                )
                builder.store(builder.add(builder.load(total), added), total)
        target = builder.bitcast(data(6), PAIR_SUMS.as_pointer())
        for number, total in enumerate(sums):
            builder.store(builder.load(total), builder.gep(target, [ir.Constant(size, number)]), align=4)
        return context.get_dummy_value()

    return signature, code


@loop
def whole_products(  # type: ignore[no-untyped-def]
    widths,
    squares,
    means,
    unit,
    variances,
    spread,
    noisy,
    k0,
    k1,
    first_row,
    first_column,
    tile,
    inputs,
    full,
    levels,
    row_gain,
    column_gain,
    out,
    start,
    stop,
):
    """Rows start..stop of a product, ``start`` a multiple of TOGETHER: sums, noise, conversion, scale."""
    blocks, strips = means.shape[0], means.shape[1]
    x_row, strip_size = widths.shape[1], means.shape[2] * 2 * LANES
    # indices below are variables of range() alone: any other might be negative, which costs a test or a scatter
    sums, squared = np.empty((TOGETHER, LANES), np.int32), np.empty((TOGETHER, LANES), np.int32)
    noise = np.zeros((TOGETHER, LANES), np.float32)
    totals = np.empty((ROWS // TOGETHER, TOGETHER, strips, LANES), np.float32)
    flat_widths, flat_squares = widths.reshape(-1), squares.reshape(-1)
    flat_means, flat_variances = means.reshape(-1), variances.reshape(-1)
    units, spreads = unit.reshape(strips, LANES), spread.reshape(strips, LANES)
    for first in range(start, stop, ROWS):
        last = min(first + ROWS, stop)
        for block in range(blocks):
            pairs = (min(tile, inputs - block * tile) + 1) // 2
            top, step = f32(levels), full[block] / f32(levels)
            inverse = f32(levels) / full[block]
            for strip in range(strips):
                weights = (block * strips + strip) * strip_size
                for group in range((last - first + TOGETHER - 1) // TOGETHER):
                    row = first + group * TOGETHER
                    at = row * x_row + block * tile
                    dot_pairs(flat_widths, at, x_row, flat_means, weights, pairs, sums)
                    if noisy:
                        dot_pairs(flat_squares, at, x_row, flat_variances, weights, pairs, squared)
                        fill_normals(noise, k0, k1, (first_row + row) // TOGETHER, first_column + strip * LANES, block)
                    for r in range(TOGETHER):
                        for j in range(LANES):
                            now = f32(sums[r, j]) * units[strip, j]
                            if noisy:
                                now += np.sqrt(f32(squared[r, j]) * spreads[strip, j]) * noise[r, j]
                            taken = converted(now, inverse, top, step)
                            totals[group, r, strip, j] = taken if block == 0 else totals[group, r, strip, j] + taken
        lines = totals.reshape(ROWS, strips * LANES)
        for line in range(last - first):
            gain = f64(row_gain[first + line])
            for j in range(out.shape[1]):
                out[first + line, j] = f32(f64(lines[line, j]) * column_gain[j] * gain)
