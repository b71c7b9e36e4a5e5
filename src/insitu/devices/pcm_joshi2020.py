"""Iteratively programmed phase-change cell (Joshi et al., Nat. Commun. 11, 2473, 2020), as in the aihwkit simulator.

Equations (G in µS, r = G / g_max, t = time since programming in s, never below t0)::

    G_prog = max(G_target + N(0, s_prog), 0),  s_prog = 0.26348 + 1.9650 r - 1.1731 r^2    r of the target
    G(t) = G_prog (t / t0)^-nu,                t0 = 20 s; nu = |N(m, s)|, drawn once per cell
        m = clip(-0.0155 ln r + 0.0244, 0.049, 0.1)                                        r of the target
        s = clip(-0.0125 ln r - 0.0059, 0.008, 0.045)
    read noise N(0, G(t) Q sqrt(ln((t + t_r) / (2 t_r)))),  t_r = 250 ns
        Q = min(0.0088 / r^0.65, 0.2)                                                      r of G_prog

Fitted to a million 90 nm mushroom cells, one side of a differential pair programmed within 0..25 µS. The constants
belong together: another g_max is another fit, hence another file. Not modelled: single SET pulses, correlation of read
noise between reads (1/f and telegraph noise), temperature, endurance; the Gaussian of a read may fall below 0.
Own choices: before t0 a cell reads as at t0; RESET gives conductance 0 exactly; Q is that of the conductance reached,
as in the simulator's code (its manual writes the target's), so the target need not be remembered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.polynomial import polyval

from insitu.core import InsituError
from insitu.devices import Array, Cells, Device, checked_targets, drifted, uniform_cells
from insitu.kernels.elementary import exp, log

SMALLEST_RATIO = 1e-7  # stands in for r = 0 under the logarithm and the power; every clip is reached long before


@dataclass(frozen=True)
class PcmJoshi2020(Device):
    """Phase-change cell written by program-and-verify: Gaussian programming error, drift per cell, 1/f read noise."""

    g_max_us: float = 25.0
    program_std_us: tuple[float, ...] = (0.26348, 1.9650, -1.1731)  # coefficients of 1, r, r^2
    drift_mean: tuple[float, float, float, float] = (-0.0155, 0.0244, 0.049, 0.1)  # slope in ln r, offset, lowest, top
    drift_std: tuple[float, float, float, float] = (-0.0125, -0.0059, 0.008, 0.045)
    drift_t0_s: float = 20.0
    read_time_s: float = 250e-9
    read_q: tuple[float, float, float] = (0.0088, 0.65, 0.2)  # factor, power of 1 / r, top

    def __post_init__(self) -> None:
        if not (self.g_max_us > 0 and self.drift_t0_s > self.read_time_s > 0):
            raise InsituError(
                "g_max_us > 0 and drift_t0_s > read_time_s > 0; "
                f"got {self.g_max_us}, {self.drift_t0_s} and {self.read_time_s}"
            )

    @property
    def full_scale_us(self) -> float:
        """Largest conductance that programming aims at."""
        return self.g_max_us

    def reset(self, shape: tuple[int, ...], now_s: float, rng: np.random.Generator) -> Cells:
        """Return cells of conductance 0; nothing is drawn."""
        return uniform_cells(np.zeros(shape, np.float32), 0.0, now_s)

    def program(self, target_us: Array, now_s: float, rng: np.random.Generator) -> Cells:
        """Return cells near ``target_us``, each with its own drift exponent."""
        target = checked_targets(target_us, self.full_scale_us)
        r = target / np.float32(self.g_max_us)
        error = polyval(r, self.program_std_us) * rng.standard_normal(r.shape, dtype=np.float32)
        mean, std = (_clipped_log(r, *fit) for fit in (self.drift_mean, self.drift_std))
        drift = np.abs(mean + std * rng.standard_normal(r.shape, dtype=np.float32))
        return uniform_cells(np.maximum(target + error, 0), drift, now_s)

    def read(self, cells: Cells, now_s: float) -> tuple[Array, Array]:
        """Return mean and standard deviation (µS) of a read at ``now_s``."""
        mean, age_s = drifted(cells, now_s, self.drift_t0_s)
        factor, power, top = self.read_q
        r = np.maximum(cells.conductance_us / np.float32(self.g_max_us), np.float32(SMALLEST_RATIO))
        q = np.minimum(np.float32(factor) * exp(np.float32(-power) * log(r)), np.float32(top))
        band = np.sqrt(log((age_s + np.float32(self.read_time_s)) / np.float32(2 * self.read_time_s)))
        return mean, (mean * q * band).astype(np.float32)


def _clipped_log(r: Array, slope: float, offset: float, lowest: float, top: float) -> Array:
    clipped: Array = np.clip(slope * log(np.maximum(r, np.float32(SMALLEST_RATIO))) + offset, lowest, top)
    return clipped
