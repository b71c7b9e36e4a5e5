"""Exact search at the speed of float32: products in float32 leave few columns, and those are compared exactly.

A product of float32 numbers is off by at most gamma = n u / (1 - n u) of the two norms, whatever the order of its sum
(u = 2^-24, n summands). A column whose score is more than twice that bound below the best one cannot win. The outputs
of the others, mostly one per row, are computed exactly, so that the answer is the same bit for bit.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from insitu.kernels import exact

UNIT = 2.0**-24  # of float32
LEAST = 2.0**-126  # of its normal numbers: products below may be lost
WORTH = 1024  # columns that are worth two steps
ROWS, SCORES = 256, 2**20  # of a block
MOST = 2**20  # columns that may be left over in a block; more of them are compared exactly all at once


def search(
    x: Tensor,
    weights: Tensor,
    norms: Tensor,
    scale: NDArray[np.float32] | None,
    offset: NDArray[np.float32] | None,
    left_out: NDArray[np.bool_] | None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
    """Return for rows of x (batch, in) the first column of ``weights`` (in, out) with the largest score, and the score.

    ``norms`` (out,) are those of the columns. None where columns are few, numbers too large or too many columns too
    close: then every output must be computed exactly.
    """
    if weights.shape[1] < WORTH or torch.get_float32_matmul_precision() != "highest":
        return None
    out, top = np.zeros(len(x), np.int64), np.zeros(len(x), np.float32)
    added = _added(offset, left_out)
    scales = None if scale is None else torch.from_numpy(scale)
    reach = float((norms if scales is None else norms * scales.abs()).max())
    lost = len(weights) * LEAST * (1.0 if scales is None else float(scales.abs().max()))
    shift = 0.0 if offset is None else float(np.abs(offset[np.isfinite(offset)], dtype=np.float64).max(initial=0.0))
    for start in range(0, len(x), ROWS):
        part = x[start : start + ROWS]
        lengths = torch.linalg.vector_norm(part, dim=1, dtype=torch.float64)
        terms = len(weights) + len(weights) ** 0.5 + 16  # summands, rounding to the grid, scale, offset and norms
        margin = 2 * UNIT * (terms / (1 - terms * UNIT) * lengths * reach + 2 * shift) + 2 * lost
        if not margin.isfinite().all():
            return None
        found = _candidates(part, weights, scales, added, margin)
        if found is None:
            return None
        out[start : start + ROWS], top[start : start + ROWS] = _best(part, weights, found, scale, offset)
    return out, top


def _added(offset: NDArray[np.float32] | None, left_out: NDArray[np.bool_] | None) -> Tensor | None:
    """Return what is added to scores, minus infinity for columns that are left out."""
    if left_out is None:
        return None if offset is None else torch.from_numpy(offset)
    return torch.from_numpy(np.where(left_out, np.float32(-np.inf), np.float32(0) if offset is None else offset))


def _candidates(
    x: Tensor, weights: Tensor, scale: Tensor | None, added: Tensor | None, margin: Tensor
) -> tuple[Tensor, Tensor] | None:
    """Return rows and columns of all scores within ``margin`` (batch,) of their row's best one."""
    width = min(SCORES // len(x), weights.shape[1])
    best = torch.full((len(x),), -torch.inf, dtype=torch.float64)
    kept: list[tuple[Tensor, Tensor, Tensor]] = []
    count = 0
    buffer = torch.empty(len(x) * width)
    for start in range(0, weights.shape[1], width):
        columns = weights[:, start : start + width]
        scores = buffer[: len(x) * columns.shape[1]].view(len(x), -1)
        torch.mm(x, columns, out=scores)
        if scale is not None:
            scores *= scale[start : start + width]
        if added is not None:
            scores += added[start : start + width]
        top = scores.amax(1).double()
        if not (top < torch.inf).all():  # NaN is not less either
            return None
        best = torch.maximum(best, top)
        least = best - margin
        rows = ((top >= least) & (top > -torch.inf)).nonzero()[:, 0]
        near = scores[rows] >= least[rows, None]
        row, column = near.nonzero(as_tuple=True)
        kept.append((rows[row], column + start, scores[rows[row], column]))
        count += len(row)
        if count > MOST:
            kept, count = _pruned(kept, best - margin)
            if count > MOST:
                return None
    if not kept or not best.isfinite().all():
        return None
    [(rows, columns, _)], _ = _pruned(kept, best - margin)
    return rows, columns


def _pruned(
    kept: list[tuple[Tensor, Tensor, Tensor]], least: Tensor
) -> tuple[list[tuple[Tensor, Tensor, Tensor]], int]:
    rows, columns, scores = (torch.cat(each) for each in zip(*kept, strict=True))
    stay = scores >= least[rows]
    return [(rows[stay], columns[stay], scores[stay])], int(stay.sum())


def _best(
    x: Tensor,
    weights: Tensor,
    found: tuple[Tensor, Tensor],
    scale: NDArray[np.float32] | None,
    offset: NDArray[np.float32] | None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the column of every row whose exact score is the largest, of equal ones the first, and the score."""
    rows, columns = found
    given, parts = exact.on_grid(x, 1), []
    for start in range(0, len(rows), ROWS * 16):
        part = slice(start, start + ROWS * 16)
        parts.append((given[rows[part]].T * exact.on_grid(weights[:, columns[part]], 0)).sum(0).float())
    scores, at = torch.cat(parts).numpy(), columns.numpy()
    if scale is not None:
        scores = scores * scale[at]
    if offset is not None:
        scores = scores + offset[at]
    order = np.lexsort((at, -scores, rows.numpy()))
    first = np.unique(rows.numpy()[order], return_index=True)[1]
    return at[order][first], scores[order][first]
