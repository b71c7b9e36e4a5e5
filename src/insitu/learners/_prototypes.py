"""Prototype modes of C-FSCIL: what is done to class means and to the last layer before a session's test.

Hersche et al., CVPR 2022: mode 1 does nothing more; mode 2 turns prototypes bipolar and retrains the last layer to
match (10 iterations); mode 3 nudges prototypes apart (100 iterations of SGD at 0.1 on the mean over pairs of
e^(4s) + e^(-4s) - 2 plus the mean of 1 - cos to where they were), then retrains the layer (50 iterations).
Own choices: the layer is retrained by SGD at 0.01 on the mean of 1 - cosine of tanh's; steps are taken in float64 and
their outcome is rounded to float32, so that it does not depend on the order of sums.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from insitu.kernels import exact

FILLED = 0.8  # of full scale: the most that a component aims at where columns are read and pulsed


def shares(sums: Tensor, shots: Tensor, most: int, largest: float) -> Tensor:
    """Return what columns of these sums (k, dim) over ``shots`` (k,) aim at, in shares of full scale.

    A component of size ``largest`` aims at ``FILLED`` after ``most`` shots, before at less, so that a mean that moves
    leaves room on both sides.
    """
    means = sums / shots[:, None]
    level = FILLED * (shots / most).clamp(max=1).sqrt()
    return (level[:, None] * (means / largest).clamp(-1, 1)).float()


def nudge(prototypes: Tensor, iterations: int = 100, rate: float = 0.1) -> Tensor:
    """Return prototypes (classes, dim) moved towards mutual orthogonality, and not far from where they were."""
    start = prototypes.detach().double()
    moved = start.clone().requires_grad_()
    optimiser = torch.optim.SGD([moved], rate)
    for _ in range(iterations):
        unit = F.normalize(torch.tanh(moved))
        cosine = unit @ unit.T
        off = ~torch.eye(len(unit), dtype=torch.bool)
        apart = (torch.exp(4 * cosine[off]) + torch.exp(-4 * cosine[off]) - 2).mean() if len(unit) > 1 else 0.0
        loss = apart + (1 - F.cosine_similarity(moved, start)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return moved.detach().float()


def retrain(
    weight: Tensor, bias: Tensor, means: Tensor, targets: Tensor, iterations: int, rate: float = 0.01
) -> tuple[Tensor, Tensor]:
    """Return weight (dim, features) and bias (dim,) moved so that means (classes, features) hit targets."""
    w, b = (value.double().clone().requires_grad_() for value in (weight, bias))
    optimiser = torch.optim.SGD([w, b], rate, momentum=0.9)
    means, aim = means.double(), torch.tanh(targets.double())
    for _ in range(iterations):
        loss = (1 - F.cosine_similarity(torch.tanh(F.linear(means, w, b)), aim)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return w.detach().float(), b.detach().float()


def adapt(weight: Tensor, bias: Tensor, means: Tensor, mode: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return weight, bias and prototypes (classes, dim) of ``mode`` 1, 2 or 3 for class means of activations."""
    prototypes = (exact.product(means, weight.T) + bias).float()
    if mode == 2:
        prototypes = torch.sign(prototypes)
        weight, bias = retrain(weight, bias, means, prototypes, 10)
    elif mode == 3:
        prototypes = nudge(prototypes)
        weight, bias = retrain(weight, bias, means, prototypes, 50)
    return weight, bias, prototypes
