"""Measured conductances as a table: read from CSV files, checked, and averaged over repeated reads of a cell."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError, read_text

Floats = NDArray[np.float64]
HEADINGS = {"pulse_number": "pulse", "conductance_µs": "conductance_us", "time": "time_s"}  # also understood
SMALLEST_US, LARGEST_US = 1e-2, 1e4  # of the largest conductance: beyond, the unit is probably another


@dataclass(frozen=True, eq=False)
class Reads:
    """Conductances of cells at points (pulse numbers, times or targets), averaged over repeated reads."""

    path: Path
    points: Floats  # (points,) rising
    mean_us: Floats  # (cells, points); NaN where a cell was not read at a point
    count: NDArray[np.int64]  # (cells, points) reads that were averaged
    variance_us2: Floats  # (cells, points) between repeated reads; NaN where there are fewer than two

    @property
    def cells(self) -> int:
        """Number of cells."""
        return len(self.mean_us)


def read_csv(path: Path, point: str) -> Reads:
    """Return the reads of a CSV file with columns cell, ``point`` and conductance_us; rows alike are repeated reads.

    Raises ``InsituError``, in one line that names the file, for whatever cannot be used.
    """
    cells, points, us = _columns(path, ("cell", point, "conductance_us"))
    at, values = _numbers(path, point, points), _numbers(path, "conductance_us", us)
    largest = float(np.abs(values).max())
    if not SMALLEST_US <= largest <= LARGEST_US:
        raise InsituError(
            f"{path}: the largest conductance is {largest:g}, which is hardly in µS; "
            f"give microsiemens (1 S is 1e6 µS, 1 nS is 0.001 µS)"
        )
    if (at < 0).any() or (point == "pulse" and (at != np.floor(at)).any()):
        kind = "whole numbers from 0, the state after RESET" if point == "pulse" else "numbers of at least 0"
        raise InsituError(f"{path}: {point} is {at[(at < 0) | (at != np.floor(at))][0]:g}; they are {kind}")
    names, which = np.unique(np.array(cells), return_inverse=True)
    if len(names) < 2:
        raise InsituError(f"{path}: a spread from cell to cell takes 2 cells or more (some 50 to know it); got 1")
    if point != "target_us":
        _check_order(path, point, which, at, names)
    return _averaged(path, which, at, values)


def _columns(path: Path, wanted: tuple[str, str, str]) -> tuple[list[str], list[str], list[str]]:
    try:
        lines = [line for line in read_text(path).splitlines() if line.strip()]
    except ValueError as error:
        raise InsituError(f"{path} is not a text file in UTF-8; export the table as CSV") from error
    if len(lines) < 2:
        raise InsituError(f"{path} has no rows; give a header ({','.join(wanted)}) and one row per read")
    mark = max(",;\t", key=lines[0].count)
    header = [name.strip().strip('"').lower().replace(" ", "_").replace("μ", "µ") for name in lines[0].split(mark)]
    header = [HEADINGS.get(name, name) for name in header]
    if missing := [name for name in wanted if name not in header]:
        columns = f"columns {', '.join(missing[:-1])} and " if len(missing) > 1 else "column "
        raise InsituError(f"{path} lacks the {columns}{missing[-1]}; its header is {', '.join(header)}")
    rows = list(csv.reader(lines[1:], delimiter=mark))
    short = next((number for number, row in enumerate(rows, 2) if len(row) != len(header)), None)
    if short:
        raise InsituError(f"{path}, row {short}: {len(rows[short - 2])} values under {len(header)} headings")
    first, second, third = ([row[header.index(name)].strip() for row in rows] for name in wanted)
    return first, second, third


def _numbers(path: Path, column: str, words: list[str]) -> Floats:
    out = np.empty(len(words))
    for i, word in enumerate(words):
        try:
            out[i] = float(word)
        except ValueError:
            out[i] = np.nan
        if not np.isfinite(out[i]):
            remedy = "write decimals with a point" if "," in word else "give a number, or leave the row out"
            raise InsituError(f"{path}, row {i + 2}: {column} is {word or 'empty'}; {remedy}")
    return out


def _check_order(path: Path, point: str, which: NDArray[np.intp], at: Floats, names: NDArray[np.str_]) -> None:
    for number, name in enumerate(names):
        mine = at[which == number]
        if (np.diff(mine) < 0).any():
            fall = int(np.flatnonzero(np.diff(mine) < 0)[0])
            raise InsituError(
                f"{path}: {point} of cell {name} goes from {mine[fall]:g} back to {mine[fall + 1]:g}; "
                "number from RESET on, and give each sequence after a RESET a cell of its own"
            )


def _averaged(path: Path, which: NDArray[np.intp], at: Floats, values: Floats) -> Reads:
    points, place = np.unique(at, return_inverse=True)
    shape = (int(which.max()) + 1, len(points))
    flat = which * shape[1] + place
    count = np.bincount(flat, minlength=shape[0] * shape[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(flat, values, shape[0] * shape[1]) / count
        squares = np.bincount(flat, np.square(values - mean[flat]), shape[0] * shape[1])
        variance = np.where(count > 1, squares / (count - 1), np.nan)
    return Reads(path, points, mean.reshape(shape), count.reshape(shape), variance.reshape(shape))
