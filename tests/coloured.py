"""A few coloured pictures and a network of a few thousand weights, which train in fractions of a second."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from insitu.backbones.resnet12 import ResNet12
from insitu.core import generator
from insitu.data import Images

TINY = ResNet12((4, 4, 6, 8), dim=8)


def coloured(labels: NDArray[np.int64], seed: int = 0, size: int = 18) -> Images:
    """Return noise with a tint and a stripe that tell the class, of nine at most."""
    rng = generator(seed, "coloured")
    pixels = rng.integers(0, 120, (len(labels), size, size, 3))
    for image, label in zip(pixels, labels, strict=True):
        image[..., label % 3] += 90
        image[2 * (label // 3) : 2 * (label // 3) + 4] += 40
    return Images(pixels.astype(np.uint8), labels.astype(np.int64), tuple(f"class {c}" for c in range(9)))
