"""Products for converters of more than eight bits, or exact ones: sums in float64, rounded to float32.

The order of a float64 sum differs between processors in the last of 53 bits, which float32 rounds away.
"""

from __future__ import annotations

import torch
from torch import Tensor

from insitu.kernels.readout import Key, pulse_widths, readout
from insitu.substrates.analog.converters import Converters
from insitu.substrates.analog.readings import Reading
from insitu.substrates.analog.tiles import Floats


class FloatProduct:
    """Room for a chunk of rows at a time: ``take`` rounds rows to pulse widths, ``give`` multiplies them by a tile."""

    def __init__(self, converters: Converters, inputs: int, rows: int, columns: int) -> None:
        self.converters = converters
        self.blocks = converters.blocks(inputs)
        self.widths, self.squares = torch.empty(rows, inputs), torch.empty(rows, inputs)
        self.currents, self.variances = (torch.empty(len(self.blocks) * rows * columns) for _ in range(2))

    def take(self, x: Floats) -> Floats:
        """Take rows (rows, in); return their largest |entry|, NaN where a row is not finite."""
        count, levels = len(x), self.converters.input_levels
        return pulse_widths(x, levels, self.widths[:count].numpy(), self.squares[:count].numpy())

    def give(
        self, one: Reading, key: Key, origin: tuple[int, int], full: Floats, tops: Floats, gain: Floats, out: Floats
    ) -> None:
        """Fill ``out`` (rows, columns) with the product of the rows taken with a tile, in µS times ``gain``."""
        current, noise = self.block_currents(one, *out.shape)
        readout(current, noise, key, origin, full, self.converters.adc_levels, tops, gain, out)

    def block_currents(self, one: Reading, count: int, columns: int) -> tuple[Floats, Floats | None]:
        """Return the currents (row blocks, rows, columns) of the rows taken in µS, and the variances of their noise."""
        current = _room(self.currents, len(self.blocks), count, columns)
        variance = None if one.variance is None else _room(self.variances, len(self.blocks), count, columns)
        for number, rows in enumerate(self.blocks):
            current[number] = self.widths[:count, rows].double() @ one.mean[rows].double()
            if one.variance is not None and variance is not None:
                variance[number] = self.squares[:count, rows].double() @ one.variance[rows].double()
        return current.numpy(), None if variance is None else variance.numpy()


def _room(buffer: Tensor, *shape: int) -> Tensor:
    return buffer[: shape[0] * shape[1] * shape[2]].view(shape)
