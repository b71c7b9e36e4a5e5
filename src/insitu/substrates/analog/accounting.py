"""What a crossbar counts: pulses and RESETs that cells have seen, core products, conversions and reads."""

from __future__ import annotations

import numpy as np

from insitu.ledger import Ledger
from insitu.substrates.analog.cell_array import CellArray
from insitu.substrates.analog.tiles import Counts, Held, shares
from insitu.substrates.analog.writing import SIGNS


def wear(held: Held, width: int, columns: list[int]) -> tuple[Counts, Counts]:
    """Return the SET pulses that cells of columns have seen (2, in, len(columns)), and RESETs (len(columns),)."""
    pulses = np.empty((SIGNS, held.inputs, len(columns)), np.int32)
    resets = np.empty(len(columns), np.int32)
    for part in shares(held.tiles, width, columns):
        pulses[..., part.given] = held.tiles[part.tile].pulses[..., part.within]
        resets[part.given] = held.tiles[part.tile].resets[part.within]
    return pulses, resets


def endurance(held: Held) -> dict[str, int]:
    """Return the most SET pulses and the most RESETs that one cell has seen."""
    pulses = max((int(tile.pulses.max(initial=0)) for tile in held.tiles), default=0)
    return {"set_pulses": pulses, "resets": max((int(tile.resets.max()) for tile in held.tiles), default=0)}


def core_products(array: CellArray, width: int, copies: int, inputs: int, outputs: int, batch: int) -> Ledger:
    """Return what ``batch`` products with ``outputs`` neighbouring columns of arrays of ``width`` columns cost."""
    across, blocks = -(-outputs // width), -(-inputs // (width // copies))
    return Ledger.of(
        core_product=batch * blocks * across,
        dac_conversion=batch * inputs * copies * across,
        adc_conversion=batch * outputs * blocks,
        device_read=batch * SIGNS * array.devices * inputs * outputs,
    )
