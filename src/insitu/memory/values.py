"""Values that NumPy would silently convert to other numbers: dates, masked entries, integers beyond 2^53."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from insitu.core import InsituError

EXACT = 2**53  # float64 represents every integer up to this one
TIMES = (np.datetime64, np.timedelta64, date, timedelta)


def unwrap(given: Any, name: str) -> Any:
    """Return ``given`` without wrappers that NumPy ignores: a tensor's gradient, a mask with no masked entry.

    Raises ``InsituError`` where entries are masked.
    """
    if isinstance(given, torch.Tensor):
        return given.detach().cpu()
    if isinstance(given, list | tuple):
        if any(isinstance(each, torch.Tensor | np.ma.MaskedArray) for each in given):
            return [unwrap(each, name) for each in given]
    elif isinstance(given, np.ma.MaskedArray):
        if np.ma.getmaskarray(given).any():
            raise InsituError(f"{name} has masked entries; fill them in, or drop those rows")
        return given.data
    return given


def check_numbers(x: Any) -> None:
    """Raise ``InsituError`` where X has dates, durations, or integers that float64 cannot represent."""
    for part in _parts(x):
        if part.dtype.kind in "mM":
            raise InsituError(f"X is numeric; got {part.dtype}; subtract a date and divide by a unit, such as 1 s")
        if part.dtype.kind == "O":
            _check_objects(part)
        elif part.dtype.kind in "iu" and part.dtype.itemsize == 8:
            _check_integers(part[(part > EXACT) | (part < -EXACT)].tolist())


def _parts(x: Any) -> Iterator[NDArray[Any]]:
    """Yield X as an array, or column by column where it is a table, whose column types may differ."""
    if hasattr(x, "iloc") and np.ndim(x) == 2:
        yield from (np.asarray(x.iloc[:, place]) for place in range(x.shape[1]))
    else:
        yield np.asarray(x)


def _check_objects(part: NDArray[Any]) -> None:
    values = part.ravel().tolist()
    if times := [value for value in values if isinstance(value, TIMES)]:
        raise InsituError(
            f"X is numeric; got {type(times[0]).__name__}; subtract a date and divide by a unit, such as 1 s"
        )
    _check_integers([int(value) for value in values if isinstance(value, int | np.integer)])


def _check_integers(values: list[int]) -> None:
    for value in values:
        if abs(value) > EXACT and (value.bit_length() > 1023 or int(float(value)) != value):
            size = f"{value}" if value.bit_length() < 100 else f"one of {value.bit_length()} bits"
            raise InsituError(
                f"integers in X are stored as float64, which cannot represent {size}; subtract a common number first"
            )
