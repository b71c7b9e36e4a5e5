"""What a crossbar can find out about its own columns: outputs for fixed bipolar inputs, of which drift is undone."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from insitu.core import generator

FEWEST, MOST = 64, 512  # fixed inputs by which columns are measured
SMALLEST_US = 1e-6


def count_for(inputs: int) -> int:
    """Return how many probes compensate drift of matrices of ``inputs`` rows: as many as rows, within bounds.

    Cells drift with exponents of their own, so the gains of two columns differ by what is left of that spread in a mean
    over the rows; fewer probes than rows measure gains with a larger error than they differ by.
    """
    return min(max(inputs, FEWEST), MOST)


@lru_cache(maxsize=32)
def probes(inputs: int, count: int) -> Tensor:
    """Return the fixed inputs (count, in) of -1 and 1; the same for every matrix of as many rows."""
    bits = generator(0, "probe", inputs).integers(0, 2, (count, inputs))
    return torch.from_numpy(np.where(bits, np.float32(1), np.float32(-1)))


def drift_factors(how: str, reference: Tensor, present: Tensor) -> Tensor:
    """Return the factors (out,) that undo drift: summed |output| when written over the same now, all columns or each.

    A column that was never written (reference 0) takes no part.
    """
    written = reference > 0
    if how == "column":
        return torch.where(written, reference / present.clamp_min(SMALLEST_US), torch.ones(()))
    if not written.any():
        return torch.ones(len(reference))
    factor = reference[written].double().sum() / present[written].double().sum().clamp_min(SMALLEST_US)
    return factor.float().expand(len(reference))
