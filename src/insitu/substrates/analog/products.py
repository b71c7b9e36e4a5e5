"""The analog product: pulse widths in, Ohm and Kirchhoff, read noise, converters, digital sums; tile by tile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from insitu.kernels.normals import LANES
from insitu.kernels.readout import Key
from insitu.substrates.analog.converters import Converters, checked_tops, default_range_us
from insitu.substrates.analog.float_product import FloatProduct
from insitu.substrates.analog.integer_product import IntegerProduct, suits
from insitu.substrates.analog.readings import Reading
from insitu.substrates.analog.tiles import Floats

CACHED = 2**18  # numbers of x at a time: widths of two bytes and squares of one, which a core's own cache holds
MOST_ROWS, FEWEST_ROWS = 1024, 64  # of a chunk; multiples of LANES


@dataclass(frozen=True, eq=False)
class Piece:
    """Part of a product; ``out`` (rows, columns) is overwritten by the next piece."""

    rows: slice
    columns: slice
    out: Floats


@torch.no_grad()
def pieces(
    converters: Converters,
    readings: list[Reading],
    ranges_us: tuple[Floats | None, ...],
    x: Tensor,
    gain: Floats,
    key: Key,
    into: Floats | None = None,
) -> Iterator[Piece]:
    """Yield the product of x (batch, in) with all tiles, times ``gain`` (out,): rows in chunks, in those tile by tile.

    The noise of an output depends on ``key``, its row and its column alone. A product of a single tile is computed
    in ``into`` (batch, out), if given, which saves a copy.
    """
    given = x.detach().float().contiguous().numpy()
    batch, inputs = given.shape
    fulls = [
        default_range_us(converters, one) if full is None else full
        for one, full in zip(readings, ranges_us, strict=True)
    ]
    chunk = min(max(CACHED // inputs, FEWEST_ROWS), MOST_ROWS, batch + LANES - 1) // LANES * LANES
    widest = max((one.mean.shape[1] for one in readings), default=0)
    arithmetic = (IntegerProduct if suits(converters) else FloatProduct)(converters, inputs, chunk, widest)
    room = np.empty(chunk * widest, np.float32)
    for start in range(0, batch, chunk):
        rows = slice(start, min(start + chunk, batch))
        tops = checked_tops(arithmetic.take(given[rows]))
        first = 0
        for one, full in zip(readings, fulls, strict=True):
            columns = slice(first, first + one.mean.shape[1])
            if into is not None and len(readings) == 1:
                out = into[rows]
            else:
                out = room[: len(tops) * one.mean.shape[1]].reshape(len(tops), -1)
            arithmetic.give(one, key, (start, first), full, tops, gain[columns], out)
            yield Piece(rows, columns, out)
            first = columns.stop


def product(
    converters: Converters,
    readings: list[Reading],
    ranges_us: tuple[Floats | None, ...],
    x: Tensor,
    gain: Floats,
    key: Key,
) -> Tensor:
    """Return all pieces together: (batch, out)."""
    out = np.empty((len(x), len(gain)), np.float32)
    for piece in pieces(converters, readings, ranges_us, x, gain, key, into=out):
        if len(readings) > 1:
            out[piece.rows, piece.columns] = piece.out
    return torch.from_numpy(out)
