"""The cells of a matrix, cut into column tiles, so that writing one column leaves all other tiles as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from insitu.core import InsituError
from insitu.devices import Cells
from insitu.ledger import Ledger
from insitu.substrates.analog.probes import FEWEST

Floats = NDArray[np.float32]
Counts = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Tile:
    """Neighbouring columns of a matrix, all of its rows."""

    cells: Cells  # (2 signs, pairs, in, columns)
    pulses: Counts  # SET pulses that every cell has seen (2 signs, in, columns); the same for all pairs
    resets: Counts  # RESETs that the cells of a column have seen (columns,)


@dataclass(frozen=True, eq=False)
class Held:
    """A matrix in devices, and the digital numbers that a core keeps next to them."""

    inputs: int
    tiles: tuple[Tile, ...]
    scale: Tensor  # (out,) weight per µS
    ranges_us: tuple[Floats | None, ...]  # of every tile: full scale (row blocks,) of its converters, if calibrated
    reference: Tensor  # (out,) summed |output| for the probes when the column was last written, µS; 0 when blank
    written_s: float  # of the last change
    spent: Ledger
    probes: int = FEWEST  # fixed inputs that ``reference`` sums over; files of version 0.1.0 do not state them

    @property
    def outputs(self) -> int:
        """Number of columns."""
        return len(self.scale)


def starts(tiles: tuple[Tile, ...]) -> list[int]:
    """Return the number of each tile's first column, and of the column after the last."""
    return list(accumulate((tile.cells.shape[3] for tile in tiles), initial=0))


def appended(tiles: tuple[Tile, ...], cells: Cells, width: int) -> tuple[Tile, ...]:
    """Return the tiles with blank ``cells`` behind them: the last is filled up to ``width``, then come new ones."""
    out, at, size = list(tiles), 0, cells.shape[3]
    room = width - tiles[-1].cells.shape[3] if tiles else 0
    while at < size:
        piece = cells if size <= (room or width) and not at else _copied(cells, at, min(at + (room or width), size))
        at += piece.shape[3]
        signs, _, inputs, columns = piece.shape
        fresh = Tile(piece, np.zeros((signs, inputs, columns), np.int32), np.zeros(columns, np.int32))
        if room:
            last = out.pop()
            fresh = Tile(
                Cells.join([last.cells, fresh.cells], axis=3),
                np.concatenate([last.pulses, fresh.pulses], 2),
                np.concatenate([last.resets, fresh.resets]),
            )
        out.append(fresh)
        room = 0
    return tuple(out)


@dataclass(frozen=True)
class Share:
    """The part of some columns that lies in one tile: where in the tile, and where among the columns given."""

    tile: int
    within: slice | list[int]
    given: slice | list[int]
    whole: bool  # all columns of the tile, in their order


def shares(tiles: tuple[Tile, ...], columns: list[int]) -> list[Share]:
    """Return where ``columns`` lie, tile by tile."""
    bounds = starts(tiles)
    wanted = np.asarray(columns, np.int64)
    owner = np.searchsorted(bounds, wanted, side="right") - 1
    out = []
    for number in np.unique(owner).tolist():
        given = np.flatnonzero(owner == number)
        within = _compact(wanted[given] - bounds[number])
        whole = within == slice(0, bounds[number + 1] - bounds[number])
        out.append(Share(number, within, _compact(given), whole))
    return out


def taken(tiles: tuple[Tile, ...], parts: list[Share], count: int) -> Cells:
    """Return the cells of ``count`` columns, in the order in which they were given."""
    if len(parts) == 1 and parts[0].given == slice(0, count):
        (part,) = parts
        return tiles[part.tile].cells if part.whole else tiles[part.tile].cells.take((..., part.within))
    cells = Cells.join([tiles[part.tile].cells.take((..., part.within)) for part in parts], axis=3)
    order = np.argsort(np.concatenate([np.arange(count)[part.given] for part in parts]))
    return cells.take((..., order))


def put(tile: Tile, part: Share, cells: Cells, pulses: Counts | None = None, resets: int = 0) -> Tile:
    """Return the tile with the columns of ``part`` replaced by theirs of ``cells``, and the counts raised."""
    mine = cells if part.given == slice(0, cells.shape[3]) else cells.take((..., part.given))
    new = replace(tile, cells=mine if part.whole else tile.cells.put((..., part.within), mine))
    if pulses is not None:
        counted = tile.pulses.copy()
        counted[..., part.within] += pulses[..., part.given]
        if counted[..., part.within].min(initial=0) < 0:  # int32 has overflowed
            raise InsituError("a cell has seen more pulses than can be counted, 2147483647; start a new matrix")
        new = replace(new, pulses=counted)
    if resets:
        worn = tile.resets.copy()
        worn[part.within] += resets
        new = replace(new, resets=worn)
    return new


def _copied(cells: Cells, start: int, stop: int) -> Cells:
    """Columns as arrays of their own: a view would keep the whole alive."""
    piece = cells.take((..., slice(start, stop)))
    return Cells(**{name: np.ascontiguousarray(value) for name, value in vars(piece).items()})


def _compact(numbers: NDArray[np.int64]) -> slice | list[int]:
    """Return numbers in a row as a slice, which indexes without copying twice."""
    first = int(numbers[0])
    if (numbers == np.arange(first, first + len(numbers))).all():
        return slice(first, first + len(numbers))
    return [int(number) for number in numbers]
