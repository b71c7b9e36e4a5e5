"""Resistive cell of conductive metal oxide on HfOx, written by program-and-verify (Falcone et al., arXiv 2502.04524).

The statistical fit is the one of the aihwkit simulator's ``ReRamCMONoiseModel``. Equations (G in µS above the lowest
state of 9 µS, t = time since programming in s, never below 1 s)::

    G_prog = clip(G_target + (a + b (9 + G_target)) z1, 0, 79.19)   a, b of the accepted deviation, in ``PROGRAMMING``
    G(t)   = clip(G_prog - 0.08900206 ln t + (0.41183342 + 0.04201137 ln t) z2, 0, 79.19)
    read noise N(0, 0.0277316483 log10(9 + G(t)) sqrt(ln((t + t_r) / (2 t_r)))),  t_r = 1 µs
    z1, z2 ~ N(0, 1), drawn once per cell

Fitted to an array of 64 x 64 cells within 9..88.19 µS, in 32 and more states, from 1 s to 1 h after programming; the
relaxation does not depend on the state, and the authors extrapolate it to ten years. Not modelled: single SET pulses
(the cell learns by them, but inference is what was fitted), correlation of read noise between reads, temperature,
endurance.
Own choices: conductances are counted from the lowest state, which both sides of a pair hold, so that it cancels
in their difference; before 1 s a cell reads as at 1 s; RESET gives the lowest state exactly, which does not relax.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from insitu.core import InsituError
from insitu.devices import Array, Cells, Device, ages_s, checked_targets, uniform_cells
from insitu.kernels.elementary import log

G_MIN_US, G_MAX_US = 9.0, 88.19
SPAN_US = G_MAX_US - G_MIN_US
PROGRAMMING = {  # spread of programming by the accepted deviation in percent of the target: offset (µS), slope
    0.2: (0.00081107, 0.00106879),
    2.0: (0.0112185391, 0.01129027418),
}
DECAY_US = -0.08900206  # of the mean, per e-fold of time
SPREAD_US = (0.41183342, 0.04201137)  # of the relaxation: at 1 s, and per e-fold of time
READ_US = 0.0277316483
READ_TIME_S = 1e-6
LN_10 = 2.302585092994046


@dataclass(frozen=True)
class CmoHfox(Device):
    """Resistive cell of CMO on HfOx: fine programming, a relaxation of half a microsiemens, 1/f read noise."""

    accepted_percent: float = 0.2  # deviation from the target at which programming stops, in percent: 0.2 or 2

    relaxes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.accepted_percent not in PROGRAMMING:
            raise InsituError(f"accepted_percent is 0.2 or 2, as fitted; got {self.accepted_percent}")

    @property
    def full_scale_us(self) -> float:
        """Largest conductance above the lowest state that programming aims at."""
        return SPAN_US

    def reset(self, shape: tuple[int, ...], now_s: float, rng: np.random.Generator) -> Cells:
        """Return cells in the lowest state; nothing is drawn."""
        return uniform_cells(np.zeros(shape, np.float32), 0.0, now_s)

    def program(self, target_us: Array, now_s: float, rng: np.random.Generator) -> Cells:
        """Return cells near ``target_us``, each with its own direction of relaxation."""
        target = checked_targets(target_us, SPAN_US)
        offset, slope = PROGRAMMING[self.accepted_percent]
        spread = np.float32(offset) + np.float32(slope) * (np.float32(G_MIN_US) + target)
        programmed = target + spread * rng.standard_normal(target.shape, dtype=np.float32)
        direction = rng.standard_normal(target.shape, dtype=np.float32)
        return uniform_cells(np.clip(programmed, 0, np.float32(SPAN_US)), direction, now_s)

    def read(self, cells: Cells, now_s: float) -> tuple[Array, Array]:
        """Return mean and standard deviation (µS) of a read at ``now_s``."""
        age_s = ages_s(cells, now_s, 1.0)
        ln_age = log(age_s)
        at_1_s, growth = (np.float32(each) for each in SPREAD_US)
        moved = np.float32(DECAY_US) * ln_age + (at_1_s + growth * ln_age) * cells.drift
        mean = np.clip(cells.conductance_us + moved, 0, np.float32(SPAN_US))
        band = np.sqrt(log((age_s + np.float32(READ_TIME_S)) / np.float32(2 * READ_TIME_S)))
        noise = np.float32(READ_US / LN_10) * log(np.float32(G_MIN_US) + mean) * band
        return mean, noise
