"""What both sides of the e-prop benchmark are given, read from a file that the benchmark has written. NumPy alone."""

from __future__ import annotations

import os

import numpy as np

VARIABLE = "INSITU_BENCH_EPROP"  # names that file
MOVEMENTS, STEPS = 32, 250
RATE = 1e-4  # of the update
ADAM = 1e-3
TARGETS = (0.02, 0.01)  # spikes per step of trainee and generator
RATE_WEIGHT = 0.25


def given() -> dict[str, np.ndarray]:
    """Return the weights by name, ``omega`` and ``position`` of the movements, and the generator's ``bits``."""
    with np.load(os.environ[VARIABLE]) as file:
        return dict(file)
