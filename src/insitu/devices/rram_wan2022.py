"""Resistive cell of the NeuRRAM chip, which relaxes after programming (Wan et al., Nature 608, 504, 2022).

The spreads are the ones that the aihwkit simulator reads off the published figures (its ``ReRamWan2022NoiseModel``).
Equations (G in µS, r = G_target / 40 µS, t = time since programming in s, never below 1 s)::

    s(t, r) = polynomial of degree 4 in r, in µS, fitted at 1 s, 1 day and 2 days: ``SPREADS_US``
    G_prog  = max(G_target + s(1 s, r) z1, 0)
    G(t)    = max(G_prog + sqrt(max(s(t, r)^2 - s(1 s, r)^2, 0)) z2, 0),   z1, z2 ~ N(0, 1), drawn once per cell
    read noise N(0, 0.01 * 40 µS)

so that conductances at the fitted times have mean G_target and spread s, but where they are clipped at 0. Fitted to
HfOx cells that were written by pulses with verification, up to 40 µS, and read over two days.
Not modelled: single SET pulses, cells that are followed through time (only spreads at three times are published), 1/f
noise, temperature, endurance, repeated write-verify rounds, which narrow the spread.
Own choices: between the fitted times s is linear in ln t, and after two days it stays; a cell relaxes independently of
its error of programming; the read noise is what the simulator's manual recommends, since none is published; before
1 s a cell reads as at 1 s; RESET gives conductance 0 exactly, which does not relax.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from insitu.core import InsituError
from insitu.devices import Array, Cells, Device, ages_s, checked_targets, polynomial, uniform_cells
from insitu.kernels.elementary import log

G_MAX_US = 40.0
FITTED_S = (1.0, 86_400.0, 172_800.0)
LN_FITTED = log(np.array(FITTED_S, np.float32))
SPREADS_US = (  # at the fitted times: coefficients of 1, r, r^2, r^3, r^4
    (0.348, 16.030, -43.853, 45.393, -16.815),
    (0.701, 22.086, -50.773, 47.095, -16.458),
    (0.782, 20.274, -43.507, 37.062, -11.934),
)


@dataclass(frozen=True)
class RramWan2022(Device):
    """Resistive cell of the NeuRRAM chip: Gaussian programming error, and a relaxation to either side within days."""

    read_noise: float = 0.01  # standard deviation of a read, as a share of the 40 µS of full scale

    relaxes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 <= self.read_noise < 1:
            raise InsituError(f"read_noise is a share of full scale, at least 0 and below 1; got {self.read_noise}")

    @property
    def full_scale_us(self) -> float:
        """Largest conductance that programming aims at."""
        return G_MAX_US

    def reset(self, shape: tuple[int, ...], now_s: float, rng: np.random.Generator) -> Cells:
        """Return cells of conductance 0; nothing is drawn."""
        return uniform_cells(np.zeros(shape, np.float32), 0.0, now_s)

    def program(self, target_us: Array, now_s: float, rng: np.random.Generator) -> Cells:
        """Return cells near ``target_us``, each with its own direction of relaxation."""
        target = checked_targets(target_us, G_MAX_US)
        error = polynomial(target / np.float32(G_MAX_US), SPREADS_US[0]) * rng.standard_normal(
            target.shape, dtype=np.float32
        )
        direction = rng.standard_normal(target.shape, dtype=np.float32)
        return uniform_cells(np.maximum(target + error, 0), direction, now_s, history=target)

    def read(self, cells: Cells, now_s: float) -> tuple[Array, Array]:
        """Return mean and standard deviation (µS) of a read at ``now_s``."""
        ln_age = log(ages_s(cells, now_s, FITTED_S[0]))
        r = cells.history / np.float32(G_MAX_US)
        of_programming = polynomial(r, SPREADS_US[0])
        spread, earlier = of_programming.copy(), of_programming
        for number, (start, end) in enumerate(pairwise(LN_FITTED), 1):
            later = polynomial(r, SPREADS_US[number])
            spread += (later - earlier) * np.clip((ln_age - start) / (end - start), 0, 1)
            earlier = later
        moved = np.sqrt(np.maximum(np.square(spread) - np.square(of_programming), 0)) * cells.drift
        mean = np.maximum(cells.conductance_us + moved, 0)
        return mean, np.full_like(mean, self.read_noise * G_MAX_US)
