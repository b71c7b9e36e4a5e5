"""Conversion of stored pixels to the batch that every image backbone takes."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor


def to_batch(pixels: NDArray[np.uint8], size: int) -> Tensor:
    """Resize images (n, h, w, c) uint8 to a float batch (n, c, size, size) in [-1, 1], channels last in memory."""
    # a copy, because decoded pixels are mapped read-only, which torch warns of
    batch = torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2)
    if batch.shape[2:] != (size, size):
        batch = F.interpolate(batch, size=(size, size), mode="bilinear", antialias=True)
    return normalise(batch)


def normalise(batch: Tensor) -> Tensor:
    """Map uint8 0..255 to float -1..1."""
    return (batch.float() / 127.5 - 1.0).contiguous(memory_format=torch.channels_last)
