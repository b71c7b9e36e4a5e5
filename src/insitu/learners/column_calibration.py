"""Digital slope and offset of every column of a memory, from what it answers to known vectors.

Known vectors are multiplied by the array after each change, and slope and offset of every column against the exact
similarities are undone in digital, as the per-column affine correction of the chip does. Own choice: similarities are
those to prototypes of corrected length. A few-shot mean is longer than the true mean by the scatter of the shots, which
lowers its cosine to every query; ``correction`` is the share of that excess which is taken out.
"""

from __future__ import annotations

import torch
from torch import Tensor

from insitu.kernels import exact


def corrected(sums: Tensor, shots: Tensor, scatter: float, correction: float) -> Tensor:
    """Return exact prototypes (columns, dim): unit means, longer by the few-shot correction; zero for free columns.

    ``sums`` (columns, dim) are over ``shots`` (columns,) unit vectors, whose mean squared distance to the mean of their
    class is ``scatter``.
    """
    count = shots.clamp_min(1).double()
    mean = sums.double() / count[:, None]
    square = exact.norm(mean).square()
    excess = correction * scatter / count
    # of a mean shorter than its expected excess a tenth is kept, so that the square root has a root to take
    longer = (square / torch.maximum(square - excess, 0.1 * square).clamp_min(1e-12)).sqrt()
    return (exact.unit(mean) * longer[:, None]).float()


def fitted(measured: Tensor, known: Tensor, prototypes: Tensor) -> tuple[Tensor, Tensor]:
    """Return slope and offset (columns,) of outputs ``measured`` (n, columns) against the similarities of ``known``."""
    similar = exact.product(known, prototypes.double().T)
    level = exact.mean(similar, 0)
    varying = similar - level
    slope = exact.total(varying * measured, 0) / exact.total(varying.square(), 0).clamp_min(1e-12)
    # a column without a positive slope carries no information; leave its output as it is
    slope = torch.where(slope > 1e-9, slope, torch.ones(())).float()
    return slope, (exact.mean(measured, 0) - slope * level).float()


def scaled(measured: Tensor, prototypes: Tensor) -> tuple[Tensor, Tensor]:
    """Return slopes (columns,) that scale every column to its mean rms, and zeros.

    The longer a prototype, the larger all outputs of its column, so both are divided out.
    """
    slope = (exact.mean(measured.square(), 0).sqrt() / exact.norm(prototypes.double()).clamp_min(1e-6)).float()
    return slope.clamp_min(1e-9), torch.zeros(len(slope))
