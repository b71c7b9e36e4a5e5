"""Networks whose batch norms, thresholds and slopes are not those of a fresh one, and images for them."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from insitu.core import generator


def images(count: int, side: int = 32, channels: int = 3, seed: int = 0) -> Tensor:
    drawn = generator(seed, "images").uniform(-1, 1, (count, channels, side, side))
    return torch.from_numpy(drawn.astype(np.float32))


def lively(record: Any, seed: int = 0) -> Any:
    """Return the record's network in eval mode, its scales (of both signs), shifts and thresholds redrawn."""
    return deepcopy(_lively(record, seed))


@cache  # its running means take ten passes
def _lively(record: Any, seed: int) -> Any:
    network = record.build(seed)
    rng = generator(seed, "lively")
    with torch.no_grad():
        for name, value in network.state_dict().items():
            kind = name.rsplit(".", 1)[1]
            if kind in ("threshold", "at", "lift", "bias", "scale"):
                value.copy_(torch.from_numpy(rng.normal(0, 0.3, value.shape)))
            elif kind == "slope" or (kind == "weight" and value.ndim == 1):
                value.copy_(torch.from_numpy(rng.normal(0.6, 0.5, value.shape)))
        network.train()
        for turn in range(10):  # running means and variances that fit, up to what the momentum leaves
            network(images(16, channels=record.channels, seed=turn + 1))
    return network.eval()
