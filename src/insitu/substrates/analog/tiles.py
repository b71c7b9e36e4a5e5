"""The cells of a matrix, cut into narrow tiles of columns, so that writing a column copies only its tile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from insitu.core import InsituError
from insitu.devices import Cells
from insitu.ledger import Ledger
from insitu.substrates.analog.flaws import ConverterErrors, Flaws
from insitu.substrates.analog.probes import FEWEST

Floats = NDArray[np.float32]
Counts = NDArray[np.int32]
TILE = 16  # columns of a tile; the integer product reads as many at once


@dataclass(frozen=True, eq=False)
class Tile:
    """Neighbouring columns of one array, all of its rows: the cells that are copied where one of them changes."""

    cells: Cells  # (2 signs, pairs, in, columns)
    pulses: Counts  # SET pulses that every cell has seen (2 signs, in, columns); the same for all pairs
    resets: Counts  # RESETs that the cells of a column have seen (columns,)

    @property
    def columns(self) -> int:
        """Number of columns."""
        return len(self.resets)


@dataclass(frozen=True, eq=False)
class Held:
    """A matrix in devices, and the digital numbers that a core keeps next to them."""

    inputs: int
    tiles: tuple[Tile, ...]
    scale: Tensor  # (out,) weight per µS
    ranges_us: tuple[Floats | None, ...]  # of every array: full scale (row blocks,) of its converters, if calibrated
    reference: Tensor  # (out,) summed |output| for the probes when the column was last written, µS; 0 when blank
    written_s: float  # of the last change
    spent: Ledger
    probes: int = FEWEST  # fixed inputs that ``reference`` sums over; files of version 0.1.0 do not state them
    flaws: Flaws | None = None  # of the chip, where it has any

    def __post_init__(self) -> None:
        # files of earlier versions hold a tile per array
        if self.tiles and self.tiles[0].columns > TILE:
            object.__setattr__(self, "tiles", tuple(part for tile in self.tiles for part in _narrow(tile)))

    @property
    def errors(self) -> ConverterErrors | None:
        """What converters are off by; None of a chip without flaws."""
        return self.flaws.errors if self.flaws else None

    @property
    def outputs(self) -> int:
        """Number of columns."""
        return len(self.scale)

    def arrays(self, width: int) -> list[tuple[Tile, ...]]:
        """Return the tiles of each array of ``width`` columns."""
        each = tiles_of(width)
        return [self.tiles[start : start + each] for start in range(0, len(self.tiles), each)]


def tiles_of(width: int) -> int:
    """Return how many tiles an array of ``width`` columns has."""
    return -(-width // TILE)


def first_column(number: int, width: int) -> int:
    """Return the number of the first column of a tile."""
    array, tile = divmod(number, tiles_of(width))
    return array * width + tile * TILE


def starts(tiles: tuple[Tile, ...]) -> list[int]:
    """Return the number of each tile's first column, and of the column after the last."""
    return list(accumulate((tile.columns for tile in tiles), initial=0))


def appended(tiles: tuple[Tile, ...], pieces: Iterable[Cells], width: int) -> tuple[Tile, ...]:
    """Return the tiles of arrays of ``width`` columns with pieces of blank cells appended; the last is filled first."""
    out, first = list(tiles), starts(tiles)[-1]
    for cells in pieces:
        at, size = 0, cells.shape[3]
        while at < size:
            within = first % width  # column of its array
            stop = min(at + TILE - within % TILE, at + width - within, size)
            fresh = _blank(cells if stop - at == size else _copied(cells, at, stop))
            if within % TILE:
                last = out.pop()
                fresh = Tile(
                    Cells.join([last.cells, fresh.cells], axis=3),
                    np.concatenate([last.pulses, fresh.pulses], 2),
                    np.concatenate([last.resets, fresh.resets]),
                )
            out.append(fresh)
            first, at = first + stop - at, stop
    return tuple(out)


def _blank(cells: Cells) -> Tile:
    signs, _, inputs, columns = cells.shape
    return Tile(cells, np.zeros((signs, inputs, columns), np.int32), np.zeros(columns, np.int32))


def _narrow(tile: Tile) -> Iterator[Tile]:
    for start in range(0, tile.columns, TILE):
        part = slice(start, min(start + TILE, tile.columns))
        pulses = np.ascontiguousarray(tile.pulses[..., part])
        yield Tile(_copied(tile.cells, part.start, part.stop), pulses, tile.resets[part].copy())


@dataclass(frozen=True)
class Share:
    """The part of some columns that lies in one tile: where in the tile, and where among the columns given."""

    tile: int
    within: slice | list[int]
    given: slice | list[int]
    whole: bool  # all columns of the tile, in their order


def shares(tiles: Sequence[Tile], width: int, columns: list[int]) -> list[Share]:
    """Return where ``columns`` of arrays of ``width`` columns lie, tile by tile."""
    if not columns:
        return []
    if columns == [*range(columns[0], columns[0] + len(columns))]:
        return [*_neighbours(tiles, width, columns[0], columns[0] + len(columns))]
    array, inside = np.divmod(np.asarray(columns, np.int64), width)
    owner, within = array * tiles_of(width) + inside // TILE, inside % TILE
    order = np.argsort(owner, kind="stable")
    numbers, first = np.unique(owner[order], return_index=True)
    out = []
    for number, given in zip(numbers.tolist(), np.split(order, first[1:]), strict=True):
        place = _compact(within[given])
        out.append(Share(number, place, _compact(given), place == slice(0, tiles[number].columns)))
    return out


def _neighbours(tiles: Sequence[Tile], width: int, first: int, end: int) -> Iterator[Share]:
    """Yield where the columns from ``first`` to before ``end`` lie."""
    at = first
    while at < end:
        array, inside = divmod(at, width)
        number, start = array * tiles_of(width) + inside // TILE, inside % TILE
        stop = min(start + end - at, tiles[number].columns)
        part, at = slice(at - first, at - first + stop - start), at + stop - start
        yield Share(number, slice(start, stop), part, stop - start == tiles[number].columns)


def taken(tiles: Sequence[Tile], parts: list[Share], count: int) -> Cells:
    """Return the cells of ``count`` columns, in the order in which they were given."""
    if len(parts) == 1 and parts[0].given == slice(0, count):
        (part,) = parts
        return tiles[part.tile].cells if part.whole else tiles[part.tile].cells.take((..., part.within))
    cells = Cells.join([tiles[part.tile].cells.take((..., part.within)) for part in parts], axis=3)
    order = np.concatenate([np.arange(count)[part.given] for part in parts])
    return cells if (order[1:] > order[:-1]).all() else cells.take((..., np.argsort(order)))


def put(tile: Tile, part: Share, cells: Cells, pulses: Counts | None = None, resets: int = 0) -> Tile:
    """Return the tile with the columns of ``part`` replaced by theirs of ``cells``, and the counts raised."""
    mine = cells if part.given == slice(0, cells.shape[3]) else cells.take((..., part.given))
    new = replace(tile, cells=_contiguous(mine) if part.whole else tile.cells.put((..., part.within), mine))
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
    return _contiguous(cells.take((..., slice(start, stop))))


def _contiguous(cells: Cells) -> Cells:
    # a view would keep all columns alive
    return Cells(**{name: np.ascontiguousarray(value) for name, value in vars(cells).items()})


def _compact(numbers: NDArray[np.int64]) -> slice | list[int]:
    """Return numbers in a row as a slice, which indexes without copying twice."""
    first = int(numbers[0])
    if (numbers == np.arange(first, first + len(numbers))).all():
        return slice(first, first + len(numbers))
    return [int(number) for number in numbers]
