"""Images with labels, held as one array: what every image data set is read into."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError


@dataclass(frozen=True)
class Images:
    """Decoded images and their class numbers.

    ``pixels`` is (n, height, width, channels) uint8, ``labels`` is (n,) int64, ``names[c]`` is the name of class ``c``.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.pixels.ndim != 4 or self.pixels.dtype != np.uint8:
            raise InsituError(
                f"images are (n, height, width, channels) of uint8; got {self.pixels.shape} of {self.pixels.dtype}"
            )
        if self.labels.shape != (len(self.pixels),):
            raise InsituError(f"{len(self.pixels)} images need as many labels; got shape {self.labels.shape}")

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Images:
        """Return the images at ``rows`` (indices or a mask), in that order."""
        return replace(self, pixels=self.pixels[rows], labels=self.labels[rows])
