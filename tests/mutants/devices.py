"""Changes in the physics of cells and in compiled loops of the lower rooms."""

from __future__ import annotations

from plant import Mutant

JOSHI, NANDAKUMAR, HERMES = "pcm_joshi2020", "pcm_nandakumar2018", "pcm_hermes2022"
WAN, CMO = "rram_wan2022", "cmo_hfox"

MUTANTS = [
    Mutant(
        "a constant of the programming error",
        f"devices/{JOSHI}.py",
        "program_std_us: tuple[float, ...] = (0.26348, 1.9650, -1.1731)",
        "program_std_us: tuple[float, ...] = (0.26348, 1.9650, -1.2731)",
        (f"devices/test_{JOSHI}.py",),
    ),
    Mutant(
        "read noise loses its band",
        f"devices/{JOSHI}.py",
        "return mean, (mean * q * band).astype(np.float32)",
        "return mean, (mean * q).astype(np.float32)",
        (f"devices/test_{JOSHI}.py",),
    ),
    Mutant(
        "the history of pulses decays at another rate",
        f"devices/{NANDAKUMAR}.py",
        "history_decay: float = 2.6",
        "history_decay: float = 2.9",
        (f"devices/test_{NANDAKUMAR}.py",),
    ),
    Mutant(
        "the floor of read noise is gone",
        f"devices/{NANDAKUMAR}.py",
        "self.read_slope * mean + np.float32(self.read_floor_us)",
        "self.read_slope * mean",
        (f"devices/test_{NANDAKUMAR}.py",),
    ),
    Mutant(
        "drift exponents do not spread from cell to cell",
        f"devices/{HERMES}.py",
        "DRIFT_MEAN(r) + fit.drift_std(r) * rng.standard_normal(r.shape, dtype=np.float32)",
        "DRIFT_MEAN(r) + 0 * fit.drift_std(r) * rng.standard_normal(r.shape, dtype=np.float32)",
        (f"devices/test_{HERMES}.py",),
    ),
    Mutant(
        "a coefficient of the spread after programming",
        f"devices/{WAN}.py",
        "(0.348, 16.030, -43.853, 45.393, -16.815)",
        "(0.348, 15.030, -43.853, 45.393, -16.815)",
        (f"devices/test_{WAN}.py",),
    ),
    Mutant(
        "relaxation moves the mean less",
        f"devices/{CMO}.py",
        "DECAY_US = -0.08900206",
        "DECAY_US = -0.06900206",
        (f"devices/test_{CMO}.py",),
    ),
    Mutant(
        "cells drift upwards",
        "devices/__init__.py",
        "exp(-cells.drift * log(",
        "exp(cells.drift * log(",
        ("laws/test_devices.py",),
    ),
    Mutant(
        "all cells have the age of the oldest",
        "devices/__init__.py",
        "np.maximum(now_s - cells.programmed_s, youngest_s)",
        "np.maximum(now_s - cells.programmed_s.min() + 0 * cells.programmed_s, youngest_s)",
        ("laws/test_devices.py",),
    ),
    Mutant(
        "time may run backwards",
        "devices/__init__.py",
        "if not now_s >= latest:",
        "if now_s != now_s:",
        ("laws/test_devices.py",),
    ),
    Mutant(
        "a border of a binary convolution counts as -1",
        "kernels/binary.py",
        "                sums[:, y[:, None], c] += channels\n",
        "                sums[:, y[:, None], c] += channels - (stride > 1)\n",
        ("kernels/test_binary.py",),
    ),
    Mutant(
        "traces of e-prop decay from the wrong step",
        "kernels/_eprop.py",
        "now[j] = -rate * near[j] * signal[j] + decay * after[j]",
        "now[j] = -rate * near[j] * signal[j] + decay * decay * after[j]",
        ("kernels/test_eprop.py",),
    ),
    Mutant(
        "recurrent weights learn from the spikes of the same step",
        "kernels/_eprop.py",
        "if spikes[t - 1, i]:\n                        row = of_rec[b, i]",
        "if spikes[t, i]:\n                        row = of_rec[b, i]",
        ("kernels/test_eprop.py",),
    ),
]
