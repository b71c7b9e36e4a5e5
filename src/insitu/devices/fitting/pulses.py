"""Fit of a ``MeasuredDevice`` to measured pulses, and, where given, to drift, repeated reads and program-and-verify.

The steps of SET pulses are fitted by simulated moments: mean and spread of the conductance at every measured pulse
number, and mean and spread of the increments between these, of the cells below and above that mean, each
weighted by its standard error. The simulation has the clips of the model and the noise of reading in it, so that
neither biases the constants.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError, generator
from insitu.devices import OVERSHOOT
from insitu.devices.fitting.measurements import Floats, Reads
from insitu.devices.fitting.reads import DRIFT_S, Table, drift_exponents, programming_table, read_noise
from insitu.devices.measured import MeasuredDevice

SIMULATED = 2000  # cells, fewer for many pulses; the same draws for all trial constants, so that the fit is smooth
MOST_STEPS = 200_000  # of one simulation
FEWEST_POINTS = 5  # pulse numbers, RESET among them
LARGEST_RESET = 0.1  # share of full scale
HISTORIES = (2.0, 10.0)  # pulses, from which the fit starts


@dataclass(frozen=True, eq=False)
class Moments:
    """What is known of the conductances at measured pulse numbers, µS; noise of reading included."""

    mean: Floats  # (points,)
    spread: Floats  # from cell to cell
    step_mean: Floats  # (points - 1, 2) increments to the next point, of the cells below and above the mean
    step_spread: Floats


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted device, the data it was fitted to, and what stands for data that were not given."""

    device: MeasuredDevice
    pulses: Reads
    drift: Reads | None
    programmed: Reads | None
    simulated_us: Floats  # (cells, points) the device's conductances at the points of ``pulses``
    assumed: tuple[str, ...]  # one phrase for each

    @property
    def series(self) -> list[Reads]:
        """All data that were given."""
        return [each for each in (self.pulses, self.drift, self.programmed) if each is not None]


def fit(pulses: Reads, drift: Reads | None = None, programmed: Reads | None = None) -> Fit:
    """Return the device that describes the data; raise ``InsituError`` where they describe none."""
    _check_points(pulses)
    measured = moments(pulses.mean_us)
    _check(pulses, measured)
    given = read_noise([each for each in (pulses, drift, programmed) if each is not None])
    noise = given or (0.0, 0.0)
    exponents, t0_s = ((0.0, 0.0), DRIFT_S) if drift is None else drift_exponents(drift)
    table: Table = ((), (), ()) if programmed is None else programming_table(programmed, noise)
    absent = {
        "read noise 0, as no read is repeated; the spreads include it": given is None,
        "drift exponent 0, as there is no series in time": drift is None,
        "programming gives pulses until a cell reaches its target, as program-and-verify is not in the data": not table[
            0
        ],
        "RESET leaves 0 µS without spread, as there are no reads at pulse 0": pulses.points[0] > 0,
    }
    full = _short(max(float(measured.mean.max()), *table[0], 0.0))
    start = MeasuredDevice(
        full_us=full,
        ceiling_us=min(max(_short(float(np.nanmax(pulses.mean_us))), full), OVERSHOOT * full),
        reset_us=_reset(measured, pulses, noise),
        step_mean_us=(0.0, 0.0, 0.0),
        step_std_us=(0.0, 0.0, 0.0),
        history_pulses=1.0,
        drift=exponents,
        drift_t0_s=t0_s,
        read_us=noise,
        targets_us=table[0],
        error_us=table[1],
        spread_us=table[2],
    )
    device = _rounded(_fitted_steps(start, pulses, measured))
    assumed = tuple(phrase for phrase, lacks in absent.items() if lacks)
    return Fit(device, pulses, drift, programmed, simulated(device, pulses), assumed)


def moments(g: Floats) -> Moments:
    """Return the moments of conductances (cells, points), NaN where a cell was not read."""
    halves = []
    for now, later in zip(g.T[:-1], g.T[1:], strict=True):
        both = np.isfinite(now + later)
        now, step = now[both], (later - now)[both]
        low = now < now.mean()
        if not 2 <= low.sum() <= len(low) - 2:  # cells that do not differ
            low = np.arange(len(low)) % 2 == 0
        halves.append([(half.mean(), half.std()) for half in (step[low], step[~low])])
    steps = np.array(halves)
    return Moments(np.nanmean(g, 0), np.nanstd(g, 0, ddof=1), steps[..., 0], steps[..., 1])


