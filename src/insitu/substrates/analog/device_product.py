"""Products in integers on a CUDA device: the same bits as ``IntegerProduct``, which prepares what they multiply."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from insitu import compute_device
from insitu.kernels import device_readout
from insitu.kernels.device_readout import Sums
from insitu.kernels.readout import Key
from insitu.kernels.strips import Strips
from insitu.substrates.analog.converters import Converters
from insitu.substrates.analog.integer_product import IntegerProduct
from insitu.substrates.analog.readings import Reading
from insitu.substrates.analog.tiles import Floats

CHUNK = 16  # times as many rows at a time as on the processor, since a device is fast for many alone


class DeviceProduct(IntegerProduct):
    """The verbs of ``FloatProduct``, in integers on the device that was chosen."""

    def __init__(self, converters: Converters, inputs: int, rows: int, columns: int) -> None:
        super().__init__(converters, inputs, rows, columns)
        self.place, self.given = compute_device.chosen(), (torch.empty(0), torch.empty(0))

    def take(self, x: Floats) -> Floats:
        """See ``IntegerProduct.take``."""
        tops, inputs = super().take(x), self.widths.inputs
        whole = self.widths.widths[: len(x), :inputs], self.widths.squares[: len(x), :inputs]
        widths, squares = (torch.from_numpy(np.array(part)).to(self.place).double() for part in whole)
        self.given = widths, squares
        return tops

    def give(
        self, one: Reading, key: Key, origin: tuple[int, int], full: Floats, tops: Floats, gain: Floats, out: Floats
    ) -> None:
        """See ``IntegerProduct.give``."""
        tile, levels = self.converters.tile, self.converters.adc_levels
        means, variances = one.form(
            (tile, self.converters.input_levels, str(self.place)), lambda one: self._moved(one, out.shape[1])
        )
        current = device_readout.sums(self.given[0], means, tile)
        noise = variance = None
        if variances is not None:
            variance = device_readout.sums(self.given[1], variances, tile)
            noise = device_readout.block_normals(key, origin, tuple(current.shape), self.place)
        ranges, of_rows, of_columns = (torch.from_numpy(part).to(self.place) for part in (full, tops, gain))
        found = device_readout.readout(current, variance, noise, ranges, levels, (of_rows, of_columns))
        out[:] = found.cpu().numpy()

    def _moved(self, one: Reading, columns: int) -> tuple[Sums, Sums | None]:
        """Return means and variances on the device."""
        small = self.reading_of(one)
        variances = None if small.variances is None else self._sums(small.variances, columns)
        return self._sums(small.means, columns), variances

    def _sums(self, strips: Strips, columns: int) -> Sums:
        inputs, tile = self.widths.inputs, self.converters.tile
        steps = []
        for block in range(len(strips.words)):
            rows = min(tile, inputs - block * tile)  # strips are padded beyond
            steps.append(self._placed(strips.rows(block, columns)[:rows]).double())
        return Sums(steps, self._placed(strips.unit[:columns]))

    def _placed(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.place)
