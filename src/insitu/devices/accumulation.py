"""Growth of a conductance by SET pulses: each adds a Gaussian step, whose mean and spread depend on what came before.

Equations (G in µS, one pulse)::

    P  <- P exp(-1 / n)                     P = 1 after RESET, n in pulses
    dG ~  N(m, s),  m = m0 G + m1 + m2 P,  s = s0 G + s1 + s2 P
    G  <- clip(G + dG, lowest, top)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from insitu.devices import Array, Cells, check_now, checked_pulses
from insitu.kernels import compiled
from insitu.kernels.normals import standard_normals

FEW = 5_000  # pulses below which importing the compiled loops takes longer than they save


@dataclass(frozen=True, eq=False)
class Steps:
    """Constants of the steps of one device."""

    mean_us: Array  # coefficients of G, 1 and P
    std_us: Array
    history_pulses: float  # n
    lowest_us: float
    top_us: float

    def pulse(self, cells: Cells, pulses: NDArray[np.integer], now_s: float, rng: np.random.Generator) -> Cells:
        """Return the cells after ``pulses`` each; draws are made only for cells that are pulsed."""
        check_now(cells, now_s)
        counts = checked_pulses(pulses, cells.shape)
        drawn = standard_normals(rng, int(counts.sum(dtype=np.int64)))
        g, history = self._pulsed(cells.conductance_us, cells.history, counts, drawn)
        return Cells(g, cells.drift, np.where(counts > 0, now_s, cells.programmed_s), history)

    def reach(self, cells: Cells, target_us: Array, most: int, rng: np.random.Generator) -> Cells:
        """Pulse each of the cells, in place, until it first reaches ``target_us``, ``most`` times at most."""
        g, history = cells.conductance_us, cells.history
        for _ in range(most):
            short = np.nonzero(g < target_us)
            if not len(short[0]):
                break
            normals = rng.standard_normal(len(short[0]), dtype=np.float32)
            g[short], history[short] = self.step(g[short], history[short], normals)
        return cells

    def step(self, g: Array, history: Array, normals: Array) -> tuple[Array, Array]:
        """Return conductances and histories after one pulse."""
        history = history * self._decay
        mean = self.mean_us[0] * g + self.mean_us[1] + self.mean_us[2] * history
        std = self.std_us[0] * g + self.std_us[1] + self.std_us[2] * history
        return np.clip(g + (mean + std * normals), self.lowest_us, self.top_us).astype(np.float32), history

    def _pulsed(self, g: Array, history: Array, counts: NDArray[np.integer], drawn: Array) -> tuple[Array, Array]:
        """Conductances and histories after ``counts`` pulses; ``drawn`` has a normal per pulse, cell after cell."""
        g, history = np.array(g, order="C"), np.array(history, order="C")
        # the same bits either way; importing the compiled loops takes longer than a few pulses do
        if len(drawn) > FEW and compiled() is not None:
            from insitu.kernels import _set_pulses as fast

            # the counts of a caller are of many kinds; one kind is one compiled loop
            flat = np.ascontiguousarray(counts, np.int32).ravel()
            fast.set_pulses(g.reshape(-1), history.reshape(-1), flat, drawn, *self.law)
            return g, history
        first = (np.cumsum(counts) - counts.ravel()).reshape(counts.shape)
        for round_ in range(int(counts.max(initial=0))):
            hit = np.nonzero(counts > round_)
            g[hit], history[hit] = self.step(g[hit], history[hit], drawn[first[hit] + round_])
        return g, history

    @property
    def law(self) -> tuple[np.float32, Array, Array, np.float32, np.float32]:
        """The constants as the compiled loops take them."""
        return self._decay, self.mean_us, self.std_us, np.float32(self.lowest_us), np.float32(self.top_us)

    @property
    def _decay(self) -> np.float32:
        return np.float32(np.exp(-1 / self.history_pulses))