def simulated(device: MeasuredDevice, reads: Reads) -> Floats:
    """Return conductances (cells, points) of simulated cells, read at the points of ``reads`` and as often."""
    steps, (mean, spread), averaging = device.steps, device.reset_us, _averaging(reads)
    pulses = int(reads.points[-1])
    cells = min(max(MOST_STEPS // pulses, SIMULATED // 5), SIMULATED)
    of_steps, of_reads = _draws("steps", pulses + 1, cells), _draws("reads", len(averaging), cells)
    g = np.clip(mean + spread * of_steps[0], 0, device.ceiling_us).astype(np.float32)
    history, given, seen = np.ones_like(g), 0, []
    for point, normals, share in zip(reads.points.astype(int).tolist(), of_reads, averaging, strict=True):
        for number in range(given + 1, point + 1):
            g, history = steps.step(g, history, of_steps[number])
        given = point
        seen.append(g + share * normals * (device.read_us[0] + device.read_us[1] * g))
    return np.array(seen, np.float64).T


@lru_cache(4)
def _draws(name: str, count: int, cells: int) -> NDArray[np.float32]:
    """Rows of normals of mean 0 and variance 1 exactly, so that the simulation adds no error of its own to either."""
    rng = generator(0, "fit", name)
    half = rng.standard_normal((count, cells // 2))
    half /= np.sqrt(np.mean(np.square(half), 1, keepdims=True))
    return rng.permuted(np.concatenate([half, -half], 1), axis=1).astype(np.float32)


def _averaging(reads: Reads) -> Floats:
    """Return by how much averaging repeated reads shrinks their noise, at every point."""
    share: Floats = np.sqrt(np.nanmean(1 / np.where(reads.count > 0, reads.count, np.nan), 0))
    return share


def _reset(measured: Moments, pulses: Reads, noise: tuple[float, float]) -> tuple[float, float]:
    if pulses.points[0] > 0:
        return 0.0, 0.0
    variance = measured.spread[0] ** 2 - ((noise[0] + noise[1] * measured.mean[0]) * _averaging(pulses)[0]) ** 2
    return max(float(measured.mean[0]), 0.0), float(np.sqrt(max(variance, 0.0)))


def _check_points(pulses: Reads) -> None:
    if len(pulses.points) < FEWEST_POINTS:
        raise InsituError(
            f"{pulses.path}: {len(pulses.points)} pulse numbers are too few for a fit; give at least {FEWEST_POINTS}, "
            "from 0, the state after RESET, on"
        )
    if (np.isfinite(np.diff(pulses.mean_us, axis=1)).sum(0) < 2).any():
        raise InsituError(
            f"{pulses.path}: at each pulse number, at least 2 cells need a read there and at the one before"
        )


def _check(pulses: Reads, measured: Moments) -> None:
    rise = measured.mean[-1] - measured.mean[0]
    if not rise > 3 * np.hypot(measured.spread[0], measured.spread[-1]) / np.sqrt(pulses.cells):
        raise InsituError(
            f"{pulses.path}: the mean goes from {measured.mean[0]:.3g} to {measured.mean[-1]:.3g} µS; "
            "SET pulses raise it; give the pulses that crystallise, from RESET on"
        )
    if pulses.points[0] == 0 and measured.mean[0] > LARGEST_RESET * measured.mean.max():
        raise InsituError(
            f"{pulses.path}: RESET leaves {measured.mean[0]:.3g} of {measured.mean.max():.3g} µS; the two cells of a "
            "weight cancel what all of them share: subtract it from every conductance"
        )


def _fitted_steps(start: MeasuredDevice, pulses: Reads, measured: Moments) -> MeasuredDevice:
    from scipy.optimize import least_squares  # here, since it takes a second to import

    cells = np.isfinite(pulses.mean_us).sum(0)
    least = 1e-3 * start.full_us  # standard errors below are taken at it, for cells that do not spread

    def errors(spread: Floats, count: Floats) -> list[Floats]:
        return [np.maximum(spread / np.sqrt(count), least), np.maximum(spread / np.sqrt(2 * count), least)]

    # half the weight for increments: cells that differ lastingly spread more in the end than their increments give
    each = [*errors(measured.spread, cells), *(2 * e for e in errors(measured.step_spread, cells[1:, None] / 2))]

    def residuals(x: Floats) -> Floats:
        model = moments(simulated(_with_steps(start, x), pulses))
        parts = zip(vars(model).values(), vars(measured).values(), each, strict=True)
        return np.concatenate([np.ravel((one - other) / error) for one, other, error in parts])

    scale = start.full_us / pulses.points[-1]
    best = None
    for history in HISTORIES:
        guess = np.array([0.0, scale, scale, 0.0, scale / 2, scale / 2, np.log(history)])
        found = least_squares(
            residuals, guess, x_scale=[0.1, scale, scale, 0.1, scale, scale, 1.0], diff_step=1e-3, max_nfev=60
        )
        best = found if best is None or found.cost < best.cost else best
    assert best is not None
    return _with_steps(start, best.x)


def _with_steps(device: MeasuredDevice, x: Floats) -> MeasuredDevice:
    m0, m1, m2, s0, s1, s2 = x[:6].tolist()
    history = float(np.exp(np.clip(x[6], np.log(0.3), np.log(1000))))
    return replace(device, step_mean_us=(m0, m1, m2), step_std_us=(s0, s1, s2), history_pulses=history)


def _rounded(device: MeasuredDevice) -> MeasuredDevice:
    """Return the device with constants of five digits, which is what its file holds."""
    constants: dict[str, Any] = {
        name: tuple(map(_short, value)) if isinstance(value, tuple) else _short(value)
        for name, value in vars(device).items()
        if name not in ("ceiling_us", "max_pulses")
    }
    return replace(device, **constants)


def _short(value: float) -> float:
    return float(f"{value:.5g}")
