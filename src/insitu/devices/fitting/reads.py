"""What repeated reads, series in time and program-and-verify say of a cell: read noise, drift, errors over targets."""

from __future__ import annotations

import numpy as np

from insitu.core import InsituError
from insitu.devices.fitting.measurements import Floats, Reads

DRIFT_S = 1.0  # age at which conductances count as measured where no series in time says
BINS = 12  # of conductance, within which the variance of repeated reads is averaged
HELD = 0.2  # share of the largest mean below which a cell's drift is lost in its noise
Pair = tuple[float, float]
Table = tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]


def repeated(series: list[Reads]) -> tuple[Floats, Floats, Floats]:
    """Return conductance, standard deviation of a read (µS) and degrees of freedom, in bins of conductance."""
    known = [np.isfinite(each.variance_us2) for each in series]
    held = np.concatenate([each.mean_us[here] for each, here in zip(series, known, strict=True)])
    variance = np.concatenate([each.variance_us2[here] for each, here in zip(series, known, strict=True)])
    freedom = np.concatenate([each.count[here] - 1.0 for each, here in zip(series, known, strict=True)])
    bins = np.array_split(np.argsort(held), min(BINS, len(held))) if len(held) else []
    g = np.array([np.average(held[b], weights=freedom[b]) for b in bins])
    std = np.sqrt([np.average(variance[b], weights=freedom[b]) for b in bins])
    return g, std, np.array([freedom[b].sum() for b in bins])


def read_noise(series: list[Reads]) -> Pair | None:
    """Return constant (µS) and slope of the standard deviation of a read over conductance, or None without repeats."""
    g, std, freedom = repeated(series)
    if not len(g):
        return None
    # a standard deviation is known to its size over the root of twice its degrees of freedom
    weight = np.sqrt(2 * freedom) / np.maximum(std, 1e-3 * std.max() + 1e-12)
    constant, slope = _line(g, std, weight)
    if slope < 0:
        constant, slope = float(np.average(std, weights=weight**2)), 0.0
    if constant < 0:
        constant, slope = 0.0, float((weight**2 * g * std).sum() / (weight**2 * g * g).sum())
    return constant, slope


def drift_exponents(reads: Reads) -> tuple[Pair, float]:
    """Return mean and spread of the drift exponent, and the age (s) of the first read, to which it refers.

    Each cell gives the slope of ln G over ln t; the spread is that of the slopes less their own errors.
    """
    times, g = reads.points, drifting(reads)
    slopes, squares, sums, freedom = [], [], [], 0
    for mine in g:
        here = np.isfinite(mine)
        x, y = np.log(times[here] / times[0]), np.log(mine[here])
        x -= x.mean()
        slopes.append(-(x @ y) / (x @ x))
        sums.append(x @ x)
        squares.append(np.square(y - y.mean() + slopes[-1] * x).sum())
        freedom += len(x) - 2
    error = sum(squares) / freedom * np.mean(1 / np.array(sums))
    spread = np.sqrt(max(np.var(slopes, ddof=1) - error, 0.0))
    return (max(float(np.mean(slopes)), 0.0), float(spread)), float(times[0])


def drifting(reads: Reads) -> Floats:
    """Return the conductances (cells, times) of cells whose drift exceeds their noise."""
    times, g = reads.points, reads.mean_us
    if len(times) < 3 or not times[0] > 0:
        raise InsituError(
            f"{reads.path}: a drift series takes 3 times or more, in seconds since the last pulse and above 0; "
            f"got {len(times)} from {times[0]:g} s"
        )
    typical = np.nanmean(g, 1)
    fine = (np.isfinite(g).sum(1) >= 3) & (np.nanmin(g, 1) > 0) & (typical >= HELD * typical.max())
    if fine.sum() < 2:
        raise InsituError(
            f"{reads.path}: {fine.sum()} cells have 3 reads above 0 and a mean of a fifth of the largest; 2 are needed"
        )
    out: Floats = g[fine]
    return out


def programming_table(reads: Reads, noise: Pair) -> Table:
    """Return targets, mean error and spread from cell to cell (µS) of program-and-verify."""
    g = reads.mean_us
    if (np.isfinite(g).sum(0) < 2).any():
        raise InsituError(f"{reads.path}: every target needs 2 cells or more; round targets to a few levels")
    mean = np.nanmean(g, 0)
    counts = np.nanmean(1 / np.where(reads.count > 0, reads.count, np.nan), 0)
    variance = np.nanvar(g, 0, ddof=1) - np.square(noise[0] + noise[1] * mean) * counts
    spread = np.sqrt(np.maximum(variance, 0))
    return _tuple(reads.points), _tuple(mean - reads.points), _tuple(spread)


def _line(x: Floats, y: Floats, weight: Floats) -> Pair:
    columns = np.stack([np.ones_like(x), x], 1) * weight[:, None]
    constant, slope = np.linalg.lstsq(columns, y * weight)[0].tolist()
    return constant, slope


def _tuple(values: Floats) -> tuple[float, ...]:
    return tuple(values.tolist())
