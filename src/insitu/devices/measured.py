"""Cell whose constants come from measurements: what ``insitu fit-device`` fits, and the files that it writes hold.

Equations (G in µS, P = 1 after RESET, t = time since the last write in s, never below t0)::

    P  <- P exp(-1 / history_pulses),  G <- clip(G + N(m, s), floor, ceiling)        one SET pulse
        m = step_mean_us . (G, 1, P),  s = step_std_us . (G, 1, P)
    G_prog: pulses from RESET until G first reaches its target, ``max_pulses`` at most; where program-and-verify was
        measured instead, clip(G_target + N(error, spread), 0, ceiling), both interpolated over targets
    G(t) = G (t / t0)^-nu,  nu = max(N(mean, spread), 0), drawn once per write
    read noise N(0, read_us[0] + read_us[1] G(t))

after RESET N(mean, spread), not below 0; floor is three spreads below that mean, ceiling the largest conductance seen.
Not modelled: lasting differences between cells (each step is drawn on its own, so that a fit makes fast cells of those
that hold more), a drift that depends on the state, correlation of read noise between reads, temperature, endurance.
Own choices: drift restarts at each pulse; before t0 a cell reads as at t0; a cell written by program-and-verify has
forgotten its first pulses (P = 0).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.devices import OVERSHOOT, Array, Cells, Device, checked_targets, drifted, uniform_cells
from insitu.devices.accumulation import Steps


@dataclass(frozen=True)
class MeasuredDevice(Device):
    """Base of devices that are fitted to measurements; a subclass gives the constants as defaults."""

    full_us: float  # full scale, which programming aims at, in µS
    ceiling_us: float  # conductance that no pulse passes, in µS
    reset_us: tuple[float, float]  # mean and spread after RESET, in µS
    step_mean_us: tuple[float, float, float]  # mean step of a SET pulse: per µS held, constant, per unit of history
    step_std_us: tuple[float, float, float]  # spread of that step: per µS held, constant, per unit of history
    history_pulses: float  # pulses within which the history of a cell decays by e
    drift: tuple[float, float]  # mean and spread of the drift exponent
    drift_t0_s: float  # age at which conductances were measured, in seconds
    read_us: tuple[float, float]  # read noise: constant in µS, and per µS held
    targets_us: tuple[float, ...] = ()  # targets of measured program-and-verify, rising; none: pulses until reached
    error_us: tuple[float, ...] = ()  # mean of programmed minus target at each of these targets, in µS
    spread_us: tuple[float, ...] = ()  # spread from cell to cell at each of these targets, in µS
    max_pulses: int = 200  # of one cell, when programming gives pulses until the target is reached

    def __post_init__(self) -> None:
        if not 0 < self.full_us <= self.ceiling_us <= OVERSHOOT * self.full_us:
            raise InsituError(
                f"0 < full_us <= ceiling_us <= {OVERSHOOT:g} full_us; got {self.full_us} and {self.ceiling_us}"
            )
        if not (self.history_pulses > 0 and self.drift_t0_s > 0 and min(*self.reset_us, *self.drift) >= 0):
            raise InsituError(
                "history_pulses and drift_t0_s are above 0, reset_us and drift at least 0; "
                f"got {self.history_pulses}, {self.drift_t0_s}, {self.reset_us} and {self.drift}"
            )
        if not len(self.targets_us) == len(self.error_us) == len(self.spread_us):
            raise InsituError(
                "error_us and spread_us have one number for each of targets_us; "
                f"got {len(self.error_us)} and {len(self.spread_us)} for {len(self.targets_us)}"
            )

    @property
    def full_scale_us(self) -> float:
        """Largest conductance that programming aims at."""
        return self.full_us

    def reset(self, shape: tuple[int, ...], now_s: float, rng: np.random.Generator) -> Cells:
        """Return cells just after RESET, each with its own drift exponent."""
        mean, spread = self.reset_us
        g = mean + spread * rng.standard_normal(shape, dtype=np.float32)
        return uniform_cells(np.clip(g, 0, self.ceiling_us), self._exponents(shape, rng), now_s, history=1.0)

    def pulse(self, cells: Cells, pulses: NDArray[np.integer], now_s: float, rng: np.random.Generator) -> Cells:
        """Return the cells after ``pulses`` SET pulses each; draws are made only for cells that are pulsed."""
        return self.steps.pulse(cells, pulses, now_s, rng)

    def program(self, target_us: Array, now_s: float, rng: np.random.Generator) -> Cells:
        """Return cells near ``target_us``: as measured, or pulsed until they first reach it."""
        target = checked_targets(target_us, self.full_us)
        if not self.targets_us:
            return self.steps.reach(self.reset(target.shape, now_s, rng), target, self.max_pulses, rng)
        error, spread = (np.interp(target, self.targets_us, table) for table in (self.error_us, self.spread_us))
        g = np.clip(target + error + spread * rng.standard_normal(target.shape, dtype=np.float32), 0, self.ceiling_us)
        return uniform_cells(g.astype(np.float32), self._exponents(target.shape, rng), now_s)

    def read(self, cells: Cells, now_s: float) -> tuple[Array, Array]:
        """Return mean and standard deviation (µS) of a read at ``now_s``."""
        mean, _ = drifted(cells, now_s, self.drift_t0_s)
        constant, slope = (np.float32(each) for each in self.read_us)
        return mean, constant + slope * mean

    @property
    def steps(self) -> Steps:
        """Constants of the steps of a SET pulse."""
        mean, spread = self.reset_us
        step_mean, step_std = np.array(self.step_mean_us, np.float32), np.array(self.step_std_us, np.float32)
        return Steps(step_mean, step_std, self.history_pulses, max(mean - 3 * spread, 0.0), self.ceiling_us)

    def _exponents(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        mean, spread = self.drift
        drawn: Array = np.maximum(mean + spread * rng.standard_normal(shape, dtype=np.float32), 0)
        return drawn
