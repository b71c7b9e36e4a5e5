"""Prototypes of new classes moved towards similar base prototypes, as TEEN does (Wang et al., NeurIPS 2023).

A prototype p of few shots becomes (1 - mix) p + mix sum_b w_b p_b, with w = softmax(sharpness cos(p, p_b)) over the
base classes b. Similarity is linear in the prototype, so a memory writes nothing more for it: after the search, the
scores of new classes are mixed with those of base classes in digital, by one multiply-accumulate per pair of them.

Own choices: prototypes are unit vectors, and a moved one is as long as it was before (``column_calibration.py``).
"""

from __future__ import annotations

import torch
from torch import Tensor

from insitu.core import InsituError
from insitu.kernels import exact

BASE_SHOTS = 1e6  # shots as which the mean of a base class counts: over hundreds of images, it is as good as exact


def check_mixing(mix: float, sharpness: float) -> None:
    """Raise ``InsituError`` unless the share of base prototypes is below 1 and the sharpness is finite."""
    if not 0 <= mix < 1 or not 0 <= sharpness < float("inf"):
        raise InsituError(
            f"base_mix is 0 (none) to below 1, and base_sharpness 0 or more and finite; got {mix} and {sharpness}"
        )


def base_and_new(shots: Tensor) -> tuple[Tensor, Tensor]:
    """Return the numbers of the columns of base classes and of new classes, from the shots (columns,) they hold."""
    return (shots >= BASE_SHOTS).nonzero()[:, 0], ((shots > 0) & (shots < BASE_SHOTS)).nonzero()[:, 0]


def mixed(scores: Tensor, prototypes: Tensor, shots: Tensor, mix: float, sharpness: float) -> Tensor:
    """Return scores (n, columns) of queries as prototypes (columns, dim) that are moved would give them."""
    base, new = base_and_new(shots)
    if not mix or not len(base) or not len(new):
        return scores
    unit = exact.unit(prototypes)
    # rounded, because libraries differ in the last bit of an exponential
    weights = torch.softmax(sharpness * exact.product(unit[new], unit[base].T), 1).float()
    moved = (1 - mix) * unit[new] + mix * exact.product(weights, unit[base])
    scale = exact.norm(prototypes[new]) / exact.norm(moved).clamp_min(1e-12)
    length = exact.norm(prototypes[base])
    mixing = torch.cat([torch.diag((1 - mix) / exact.norm(prototypes[new])), (mix * weights / length).T]) * scale
    out = scores.clone()
    out[:, new] = exact.product(torch.cat([scores[:, new], scores[:, base]], 1), mixing).float()
    return out
