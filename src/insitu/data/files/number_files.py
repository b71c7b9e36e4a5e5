"""Numbers in files of a user's own: rows of a CSV or NPY file, checked to be finite."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError, read_text

LARGEST = 2**28  # bytes of a file
EXPECTED = (
    "a row is numbers with decimal points, separated by commas, semicolons or tabs, below names of columns if any"
)


def read(file: Path) -> NDArray[np.float64]:
    """Return the numbers of a CSV or NPY file as rows (n, columns); a first line of CSV in words is left out.

    Raises ``InsituError``, without the name of the file, where it holds anything else.
    """
    try:
        if file.stat().st_size > LARGEST:
            raise InsituError(f"it is larger than {LARGEST >> 20} MiB; split it")
        found = _npy(file.read_bytes()) if file.suffix.lower() == ".npy" else _csv(read_text(file))
    except OSError as error:
        raise InsituError(f"it cannot be read ({error.strerror}); check the path") from error
    except UnicodeDecodeError as error:
        raise InsituError("it is no file of numbers, CSV in UTF-8 or NPY; convert it") from error
    if found.ndim not in (1, 2) or found.dtype.kind not in "fiub" or not found.size:
        raise InsituError(
            f"it holds {found.dtype} of shape {found.shape}, not rows of numbers; save it as (n, columns)"
        )
    rows = np.atleast_2d(found).astype(np.float64)
    if odd := np.flatnonzero(~np.isfinite(rows).all(1)).tolist():
        raise InsituError(f"row {odd[0] + 1} holds NaN or infinity; remove it")
    return rows


def _npy(data: bytes) -> NDArray[np.generic]:
    try:
        return np.asarray(np.load(io.BytesIO(data), allow_pickle=False))
    except (ValueError, EOFError, OSError) as error:
        raise InsituError(
            f"it is no array of NumPy ({' '.join(str(error).split())[:100]}); save it by np.save"
        ) from error


def _csv(text: str) -> NDArray[np.float64]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    lines = [(number, row) for number, row in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter), 1) if row]
    if lines and not _numbers(lines[0][1]) and any(c.isalpha() for cell in lines[0][1] for c in cell):
        lines = lines[1:]
    if not lines:
        raise InsituError(f"it holds no row of numbers; {EXPECTED}")
    rows: list[list[float]] = []
    for number, cells in lines:
        row = _numbers(cells)
        if row is None:
            raise InsituError(f"line {number} holds {','.join(cells)[:40]!r}, not numbers; {EXPECTED}")
        if rows and len(row) != len(rows[0]):
            raise InsituError(f"line {number} has {len(row)} numbers, and those before it {len(rows[0])}; complete it")
        rows.append(row)
    return np.array(rows, np.float64)


def _numbers(cells: list[str]) -> list[float] | None:
    try:
        return [float(cell) for cell in cells]
    except ValueError:
        return None
