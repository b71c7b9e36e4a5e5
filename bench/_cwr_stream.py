"""The features both sides of the CWR* benchmark learn: rectified Gaussian classes in 512 numbers, NumPy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FEATURES, CLASSES, BATCH, RATE, EPOCHS, FIRST_EPOCHS = 512, 10, 50, 0.0025, 5, 10
EACH, TESTS = 1000, 300  # examples of each class
LATENT, SPREAD, NOISE, SHIFT = 40, 0.5, 0.5, -0.3

Part = tuple[NDArray[np.float32], NDArray[np.int64]]


def parts(stream: str, seed: int) -> tuple[list[Part], Part]:
    """Return the experiences of ``stream`` (nc: two new classes each; ni: all classes each) and the test part."""
    rng = np.random.default_rng(seed)
    mixed = rng.standard_normal((LATENT, FEATURES)) / LATENT**0.5
    centres = SPREAD * rng.standard_normal((CLASSES, LATENT))

    def drawn(each: int) -> Part:
        labels = np.repeat(np.arange(CLASSES), each)
        hidden = centres[labels] + rng.standard_normal((len(labels), LATENT))
        x = hidden @ mixed + NOISE * rng.standard_normal((len(labels), FEATURES)) + SHIFT
        return np.maximum(x, 0).astype(np.float32), labels

    (x, labels), test = drawn(EACH), drawn(TESTS)
    if stream == "nc":
        groups = [np.flatnonzero(labels // 2 == k) for k in range(CLASSES // 2)]
    else:
        groups = [np.flatnonzero(np.arange(len(labels)) % EACH // (EACH // 10) == k) for k in range(10)]
    return [(x[rows], labels[rows]) for rows in groups], test
