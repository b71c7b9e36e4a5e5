"""Digital slope and offset of every column of a memory, from what it answers to known vectors.

The array is measured after each change, and slope and offset of every column are undone in digital, as the per-column
affine correction of the chip does. Either they are ``fitted`` to known vectors and their exact similarities, for which
examples and exact prototypes are kept next to the array, or columns are ``scaled`` to the length that the array itself
shows under vectors of random signs. Own choice: similarities are those to prototypes of corrected length. A few-shot
mean is longer than the true mean by the scatter of the shots, which lowers its cosine to every query; ``correction`` is
the share of that excess which is taken out.
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


def scaled(measured: Tensor, shots: Tensor, scatter: float, correction: float) -> tuple[Tensor, Tensor]:
    """Return slopes (columns,) from outputs ``measured`` (n, columns) for vectors of random signs; offsets are 0.

    The rms of a column's outputs for these is its length, so that the array itself shows its lengths. In place of the
    excess length of an exact few-shot mean, that which is expected of unit vectors of this scatter is corrected: the
    number of shots is all that is kept of a class.
    """
    count = shots.clamp_min(1).double()
    square = 1 - scatter + scatter / count
    longer = (square / torch.maximum(square - correction * scatter / count, 0.1 * square)).sqrt()
    slope = exact.mean(measured.square(), 0).sqrt() / longer
    return slope.float().clamp_min(1e-9), torch.zeros(len(slope))
