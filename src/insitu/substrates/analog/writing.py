"""How a crossbar's state changes: columns appended or replaced, pulses and RESETs counted, time running forward."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.devices import Cells
from insitu.ledger import Ledger
from insitu.substrates.analog.tiles import Floats, Held, appended, shares, taken, tiles_of

Number = TypeVar("Number", bound=np.generic)
# columns whose cells are drawn together, few enough for a core's cache; not those of a tile, so that the width of an
# array changes no cell
AT_A_TIME = 16
SIGNS = 2  # a weight is the plus side minus the minus side


def both_signs(values: Floats) -> Floats:
    """Return (2, ...): what goes to the plus side and what goes to the minus side."""
    out = np.empty((SIGNS, *values.shape), np.float32)
    np.maximum(values, 0, out=out[0])
    np.maximum(-values, 0, out=out[1])
    return out


def for_pairs(values: NDArray[Number], pairs: int) -> NDArray[Number]:
    """Return (2, pairs, ...): the same for every pair."""
    return values[:, None] if pairs == 1 else np.repeat(values[:, None], pairs, axis=1)


def programming_cost(us: Floats) -> Ledger:
    """Return what programming cells to conductances ``us`` spends: a RESET of each, and pulses where it is not 0."""
    return Ledger.of(reset_pulse=us.size, program_and_verify=int(np.count_nonzero(us)))


class Written(Protocol):
    """What has been written at some time."""

    @property
    def written_s(self) -> float:
        """Time of the last change, s."""


def checked_time(held: Written, now_s: float) -> float:
    """Return ``now_s``; raise ``InsituError`` where it lies before the last write."""
    if not now_s >= held.written_s:  # so that NaN is caught too
        raise InsituError(f"time runs forward: now is {now_s} s, but this matrix was written at {held.written_s} s")
    return now_s


def grown(held: Held, pieces: Iterable[Cells], count: int, width: int, now_s: float) -> Held:
    """Append ``count`` columns, given as pieces of blank cells, in arrays of ``width`` columns."""
    tiles = appended(held.tiles, pieces, width)
    full = held.outputs // width  # arrays without room
    return replace(
        held,
        tiles=tiles,
        scale=torch.cat([held.scale, torch.ones(count)]),
        ranges_us=(*held.ranges_us[:full], *[None] * (-(-len(tiles) // tiles_of(width)) - full)),
        reference=torch.cat([held.reference, torch.zeros(count)]),
        written_s=now_s,
    )


def cells_of(held: Held, width: int, columns: list[int]) -> Cells:
    """Return the cells (2, pairs, in, len(columns)) of columns."""
    return taken(held.tiles, shares(held.tiles, width, columns), len(columns))
