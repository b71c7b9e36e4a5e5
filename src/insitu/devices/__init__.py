"""Physics of one memory cell, one published model per file. Only this room and the crossbar speak of microsiemens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.kernels.elementary import exp, log

if TYPE_CHECKING:
    from insitu.devices.accumulation import Steps

Array = NDArray[np.float32]
MOST_PULSES = 100_000  # for one cell at once; models are fitted to some tens, after which a cell is full
OVERSHOOT = 2.0  # times full scale: what no cell exceeds, whether programmed or pulsed
OLDEST_S = 1e30  # a cell reads no older: far beyond any use, and what is computed of it fits into float32


@dataclass(frozen=True)
class Cells:
    """State of an array of cells; every field is float32 of one shape, except times, which are float64.

    A cell that is pulsed or programmed gets a new ``programmed_s`` of its own: cells written on different days have
    different ages.
    """

    conductance_us: Array  # as it stands one reference time after programming, before drift
    drift: Array  # drawn once per cell for the device's law of time: exponent nu of a power law, or a standard normal
    programmed_s: NDArray[np.float64]  # time of the last pulse or programming
    history: Array  # what the model remembers of earlier pulses, or of its target; 0 where it remembers nothing

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array of cells."""
        return self.conductance_us.shape

    def take(self, index: object) -> Cells:
        """Return the cells at a NumPy index."""
        return Cells(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def put(self, index: object, cells: Cells) -> Cells:
        """Return a copy in which the cells at a NumPy index are replaced by ``cells``."""
        parts = {}
        for f in fields(self):
            parts[f.name] = getattr(self, f.name).copy()
            parts[f.name][index] = getattr(cells, f.name)
        return Cells(**parts)

    @staticmethod
    def join(parts: list[Cells], axis: int) -> Cells:
        """Return the cells of ``parts`` side by side along ``axis``."""
        return Cells(**{f.name: np.concatenate([getattr(p, f.name) for p in parts], axis) for f in fields(Cells)})


@dataclass(frozen=True)
class Device(ABC):
    """One published model of a memory cell: an immutable record of its constants. Conductances in µS, times in s."""

    # whether a cell moves up or down with time, by the standard normal in ``Cells.drift``; others fall by a power law
    relaxes: ClassVar[bool] = False

    @property
    @abstractmethod
    def full_scale_us(self) -> float:
        """Largest conductance that programming aims at."""

    @abstractmethod
    def reset(self, shape: tuple[int, ...], now_s: float, rng: np.random.Generator) -> Cells:
        """Return cells of ``shape`` just after RESET (melted and quenched)."""

    @abstractmethod
    def program(self, target_us: Array, now_s: float, rng: np.random.Generator) -> Cells:
        """Return cells programmed iteratively towards ``target_us``, with the model's programming error."""

    @abstractmethod
    def read(self, cells: Cells, now_s: float) -> tuple[Array, Array]:
        """Return mean and standard deviation (µS) of one read of every cell at ``now_s``; the cells do not change."""

    def pulse(self, cells: Cells, pulses: NDArray[np.integer], now_s: float, rng: np.random.Generator) -> Cells:
        """Return the cells after ``pulses`` partial-SET pulses each (same shape, >= 0); a cell with none is untouched.

        Raises ``InsituError`` for models that describe iterative programming only.
        """
        raise InsituError(
            f"{type(self).__name__} has no model of single SET pulses; write by programming, "
            "or use a device that crystallises step by step (pcm_nandakumar2018, ideal)"
        )

    @property
    def steps(self) -> Steps | None:
        """Constants of a SET pulse's step, where a cell just pulsed reads as its conductance; None if unknown."""
        return None

    @property
    def crystallises(self) -> bool:
        """Whether the model describes single SET pulses, which superposing in place needs."""
        return type(self).pulse is not Device.pulse


def check_now(cells: Cells, now_s: float) -> None:
    """Raise ``InsituError`` where a read or pulse would come before the cell was written, or at no time at all."""
    latest = float(cells.programmed_s.max(initial=-np.inf))
    if not now_s >= latest:  # so that NaN is caught too
        raise InsituError(f"time runs forward: read at {now_s} s, but a cell was written at {latest} s")


def checked_targets(target_us: object, full_scale_us: float) -> Array:
    """Return ``target_us`` as a float32 array; raise ``InsituError`` unless every entry is within 0..full scale."""
    allowed = f"targets are an array of conductances within 0..{full_scale_us:g} µS, one per cell"
    try:
        target = np.asarray(target_us)
    except ValueError as error:  # rows of unequal length
        raise InsituError(f"{allowed}; got rows of unequal length; give a rectangular array") from error
    if target.dtype.kind not in "fiu" or not target.ndim:
        raise InsituError(f"{allowed}; got {target.dtype} of shape {target.shape}; give a float32 array")
    # a target scaled in float32 may pass full scale by a rounding; such a one is full scale
    bad = ~((target >= 0) & (target <= full_scale_us * (1 + 1e-6)))
    if bad.any():
        raise InsituError(f"{allowed}; got {target[bad][0]} ({bad.sum()} bad of {bad.size}); scale or clip them first")
    return np.asarray(np.minimum(target, full_scale_us), np.float32)


def checked_pulses(pulses: object, shape: tuple[int, ...]) -> NDArray[np.integer]:
    """Return ``pulses`` as integers; raise ``InsituError`` unless they are whole numbers >= 0 of this shape."""
    given = np.asarray(pulses)
    if given.shape != shape or given.dtype.kind not in "fiu":
        raise InsituError(f"pulses are counts >= 0 of shape {shape}; got {given.dtype} of shape {given.shape}")
    if given.dtype.kind != "f" and given.size and given.min() >= 0 and given.max() <= MOST_PULSES:
        return given
    bad = ~((given >= 0) & (given <= MOST_PULSES) & (given == np.floor(given)))
    if bad.any():
        raise InsituError(
            f"pulses are whole numbers 0..{MOST_PULSES}, one per cell; got {given[bad][0]}; round or clip them first"
        )
    return given.astype(np.int64)


def drifted(cells: Cells, now_s: float, t0_s: float) -> tuple[Array, Array]:
    """Return conductances under G (age / t0)^-nu, and the ages (s); a cell younger than ``t0_s`` counts as that old."""
    age_s = ages_s(cells, now_s, t0_s)
    if age_s.max(initial=0) <= t0_s:  # the power of 1 is 1
        return cells.conductance_us, age_s
    return cells.conductance_us * exp(-cells.drift * log(age_s / np.float32(t0_s))), age_s


def ages_s(cells: Cells, now_s: float, youngest_s: float) -> Array:
    """Return the ages of cells at ``now_s`` (s), none below ``youngest_s``."""
    check_now(cells, now_s)
    now_s = min(now_s, OLDEST_S)
    if now_s - cells.programmed_s.min(initial=np.inf) <= youngest_s:  # often, and a fraction of the time
        return np.full(cells.shape, youngest_s, np.float32)
    # only the difference of times needs float64; a power in float32 is several times as fast
    return np.maximum(now_s - cells.programmed_s, youngest_s).astype(np.float32)


def polynomial(r: Array, coefficients: tuple[float, ...]) -> Array:
    """Return the polynomial in r with coefficients of 1, r, r^2 ..., in float32; NumPy's ``polyval`` takes float64."""
    out: Array = np.full_like(r, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        out *= r
        out += np.float32(coefficient)
    return out


def uniform_cells(conductance_us: Array, drift: Array | float, now_s: float, history: Array | float = 0.0) -> Cells:
    """Return cells with these conductances (µS) and drift exponents, all written at ``now_s``."""
    return Cells(
        conductance_us=conductance_us.astype(np.float32, copy=False),
        drift=np.full(conductance_us.shape, drift, np.float32),
        programmed_s=np.full(conductance_us.shape, now_s, np.float64),
        history=np.full(conductance_us.shape, history, np.float32),
    )
