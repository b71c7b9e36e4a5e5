"""Ideal memory cell: every read returns the programmed target at any age. The baseline of all other devices.

Equations (G in µS)::

    G = target after programming,  G = 0 after RESET
    G <- min(G + step, g_max)      one SET pulse
    G(t) = G,  read noise 0

Fitted to nothing: no paper, no measurement. Not modelled, on purpose: programming error, spread of the pulse's step,
drift, read noise, endurance.
Own choices: g_max 20 µS and a step of 1 µS, so that twenty pulses fill a cell, about as far apart as in a real one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.devices import Array, Cells, Device, check_now, checked_pulses, checked_targets, drifted, uniform_cells


@dataclass(frozen=True)
class Ideal(Device):
    """Ideal cell: programs exactly, adds a fixed step per SET pulse, neither drifts nor is noisy."""

    g_max_us: float = 20.0
    step_us: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.step_us <= self.g_max_us < np.inf:
            raise InsituError(f"0 < step_us <= g_max_us, both finite; got {self.step_us} and {self.g_max_us}")

    @property
    def full_scale_us(self) -> float:
        """Largest conductance that programming aims at."""
        return self.g_max_us

    def reset(self, shape: tuple[int, ...], now_s: float, rng: np.random.Generator) -> Cells:
        """Return cells of conductance 0; nothing is drawn."""
        return uniform_cells(np.zeros(shape, np.float32), 0.0, now_s)

    def pulse(self, cells: Cells, pulses: NDArray[np.integer], now_s: float, rng: np.random.Generator) -> Cells:
        """Return the cells after ``pulses`` steps each, clipped at g_max; nothing is drawn."""
        check_now(cells, now_s)
        given = checked_pulses(pulses, cells.shape)
        raised = np.minimum(cells.conductance_us + self.step_us * given, self.g_max_us)
        return Cells(
            # a cell above g_max cannot come from here, but one without pulses stays what it is in any case
            conductance_us=np.where(given > 0, raised, cells.conductance_us).astype(np.float32),
            drift=cells.drift,
            programmed_s=np.where(given > 0, now_s, cells.programmed_s),
            history=cells.history,
        )

    def program(self, target_us: Array, now_s: float, rng: np.random.Generator) -> Cells:
        """Return cells that hold exactly ``target_us``; nothing is drawn."""
        return uniform_cells(checked_targets(target_us, self.full_scale_us), 0.0, now_s)

    def read(self, cells: Cells, now_s: float) -> tuple[Array, Array]:
        """Return the conductance, and a standard deviation of 0, whatever the time."""
        mean, _ = drifted(cells, now_s, t0_s=1.0)  # exponent 0: t0 does not matter
        return mean, np.zeros_like(mean)
