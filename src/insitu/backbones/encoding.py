"""Stored pixels through a trained backbone: the activations, or bits, that a memory is given."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from insitu import compute_device
from insitu.backbones.binary.frozen import Frozen
from insitu.backbones.binary.layers import sign
from insitu.backbones.inputs import to_batch

BATCH = 250


def features(network: Any, pixels: NDArray[np.uint8], size: int, mirror: bool = False) -> Tensor:
    """Encode images (n, h, w, c) uint8, resized to ``size``: activations (n, features) as float16.

    With ``mirror``, the activations of an image and of its mirror image are averaged. A frozen binary network gives the
    signs of its vectors, -1 and +1 as int8. Half precision is part of the code, so that encodings shipped with the
    package equal those made from the images up to rounding. A network in float64 gives the same numbers on every
    processor, in about three times the time; in float32, one of a thousand is rounded to the other side.
    """
    parts = []
    if not isinstance(network, Frozen):
        network.to(compute_device.chosen())
    with torch.no_grad():
        for start in range(0, len(pixels), BATCH):
            batch = to_batch(pixels[start : start + BATCH], size)
            if isinstance(network, Frozen):
                parts.append(sign(network.vectors(batch)).to(torch.int8))
                continue
            weight = next(network.parameters())
            batch = batch.to(weight.device, weight.dtype)
            activations = network.features(batch)
            if mirror:
                activations = (activations + network.features(batch.flip(3))) / 2
            parts.append(activations.half().cpu())
    return torch.cat(parts)


def stored(activations: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return activations (n, features) as they are stored: float16 as it is, signs (int8) packed eight to a byte."""
    return np.packbits(activations > 0, axis=1) if activations.dtype == np.int8 else activations  # type: ignore[operator]


def restored(stored: NDArray[np.generic], features: int) -> NDArray[np.generic]:
    """Return stored arrays as numbers: float32 (n, features), signs as -1 and +1, and labels as int64."""
    if stored.dtype == np.uint8:
        return np.unpackbits(stored, axis=1, count=features).astype(np.float32) * 2 - 1  # type: ignore[arg-type]
    return stored.astype(np.float32 if stored.dtype.kind == "f" else np.int64)


def last_layer(network: Any, features: int) -> tuple[Tensor, Tensor]:
    """Return weight (dim, features) and bias (dim,) of what leads from activations to the vector the memory holds."""
    project = getattr(network, "project", None)
    if project is None:  # the memory holds the activations, or bits, themselves
        return torch.eye(features), torch.zeros(features)
    return project.weight.detach().cpu(), project.bias.detach().cpu()
