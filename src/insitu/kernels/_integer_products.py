"""The compiled loop of products in ``kernels/integer_readout.py``, its inner part written as LLVM's own terms."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from insitu.kernels._compiled import f32, fill_normals, loop, scale_rows

tools: Any = cgutils  # carries no types
by_hand: Any = intrinsic  # carries the types of a plain call, which lacks the context

LANES = 16  # columns of a strip
TOGETHER = 4  # rows that meet a strip's weights once these are loaded; as many as share a counter of the normals
QUADS = 2  # products of bytes, in groups of four, that fit 16 bits when they are added in pairs
ROWS = 64  # rows whose pulse widths stay in the cache while all strips pass
WORD = ir.IntType(32)
PAIRS, PAIR_SUMS = ir.VectorType(ir.IntType(16), 2 * LANES), ir.VectorType(WORD, LANES)
BYTES, BYTE_PAIRS, HALF = (ir.VectorType(ir.IntType(bits), 256 // bits) for bits in (8, 16, 32))


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
        size, two = x_at.type, ir.Constant(x_at.type, 2)
        zero = ir.Constant(PAIR_SUMS, [0] * LANES)
        sums = [tools.alloca_once_value(builder, zero) for _ in range(TOGETHER)]
        starts = [builder.add(x_at, builder.mul(x_row, ir.Constant(size, row))) for row in range(TOGETHER)]
        even, odd = (ir.Constant(PAIR_SUMS, list(range(first, 2 * LANES, 2))) for first in (0, 1))
        wide = ir.VectorType(WORD, 2 * LANES)
        with tools.for_range(builder, count) as pair:
            at = builder.add(w_at, builder.mul(pair.index, ir.Constant(size, 2 * LANES)))
            weights = builder.load(builder.bitcast(builder.gep(data(3), [at]), PAIRS.as_pointer()), align=2)
            weights = builder.sext(weights, wide)
            for start, total in zip(starts, sums, strict=True):
                both = _spread(builder, data(0), builder.add(start, builder.mul(pair.index, two)), PAIR_SUMS, 2)
                products = builder.mul(builder.sext(builder.bitcast(both, PAIRS), wide), weights)
                added = builder.add(
                    builder.shuffle_vector(products, products, even), builder.shuffle_vector(products, products, odd)
                )
                builder.store(builder.add(builder.load(total), added), total)
        target = builder.bitcast(data(6), PAIR_SUMS.as_pointer())
        for number, total in enumerate(sums):
            builder.store(builder.load(total), builder.gep(target, [ir.Constant(size, number)]), align=4)
        return context.get_dummy_value()

    return signature, code


@by_hand
def dot_bytes(context, x, x_at, x_row, w, w_at, count, out):  # type: ignore[no-untyped-def]
    """Multiply TOGETHER rows by one strip: out (TOGETHER, LANES) int32, over ``count`` times QUADS groups of inputs.

    Four neighbouring inputs make a group; x is uint8 up to 128, w int8 of 0 to 63. VPDPBUSD does a group at once; AVX2
    adds products in pairs (PMADDUBSW), QUADS of those in 16 bits, and then these in pairs; the same in plain products
    elsewhere. All sums are exact.
    """
    signature = types.void(x, x_at, x_row, w, w_at, count, out)

    def code(context, builder, signature, given):  # type: ignore[no-untyped-def]
        def data(number: Any) -> Any:
            return context.make_array(signature.args[number])(context, builder, given[number]).data

        x_at, x_row, w_at, count = (
            context.cast(builder, given[n], signature.args[n], types.intp) for n in (1, 2, 4, 5)
        )
        size = x_at.type
        features = getattr(context.codegen(), "_tm_features", "").split(",")
        whole = "+avx512vnni" in features
        kind = PAIR_SUMS if whole else HALF
        added = _added_whole if whole else _added_in_pairs
        starts = [builder.add(x_at, builder.mul(x_row, ir.Constant(size, row))) for row in range(TOGETHER)]
        target = builder.bitcast(data(6), kind.as_pointer())
        parts = LANES // kind.count
        for part in range(parts):  # in turn: sums of all parts at once would not fit AVX2's registers
            zero = ir.Constant(kind, [0] * kind.count)
            sums = [tools.alloca_once_value(builder, zero) for _ in range(TOGETHER)]
            for total in sums:
                builder.store(zero, total)
            with tools.for_range(builder, count) as group:
                first = builder.mul(group.index, ir.Constant(size, QUADS))
                quads = [builder.add(first, ir.Constant(size, quad)) for quad in range(QUADS)]
                weights = []
                for quad in quads:
                    at = builder.add(w_at, builder.mul(quad, ir.Constant(size, 4 * LANES)))
                    place = builder.gep(data(3), [builder.add(at, ir.Constant(size, 4 * kind.count * part))])
                    weights.append(builder.load(builder.bitcast(place, kind.as_pointer()), align=1))
                offsets = [builder.mul(quad, ir.Constant(size, 4)) for quad in quads]
                for start, total in zip(starts, sums, strict=True):
                    inputs = [_spread(builder, data(0), builder.add(start, at), kind, 1) for at in offsets]
                    builder.store(added(builder, features, builder.load(total), inputs, weights), total)
            for row, total in enumerate(sums):
                place = builder.gep(target, [ir.Constant(size, row * parts + part)])
                builder.store(builder.load(total), place, align=4)
        return context.get_dummy_value()

    return signature, code


@by_hand
def convert_strip(  # type: ignore[no-untyped-def]
    context, sums, squared, noise, units, spreads, strip, inverse, top, step, first, totals, at, strips
):
    """Add read noise to the sums of TOGETHER rows by one strip, convert them and add them to ``totals``.

    now = sums * units + sqrt(squared * spreads) * noise, clipped to the converter's range and rounded to its steps;
    totals = that where ``first``, else totals + that. ``totals`` has ``strips`` vectors to a row, ``at`` is the number
    of the first. By hand, so that no test for overlap stands between the rows.
    """
    signature = types.void(sums, squared, noise, units, spreads, strip, inverse, top, step, first, totals, at, strips)
    kind = ir.VectorType(ir.FloatType(), LANES)
    function = ir.FunctionType(kind, [kind])

    def code(context, builder, signature, given):  # type: ignore[no-untyped-def]
        def place(number: Any, at: Any) -> Any:
            start = context.make_array(signature.args[number])(context, builder, given[number]).data
            return builder.gep(builder.bitcast(start, (PAIR_SUMS if number < 2 else kind).as_pointer()), [at])

        def number(argument: Any) -> Any:
            return context.cast(builder, given[argument], signature.args[argument], types.intp)

        root, whole = (
            tools.get_or_insert_function(builder.module, function, f"llvm.{name}.v{LANES}f32")
            for name in ("sqrt", "rint")
        )
        strip, at, strips = number(5), number(11), number(12)
        unit, spread = (builder.load(place(n, strip), align=4) for n in (3, 4))
        inverse, top, step = (_splat(builder, given[n], kind) for n in (6, 7, 8))
        bottom = builder.fsub(ir.Constant(kind, [-0.0] * LANES), top)
        first = builder.icmp_signed("!=", number(9), ir.Constant(at.type, 0))
        for row in range(TOGETHER):
            line = ir.Constant(at.type, row)
            mean, square = (builder.sitofp(builder.load(place(n, line), align=4), kind) for n in (0, 1))
            deviation = builder.call(root, [builder.fmul(square, spread)])
            drawn = builder.fmul(deviation, builder.load(place(2, line), align=4))
            steps = builder.fmul(builder.fadd(builder.fmul(mean, unit), drawn), inverse)
            steps = builder.select(builder.fcmp_ordered("<", steps, bottom), bottom, steps)
            steps = builder.select(builder.fcmp_ordered(">", steps, top), top, steps)
            taken = builder.fmul(builder.call(whole, [steps]), step)
            target = place(10, builder.add(at, builder.mul(line, strips)))
            total = builder.fadd(builder.load(target, align=4), taken)
            builder.store(builder.select(first, taken, total), target, align=4)
        return context.get_dummy_value()

    return signature, code


def _splat(builder: Any, value: Any, kind: Any) -> Any:
    """Repeat a value in every lane of ``kind``."""
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(WORD, 0))
    return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(WORD, kind.count), [0] * kind.count))


def _spread(builder: Any, data: Any, at: Any, kind: Any, align: int) -> Any:
    """Load the 32 bits that begin at entry ``at`` and repeat them in every lane of ``kind``."""
    word = builder.load(builder.bitcast(builder.gep(data, [at]), WORD.as_pointer()), align=align)
    return _splat(builder, word, kind)


def _added_whole(builder: Any, features: list[str], total: Any, inputs: list[Any], weights: list[Any]) -> Any:
    """Add the products of QUADS groups of bytes to ``total``, LANES columns at once."""
    kind = ir.FunctionType(PAIR_SUMS, [PAIR_SUMS] * 3)
    multiply = tools.get_or_insert_function(builder.module, kind, "llvm.x86.avx512.vpdpbusd.512")
    for x, w in zip(inputs, weights, strict=True):
        total = builder.call(multiply, [total, x, w])
    return total


def _added_in_pairs(builder: Any, features: list[str], total: Any, inputs: list[Any], weights: list[Any]) -> Any:
    """Do the same for half of the columns."""
    even, odd = (ir.Constant(ir.VectorType(WORD, 16), list(range(first, 32, 2))) for first in (0, 1))
    pairs = None
    for x, w in zip(inputs, weights, strict=True):
        x, w = builder.bitcast(x, BYTES), builder.bitcast(w, BYTES)
        if "+avx2" in features:
            kind = ir.FunctionType(BYTE_PAIRS, [BYTES, BYTES])
            multiply = tools.get_or_insert_function(builder.module, kind, "llvm.x86.avx2.pmadd.ub.sw")
            products = builder.call(multiply, [x, w])
        else:
            wide = ir.VectorType(ir.IntType(16), 32)
            each = builder.mul(builder.zext(x, wide), builder.sext(w, wide))
            products = builder.add(builder.shuffle_vector(each, each, even), builder.shuffle_vector(each, each, odd))
        pairs = products if pairs is None else builder.add(pairs, products)
    each = builder.sext(pairs, ir.VectorType(WORD, 16))
    even, odd = (ir.Constant(HALF, list(range(first, 16, 2))) for first in (0, 1))
    return builder.add(
        total, builder.add(builder.shuffle_vector(each, each, even), builder.shuffle_vector(each, each, odd))
    )


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
    width_row, square_row = widths.shape[1], squares.shape[1]
    mean_strip, variance_strip = means[0, 0].size, variances[0, 0].size
    # indices below are variables of range() alone: any other might be negative, which costs a test or a scatter
    sums, squared = np.empty((TOGETHER, LANES), np.int32), np.zeros((TOGETHER, LANES), np.int32)
    noise = np.zeros((TOGETHER, LANES), np.float32)
    totals = np.empty((ROWS, strips * LANES), np.float32)
    flat_widths, flat_squares = widths.reshape(-1), squares.reshape(-1)
    flat_means, flat_variances = means.reshape(-1), variances.reshape(-1)
    for first in range(start, stop, ROWS):
        last = min(first + ROWS, stop)
        for block in range(blocks):
            rows = min(tile, inputs - block * tile)
            top, step = f32(levels), full[block] / f32(levels)
            inverse = f32(levels) / full[block]
            for strip in range(strips):
                whole = block * strips + strip
                for group in range((last - first + TOGETHER - 1) // TOGETHER):
                    row = first + group * TOGETHER
                    at = row * width_row + block * tile
                    dot_pairs(flat_widths, at, width_row, flat_means, whole * mean_strip, (rows + 1) // 2, sums)
                    if noisy:
                        at, groups = row * square_row + block * tile, (rows + 4 * QUADS - 1) // (4 * QUADS)
                        whole_variances = whole * variance_strip
                        dot_bytes(flat_squares, at, square_row, flat_variances, whole_variances, groups, squared)
                        fill_normals(noise, k0, k1, (first_row + row) // TOGETHER, first_column + strip * LANES, block)
                    at, fresh = group * TOGETHER * strips + strip, block == 0
                    convert_strip(
                        sums, squared, noise, unit, spread, strip, inverse, top, step, fresh, totals, at, strips
                    )
        scale_rows(totals, row_gain[first:last], column_gain, out[first:last])
