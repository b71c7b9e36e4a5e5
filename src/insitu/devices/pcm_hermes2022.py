"""Iteratively programmed phase-change cell of the 14 nm HERMES core (Khaddam-Aljameh et al., JSSC, 2022).

The statistical fit is the one of the aihwkit simulator's HERMES model, for one or two devices per sign of a weight.
Equations (G in µS, r = G / g_max, t = time since programming in s, never below t0; constants in ``FITS``)::

    G_prog = max(G_target + N(0, s_prog), 0),  s_prog = c0 + c1 r + c2 r^2 + c3 r^3        r of the target
    G(t) = G_prog (t / t0)^-nu,                nu = |N(m, s)|, drawn once per cell         m, s of the target's r
    read noise N(0, G(t) Q sqrt(ln((t + t_r) / (2 t_r)))),  t_r = 512 ns                   Q of G_prog's r
    m, s and Q = clip(a ln r + b, lowest, top) below a split in r, a polynomial in r from there on

Fitted within 0..10.35 µS (one device) and 0..20.7 µS (two devices, which program better and spread less in drift).
With two devices a ``cell`` here is the pair: both are taken to hold the same state. Not modelled: single SET pulses,
the two devices apart, correlation of read noise between reads, temperature, endurance; the Gaussian of a read may fall
below 0.
Own choices: before t0 a cell reads as at t0; RESET gives conductance 0 exactly; Q is that of the conductance reached,
as in the simulator's code, so the target need not be remembered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.polynomial import polyval

from insitu.core import InsituError
from insitu.devices import Array, Cells, Device, checked_targets, drifted, polynomial, uniform_cells
from insitu.kernels.elementary import log

SMALLEST_RATIO = 1e-7  # stands in for r = 0 under the logarithm; every clip is reached long before
READ_TIME_S = 512e-9


@dataclass(frozen=True)
class Branches:
    """A clipped logarithm in r below ``split`` and a polynomial in r (coefficients of 1, r, r^2 ...) from there on."""

    split: float
    low: tuple[float, float, float, float]  # slope in ln r, offset, lowest, top
    high: tuple[float, ...]

    def __call__(self, r: Array) -> Array:
        """Return the fit at every r >= 0."""
        slope, offset, lowest, top = self.low
        low = np.clip(slope * log(np.maximum(r, np.float32(SMALLEST_RATIO))) + offset, lowest, top)
        high = polynomial(r, self.high)
        high += (r < self.split) * (low - high)  # both are finite; NumPy's where is several times as slow
        return high


@dataclass(frozen=True)
class Fit:
    """Constants of one way to hold a weight."""

    g_max_us: float
    program_std_us: tuple[float, ...]  # coefficients of 1, r, r^2, r^3
    drift_t0_s: float
    drift_std: Branches
    read_q: Branches


# the mean drift exponent is the same for both
DRIFT_MEAN = Branches(0.0945, (-0.0387, -0.0182, 0.072, 0.13), (0.0736, -0.0126, -0.0436))
FITS = {
    1: Fit(
        g_max_us=10.35,
        program_std_us=(0.1578, 2.3244, -2.1631, 0.6884),
        drift_t0_s=200.0,
        drift_std=Branches(0.3039, (-0.0120, -0.0023, 0.0124, 0.04), (0.0104, 0.0116, -0.0165)),
        read_q=Branches(0.1591, (-0.0078, 0.0038, 0.0179, 0.04), (0.0088, 0.0768, -0.1352, 0.0664)),
    ),
    2: Fit(
        g_max_us=20.7,
        program_std_us=(0.1660, 4.7181, -8.4810, 4.6896),
        drift_t0_s=300.0,
        drift_std=Branches(0.3055, (-0.0117, -0.0057, 0.0091, 0.04), (0.0073, 0.0093, -0.0118)),
        read_q=Branches(0.16, (-0.0117, -0.0069, 0.015, 0.04), (0.0123, 0.0211, -0.0280, 0.0069)),
    ),
}


@dataclass(frozen=True)
class PcmHermes2022(Device):
    """Phase-change cell of the HERMES core, written by program-and-verify; one or two devices per sign of a weight."""

    devices_per_sign: int = 2

    def __post_init__(self) -> None:
        if self.devices_per_sign not in FITS:
            raise InsituError(f"devices_per_sign is 1 or 2, as fitted; got {self.devices_per_sign}")

    @property
    def full_scale_us(self) -> float:
        """Largest conductance that programming aims at."""
        return FITS[self.devices_per_sign].g_max_us

    def reset(self, shape: tuple[int, ...], now_s: float, rng: np.random.Generator) -> Cells:
        """Return cells of conductance 0; nothing is drawn."""
        return uniform_cells(np.zeros(shape, np.float32), 0.0, now_s)

    def program(self, target_us: Array, now_s: float, rng: np.random.Generator) -> Cells:
        """Return cells near ``target_us``, each with its own drift exponent."""
        fit = FITS[self.devices_per_sign]
        target = checked_targets(target_us, fit.g_max_us)
        r = target / np.float32(fit.g_max_us)
        error = polyval(r, fit.program_std_us) * rng.standard_normal(r.shape, dtype=np.float32)
        drift = np.abs(DRIFT_MEAN(r) + fit.drift_std(r) * rng.standard_normal(r.shape, dtype=np.float32))
        return uniform_cells(np.maximum(target + error, 0), drift, now_s)

    def read(self, cells: Cells, now_s: float) -> tuple[Array, Array]:
        """Return mean and standard deviation (µS) of a read at ``now_s``."""
        fit = FITS[self.devices_per_sign]
        mean, age_s = drifted(cells, now_s, fit.drift_t0_s)
        q = fit.read_q(cells.conductance_us / np.float32(fit.g_max_us))
        band = np.sqrt(log((age_s + np.float32(READ_TIME_S)) / np.float32(2 * READ_TIME_S)))
        return mean, mean * q * band
