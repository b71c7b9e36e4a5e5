"""The analog product: pulse widths in, Ohm and Kirchhoff, read noise, converters, digital sums; tile by tile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from insitu import compute_device
from insitu.kernels.normals import LANES
from insitu.kernels.readout import Key
from insitu.kernels.threading import split_rows
from insitu.substrates.analog import device_product
from insitu.substrates.analog.cell_array import CellArray
from insitu.substrates.analog.converter_errors import ErroneousProduct
from insitu.substrates.analog.converters import Converters, checked_tops, default_range_us
from insitu.substrates.analog.flaws import ConverterErrors
from insitu.substrates.analog.float_product import FloatProduct
from insitu.substrates.analog.integer_product import IntegerProduct, suits
from insitu.substrates.analog.readings import Reading, reading
from insitu.substrates.analog.tiles import Floats, Held, first_column, shares, tiles_of

CACHED = 2**18  # numbers of x at a time: widths of two bytes and squares of one, which a core's own cache holds
MOST_ROWS, FEWEST_ROWS = 1024, 64  # of a chunk; multiples of LANES


@dataclass(frozen=True, eq=False)
class Part:
    """A reading of neighbouring columns of a matrix, of which ``first`` is the number of the first."""

    reading: Reading
    first: int
    range_us: Floats | None  # (row blocks,) full scale of the converters; None: that of a reading not calibrated
    key: Key  # of the noise, which depends on it, the row and the number of the column alone


def tile_parts(array: CellArray, width: int, held: Held, columns: list[int], now_s: float, key: Key) -> list[Part]:
    """Return the tiles of arrays of ``width`` columns in which ``columns`` lie, as parts of a product at ``now_s``."""
    out = []
    for share in shares(held.tiles, width, columns):
        one, first = reading(array.device, held.tiles[share.tile], now_s), first_column(share.tile, width)
        out.append(Part(one, first, held.ranges_us[share.tile // tiles_of(width)], key))
    return out


@dataclass(frozen=True, eq=False)
class Piece:
    """Part of a product; ``out`` (rows, columns) is overwritten by the next piece."""

    rows: slice
    columns: slice  # of the product of these parts
    out: Floats


@torch.no_grad()
def pieces(
    converters: Converters,
    parts: list[Part],
    x: Tensor,
    gain: Floats,
    into: Floats | None = None,
    errors: ConverterErrors | None = None,
    first_row: int = 0,
) -> Iterator[Piece]:
    """Yield the product of x (batch, in) with all parts, times ``gain`` (out,): rows in chunks, in those part by part.

    A product of a single part is computed in ``into`` (batch, out), if given, which saves a copy. ``first_row``, a
    multiple of LANES, is the number of the first row of x in a larger product, whose noise depends on it.
    """
    given = x.detach().float().cpu().contiguous().numpy()
    batch, inputs = given.shape
    fulls = [default_range_us(converters, part.reading) if part.range_us is None else part.range_us for part in parts]
    kind, together = _arithmetic(converters)
    most = together * min(max(CACHED // inputs, FEWEST_ROWS), MOST_ROWS)
    chunk = min(most, batch + LANES - 1) // LANES * LANES
    widest = max((part.reading.columns for part in parts), default=0)
    if errors is None:
        arithmetic = kind(converters, inputs, chunk, widest)
    else:
        arithmetic = ErroneousProduct(converters, inputs, chunk, widest, errors)
    room = np.empty(chunk * widest, np.float32)
    for start in range(0, batch, chunk):
        rows = slice(start, min(start + chunk, batch))
        tops = checked_tops(arithmetic.take(given[rows]))
        at = 0
        for part, full in zip(parts, fulls, strict=True):
            columns = slice(at, at + part.reading.columns)
            if into is not None and len(parts) == 1:
                out = into[rows]
            else:
                out = room[: len(tops) * part.reading.columns].reshape(len(tops), -1)
            arithmetic.give(part.reading, part.key, (first_row + start, part.first), full, tops, gain[columns], out)
            yield Piece(rows, columns, out)
            at = columns.stop


def _arithmetic(converters: Converters) -> tuple[type[IntegerProduct | FloatProduct], int]:
    """Return what multiplies, and how many times as many rows it takes at a time."""
    if not suits(converters):
        return FloatProduct, 1
    if compute_device.chosen().type == "cpu":
        return IntegerProduct, 1
    return device_product.DeviceProduct, device_product.CHUNK


def product(
    converters: Converters, parts: list[Part], x: Tensor, gain: Floats, errors: ConverterErrors | None = None
) -> Tensor:
    """Return all pieces together: (batch, out)."""
    out = np.empty((len(x), len(gain)), np.float32)

    def rows(start: int, stop: int) -> None:
        into = out[start:stop]
        for piece in pieces(converters, parts, x[start:stop], gain, into, errors, start):
            if len(parts) > 1:
                into[piece.rows, piece.columns] = piece.out

    if errors is None and _arithmetic(converters)[0] is IntegerProduct:
        whole = IntegerProduct(converters, x.shape[1], 0, 0)
        for part in parts:
            whole.reading_of(part.reading)  # here, so that threads do not each compute it
        split_rows(rows, len(x), out.size * x.shape[1], LANES)
    else:
        rows(0, len(x))
    return torch.from_numpy(out).to(x.device)
