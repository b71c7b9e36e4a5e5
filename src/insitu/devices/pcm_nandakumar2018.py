"""Phase-change cell that crystallises pulse by pulse (Nandakumar et al., J. Appl. Phys. 124, 152135, 2018).

Equations (G in µS, one partial-SET pulse)::

    P  <- P exp(-1 / 2.6)                        P = 1 after RESET, G ~ N(0.1, 0.01)
    dG ~  N(m, s),  m = -0.084 G + 0.880 + 1.40 P,  s = 0.091 G + 0.260 + 2.15 P
    G  <- clip(G + dG, 0.1, g_max)
    G(t) = G ((t - t_p) / 38.6 s)^-0.04,  read noise N(0, 0.03 G(t) + 0.13)

Fitted to 90 nm mushroom cells under 50 ns, 100 µA pulses, 1..20 pulses after RESET; the published curve is replayed
with g_max 20, the model is used with g_max 12. Not modelled: spread of the drift exponent, the dependence on pulse
amplitude, device-to-device variation apart from the pulse's own randomness, endurance.
Own choices: drift restarts at each pulse from the conductance at the reference time; before 38.6 s a cell reads as it
does at 38.6 s; iterative programming gives pulses until the cell passes its target.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.devices import Array, Cells, Device, checked_targets, drifted, uniform_cells
from insitu.devices.accumulation import Steps
from insitu.kernels.normals import standard_normals

STEP_MEAN_US = np.array([-0.084, 0.880, 1.40], np.float32)  # of one pulse: coefficients of G, 1 and P
STEP_STD_US = np.array([0.091, 0.260, 2.15], np.float32)


@dataclass(frozen=True)
class PcmNandakumar2018(Device):
    """Phase-change cell that crystallises pulse by pulse: each SET pulse adds a random, shrinking step."""

    g_max_us: float = 12.0
    g_min_us: float = 0.1
    reset_std_us: float = 0.01
    history_decay: float = 2.6  # pulses
    drift_exponent: float = 0.04
    drift_t0_s: float = 38.6
    read_slope: float = 0.03
    read_floor_us: float = 0.13
    max_pulses: int = 50  # of iterative programming

    def __post_init__(self) -> None:
        if not 0 <= self.g_min_us < self.g_max_us:
            raise InsituError(f"0 <= g_min_us < g_max_us; got {self.g_min_us} and {self.g_max_us}")

    @property
    def full_scale_us(self) -> float:
        """Largest conductance that programming aims at."""
        return self.g_max_us

    def reset(self, shape: tuple[int, ...], now_s: float, rng: np.random.Generator) -> Cells:
        """Return cells just after RESET: 0.1 µS with a spread of 0.01 µS."""
        g = self.g_min_us + self.reset_std_us * standard_normals(rng, math.prod(shape)).reshape(shape)
        return uniform_cells(np.maximum(g, 0), self.drift_exponent, now_s, history=1.0)

    def pulse(self, cells: Cells, pulses: NDArray[np.integer], now_s: float, rng: np.random.Generator) -> Cells:
        """Return the cells after ``pulses`` SET pulses each; draws are made only for cells that are pulsed."""
        return self.steps.pulse(cells, pulses, now_s, rng)

    def program(self, target_us: Array, now_s: float, rng: np.random.Generator) -> Cells:
        """Return cells pulsed from RESET until they first reach ``target_us`` (at most ``max_pulses`` each)."""
        target = checked_targets(target_us, self.full_scale_us)
        return self.steps.reach(self.reset(target.shape, now_s, rng), target, self.max_pulses, rng)

    def read(self, cells: Cells, now_s: float) -> tuple[Array, Array]:
        """Return mean and standard deviation (µS) of a read at ``now_s``."""
        mean, _ = drifted(cells, now_s, self.drift_t0_s)
        return mean, self.read_slope * mean + np.float32(self.read_floor_us)

    @property
    def steps(self) -> Steps:
        """Constants of the steps of a SET pulse."""
        return Steps(STEP_MEAN_US, STEP_STD_US, self.history_decay, self.g_min_us, self.g_max_us)
