"""A movement of your own, from a CSV file: where the hand is, or the angles of the joints, one row per step.

The first row names the columns: ``x,y,z`` in metres, ``q1,q2`` in radians, or ``q1_deg,q2_deg`` in degrees, in any
order. Every further row is one step of .01 s; the movement starts from rest, where both angles are 0, one step before
the first of them. Rows are counted from 1 with the names, as spreadsheets do.
"""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError, read_text
from insitu.scenarios.robot_arm import kinematics

COLUMNS = (("x", "y", "z"), ("q1", "q2"), ("q1_deg", "q2_deg"))
TOLERANCE_M = 0.001  # coordinates rounded to millimetres stay within it
FIRST = 2  # row of the first step
JOINTS = ("base", "shoulder")


def read(path: Path, steps: int, resample: bool = False) -> NDArray[np.float32]:
    """Return the velocities (steps, 2) in rad/s of the movement in ``path``.

    With ``resample``, a file of another length is brought to ``steps`` along straight lines between angles, so that
    the movement takes ``steps`` x .01 s. Raises ``InsituError`` where the file is not such a table, or holds a point
    outside the workspace or a movement faster than the joints.
    """
    names, values = _table(Path(path))
    if len(values) < 2:
        raise InsituError(f"{path} has {len(values)} row{'s' * (len(values) != 1)}; a movement has at least 2")
    if len(values) != steps and not resample:
        raise InsituError(
            f"{path} has {len(values)} rows, but a movement has {steps} steps; give as many, or set resample"
        )
    angles = _angles(path, names, values)
    course = np.concatenate([np.zeros((1, 2)), angles])
    times = np.linspace(0, len(angles), steps + 1)
    if len(angles) != steps:
        course = np.stack([np.interp(times, np.arange(len(course)), joint) for joint in course.T], 1)
    omega = np.diff(course, axis=0) / kinematics.STEP_S
    # tolerates values at the limit that were rounded when the file was written
    if (fast := abs(omega) > kinematics.FASTEST * (1 + 1e-3)).any():
        step, joint = (int(k) for k in np.argwhere(fast)[0])
        row = FIRST - 1 + math.ceil(times[step + 1])
        start = "; movements start from rest, where both angles are 0" if row == FIRST else ""
        raise InsituError(
            f"{path}, row {row}: the {JOINTS[joint]} would turn at {abs(omega[step, joint]):.2f} rad/s, which is at "
            f"most {kinematics.FASTEST:.2f}{start}; slow the movement down"
        )
    return np.clip(omega, -kinematics.FASTEST, kinematics.FASTEST).astype(np.float32)


def _angles(path: Path, names: tuple[str, ...], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the angles (rows, 2) in radians, all within reach."""
    if names == COLUMNS[0]:
        angles, off = kinematics.inverse(values)
        if (outside := off > TOLERANCE_M).any():
            row = int(outside.argmax())
            raise InsituError(
                f"{path}, row {row + FIRST}: {tuple(float(f'{v:.4g}') for v in values[row])} is outside the workspace, "
                f"{off[row]:.3f} m from where the hand gets in that direction; two joints move it over a surface: give "
                "metres on it, or angles"
            )
        return np.asarray(angles, np.float64)
    angles = values if names == COLUMNS[1] else np.radians(values)
    if (outside := abs(angles) > np.array(kinematics.LIMITS) + 1e-6).any():
        row, joint = (int(k) for k in np.argwhere(outside)[0])
        unit = "; q1 and q2 are radians, q1_deg and q2_deg degrees" if names == COLUMNS[1] else ""
        raise InsituError(
            f"{path}, row {row + FIRST}: the {JOINTS[joint]} at {math.degrees(angles[row, joint]):.1f}° is outside the "
            f"workspace; it turns ±{math.degrees(kinematics.LIMITS[joint]):.0f}°{unit}"
        )
    return np.asarray(kinematics.clipped(angles), np.float64)


def _table(path: Path) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Return the names of the columns and their values (rows, columns), in the order of ``COLUMNS``."""
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(read_text(path), newline=""))]
    except OSError as error:
        raise InsituError(f"{path} cannot be read: {error.strerror}; give a CSV file of a movement") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InsituError(f"{path} is not a CSV file ({error}); save it as text, UTF-8, with commas") from error
    while rows and not any(rows[-1]):
        rows.pop()
    header = [name.lower() for name in rows[0]] if rows else []
    names = next((names for names in COLUMNS if sorted(names) == sorted(header)), None)
    if names is None:
        allowed = " or ".join(",".join(columns) for columns in COLUMNS)
        raise InsituError(
            f"{path}: the first row names the columns, {allowed}; got {','.join(header)[:60] or 'nothing'}"
        )
    values = [_numbers(path, number, row, header) for number, row in enumerate(rows[1:], FIRST)]
    order = [header.index(name) for name in names]
    return names, np.array(values, np.float64).reshape(-1, len(names))[:, order]


def _numbers(path: Path, number: int, row: list[str], header: list[str]) -> list[float]:
    if len(row) != len(header) or not all(row):
        filled = sum(map(bool, row))
        raise InsituError(
            f"{path}, row {number}: {filled} of {len(header)} numbers; fill the gap, or remove the row"
            if filled <= len(header)
            else f"{path}, row {number}: {filled} numbers for {len(header)} columns; decimals have points, not commas"
        )
    values = []
    for name, cell in zip(header, row, strict=True):
        try:
            value = float(cell)
        except ValueError:
            raise InsituError(f"{path}, row {number}: {name} is {cell[:30]!r}, not a number; correct it") from None
        if not math.isfinite(value):
            raise InsituError(f"{path}, row {number}: {name} is {cell}; every step has finite numbers: correct it")
        values.append(value)
    return values
