"""Tables of measurements as a user has them, drawn from a device whose constants are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from insitu.core import generator
from insitu.devices import Device

TIMES_S = (38.6, 100.0, 1e3, 1e4, 1e5)


def write(device: Device, folder: Path, cells: int, reads: int = 1, pulses: int = 20) -> None:
    """Write pulses.csv, drift.csv and programmed.csv of cells of ``device``, each read ``reads`` times."""
    rng = generator(0, "measured tables")
    held = device.reset((cells,), 0.0, rng)
    rows = []
    for pulse in range(pulses + 1):
        held = device.pulse(held, np.ones(cells, np.int64), 0.0, rng) if pulse else held
        rows += _reads(device, held, 0.0, pulse, reads, rng)
    _save(folder / "pulses.csv", "pulse", rows)
    rows = [row for age_s in TIMES_S for row in _reads(device, held, age_s, age_s, reads, rng)]
    _save(folder / "drift.csv", "time_s", rows)
    rows = []
    for target in np.linspace(0, 1, 6) * device.full_scale_us:
        held = device.program(np.full(cells, target, np.float32), 0.0, rng)
        rows += _reads(device, held, 0.0, target, reads, rng)
    _save(folder / "programmed.csv", "target_us", rows)


def _reads(
    device: Device, cells: object, now_s: float, point: float, count: int, rng: np.random.Generator
) -> list[str]:
    mean, std = device.read(cells, now_s)  # type: ignore[arg-type]
    drawn = [mean + std * rng.standard_normal(mean.shape) for _ in range(count)]
    return [f"cell{cell},{point:g},{us:.5f}" for read in drawn for cell, us in enumerate(read.tolist())]


def _save(file: Path, point: str, rows: list[str]) -> None:
    file.write_text("\n".join([f"cell,{point},conductance_us", *rows]) + "\n", encoding="utf-8")
