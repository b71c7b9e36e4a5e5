"""Wire resistance along the columns of an array (IR drop): what a cell adds depends on how far its current travels.

A column is a ladder. Row i, of n rows with the last next to the converter, which holds the end of the wire at 0 V, is
driven at x_i (0 while no pulse is on) and joins the wire at voltage v_i, R being the resistance of a segment::

    G_i (x_i - v_i) + (v_(i-1) - v_i) / R + (v_(i+1) - v_i) / R = 0,   v_(n+1) = 0,   I = v_n / R

The network is linear, so that I = sum_i x_i G_i u_i with factors u_i of the column alone: by reciprocity, u is the
voltage at the nodes where the end of the wire is driven at 1 and all rows are at 0. From the far end on::

    Y_i = G_i + Y_(i-1) / (1 + R Y_(i-1)),   u_n = 1 / (1 + R Y_n),   u_(i-1) = u_i / (1 + R Y_(i-1))

which is exact (``tests/substrates/test_imperfections.py`` solves the ladder). Units: G in µS, R in ohm. Read noise of a
cell reaches the converter by the same factor, to first order. CrossSim calls R ``Rp_col`` and iterates; aihwkit has
``ir_drop``, with .35 ohm per cell (Gokmen and Vlasov, Front. Neurosci. 2016), and approximates.
Own choices: a device of either sign and pair has a column of its own, and a copy of rows (``copies``) a wire of its
own. Not modelled: wires of rows, whose drivers are taken as ideal, and writing through resistive wires.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from insitu.devices import Array, Cells, Device

MEGA = 1e-6  # ohm times µS


@dataclass(frozen=True)
class WiredDevice(Device):
    """A device as the converters see it through the wires of its column; cells are (..., in, out)."""

    device: Device
    wire_ohm: float
    rows: int  # of a row block, which has a wire of its own

    @property
    def full_scale_us(self) -> float:
        """That of the device: what programming aims at."""
        return self.device.full_scale_us

    def reset(self, shape: tuple[int, ...], now_s: float, rng: np.random.Generator) -> Cells:
        """See the device."""
        return self.device.reset(shape, now_s, rng)

    def program(self, target_us: Array, now_s: float, rng: np.random.Generator) -> Cells:
        """See the device."""
        return self.device.program(target_us, now_s, rng)

    def pulse(self, cells: Cells, pulses: NDArray[np.integer], now_s: float, rng: np.random.Generator) -> Cells:
        """See the device."""
        return self.device.pulse(cells, pulses, now_s, rng)

    def read(self, cells: Cells, now_s: float) -> tuple[Array, Array]:
        """Return what reaches the converter of mean and standard deviation (µS)."""
        mean, deviation = self.device.read(cells, now_s)
        factors = np.concatenate(
            [
                wire_factors(mean[..., start : start + self.rows, :], self.wire_ohm)
                for start in range(0, mean.shape[-2], self.rows)
            ],
            axis=-2,
        )
        return mean * factors, deviation * factors


def wire_factors(conductance_us: Array, wire_ohm: float) -> Array:
    """Return the factors u (..., in, out) of cells whose currents meet in the wires of their columns."""
    resistance = wire_ohm * MEGA
    rows = conductance_us.shape[-2]
    behind = np.zeros((*conductance_us.shape[:-2], 1 + rows, conductance_us.shape[-1]))  # Y of node i - 1
    for row in range(rows):
        far = behind[..., row, :]
        behind[..., row + 1, :] = conductance_us[..., row, :] + far / (1 + resistance * far)
    steps = 1 / (1 + resistance * behind[..., 1:, :])
    out: Array = np.flip(np.cumprod(np.flip(steps, -2), -2), -2).astype(np.float32)
    return out


@lru_cache(maxsize=16)
def wired(device: Device, wire_ohm: float, rows: int) -> Device:
    """Return the device behind such wires: the same object for the same arguments; itself without resistance."""
    return WiredDevice(device, wire_ohm, rows) if wire_ohm else device
