"""The compiled loop of ``kernels/stem.py``, written as vector instructions by hand as those of ``_binary.py`` are.

The four pixels of a window stay in registers, ``LANES`` output channels at a time, while all taps pass by; of each
product and sum only the sum is rounded, so that any processor gives the bits of the reference.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from insitu.kernels._binary import loop, splat

LANES = 32  # output channels of a tile
WIDE = ir.VectorType(ir.FloatType(), 16)
PARTS = LANES // 16

f32, u32 = np.float32, np.uint32


def window(context, x, x_at, x_step, x_row, run, w, w_at, factors, f_at, f_row, out, o_at):  # type: ignore[no-untyped-def]
    """Put the largest of four neighbouring sums, scaled and shifted, into out (LANES,); return signs as bits.

    The pixels are ``x_step`` numbers apart to the right and ``x_row`` downwards; three stretches of ``run`` numbers
    from a pixel on are what its taps see. Rows of factors, ``f_row`` apart: scale, shift, threshold.
    """
    signature = types.uint32(x, x_at, x_step, x_row, run, w, w_at, factors, f_at, f_row, out, o_at)

    def code(context, builder, signature, given):  # type: ignore[no-untyped-def]
        def data(number: int) -> Any:
            return context.make_array(signature.args[number])(context, builder, given[number]).data

        def whole(number: int) -> Any:
            return context.cast(builder, given[number], signature.args[number], types.intp)

        def loaded(start: Any, at: Any) -> list[Any]:
            place = builder.bitcast(builder.gep(start, [at]), WIDE.as_pointer())
            return [builder.load(builder.gep(place, [ir.Constant(size, part)]), align=4) for part in range(PARTS)]

        x_at, x_step, x_row, run, w_at, f_at, f_row, o_at = map(whole, (1, 2, 3, 4, 6, 8, 9, 11))
        size, image, weights = x_at.type, data(0), data(5)
        kind = ir.FunctionType(WIDE, [WIDE, WIDE, WIDE])
        fused = cgutils.get_or_insert_function(builder.module, kind, "llvm.fma.v16f32")  # type: ignore[no-untyped-call]
        right, down = builder.add(x_at, x_step), builder.add(x_at, x_row)
        starts = [x_at, right, down, builder.add(right, x_row)]
        zero = ir.Constant(WIDE, [0.0] * 16)
        held: Any = cgutils.alloca_once_value
        sums = [[held(builder, zero) for _ in range(PARTS)] for _ in starts]
        for high in range(3):
            x_shift = builder.mul(x_row, ir.Constant(size, high))
            w_shift = builder.add(w_at, builder.mul(run, ir.Constant(size, high * LANES)))
            with cgutils.for_range(builder, run) as tap:
                columns = loaded(weights, builder.add(w_shift, builder.mul(tap.index, ir.Constant(size, LANES))))
                shift = builder.add(x_shift, tap.index)
                for start, mine in zip(starts, sums, strict=True):
                    number = builder.load(builder.gep(image, [builder.add(start, shift)]))
                    spread = splat(builder, number, WIDE)
                    for column, sum_ in zip(columns, mine, strict=True):
                        builder.store(builder.call(fused, [spread, column, builder.load(sum_)]), sum_)
        scale, lift, limit = (
            loaded(data(7), builder.add(f_at, builder.mul(f_row, ir.Constant(size, row)))) for row in range(3)
        )
        target = builder.bitcast(builder.gep(data(10), [o_at]), WIDE.as_pointer())
        found: Any = ir.Constant(ir.IntType(LANES), 0)
        for part in range(PARTS):
            top = builder.load(sums[0][part])
            for mine in sums[1:]:
                other = builder.load(mine[part])
                top = builder.select(builder.fcmp_ordered(">", other, top), other, top)
            value = builder.call(fused, [top, scale[part], lift[part]])
            builder.store(value, builder.gep(target, [ir.Constant(size, part)]), align=4)
            bits = builder.bitcast(builder.fcmp_ordered(">=", value, limit[part]), ir.IntType(16))
            moved = builder.shl(builder.zext(bits, ir.IntType(LANES)), ir.Constant(ir.IntType(LANES), 16 * part))
            found = builder.or_(found, moved)
        return found

    return signature, code


emit: Any = intrinsic(window)


@loop()
def stem_rows(x, tiles, factors, out, bits, first, last):  # type: ignore[no-untyped-def]
    """Fill rows first..last of all rows (image, row of pixels) of out (n, rows, columns, outs) and its bits."""
    (_, height, width, channels), (_, rows, columns, outs) = x.shape, out.shape
    seen = np.zeros((4, width + 2, channels), np.float32)  # the rows of the image that a row of windows sees, bordered
    flat, weights, flat_factors = seen.reshape(-1), tiles.reshape(-1), factors.reshape(-1)
    held, targets, flat_bits = np.empty(LANES, np.float32), out.reshape(-1), bits.reshape(-1)
    steps, wide = (channels, (width + 2) * channels, 3 * channels), factors.shape[1]
    for line in range(first, last):
        image, row = line // rows, line % rows
        for k in range(4):
            y = 2 * row - 1 + k
            if 0 <= y < height:
                seen[k, 1 : width + 1] = x[image, y]
            else:
                seen[k] = f32(0)
        for tile in range(tiles.shape[0]):
            c, w_at = tile * LANES, tile * 9 * channels * LANES
            lanes = min(LANES, outs - c)
            for column in range(columns):
                place, at = line * columns + column, 2 * column * channels
                if lanes == LANES:
                    o_at = place * outs + c
                    found = emit(flat, at, *steps, weights, w_at, flat_factors, c, wide, targets, o_at)
                else:
                    found = emit(flat, at, *steps, weights, w_at, flat_factors, c, wide, held, 0)
                    targets[place * outs + c : place * outs + outs] = held[:lanes]
                    found &= u32((1 << lanes) - 1)
                flat_bits[place * bits.shape[3] + tile] = found


@loop(parallel=True)
def stem_all(x, tiles, factors, out, bits, threads):  # type: ignore[no-untyped-def]
    lines = out.shape[0] * out.shape[1]
    for part in numba.prange(threads):
        stem_rows(x, tiles, factors, out, bits, part * lines // threads, (part + 1) * lines // threads)
