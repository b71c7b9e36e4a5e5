"""What batches of matrices and differences to a matrix have to know of a crossbar: its devices and its converters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from insitu.devices import Cells, Device
from insitu.substrates.analog.converters import Converters
from insitu.substrates.analog.readings import differential
from insitu.substrates.analog.tiles import Floats

Compensation = Literal["none", "global", "column"]


@dataclass(frozen=True)
class CellArray:
    """Device pairs between converters, whatever the shape of what they hold."""

    device: Device
    devices: int  # devices per sign of a weight, which are programmed and read together
    converters: Converters
    compensation: Compensation

    @property
    def full_us(self) -> float:
        """Conductance of all devices of one sign at full scale, µS."""
        return self.device.full_scale_us * self.devices

    def bounds(self, inputs: int) -> NDArray[np.int64]:
        """Return the first row of every row block, and the end."""
        return np.array([0, *(rows.stop for rows in self.converters.blocks(inputs))], np.int64)

    def read(self, cells: Cells, now_s: float) -> tuple[Floats, Floats]:
        """Return mean (..., in, out) in µS and variance in µS² of the weights in cells (2 signs, devices, ...)."""
        return differential(self.device, cells, now_s)
