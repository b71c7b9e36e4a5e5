"""What a substrate may be given: sizes, rows, weights, column numbers; refused with what was given and is allowed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from insitu.core import InsituError
from insitu.devices import MOST_PULSES


def checked_size(inputs: int, outputs: int) -> None:
    """Raise ``InsituError`` unless a matrix (or what is appended to it) has rows and no negative number of columns."""
    if inputs < 1 or outputs < 0:
        raise InsituError(f"a matrix has at least 1 input and 0 outputs; got {inputs} and {outputs}")


def check_array(pairs: int, copies: int, tile: int, bits: tuple[int, int]) -> None:
    """Raise ``InsituError`` unless sizes of a crossbar and ``bits`` of its input and output converters can be."""
    for name, given in zip(("input_bits", "adc_bits"), bits, strict=True):
        if given and not 2 <= given <= 16:
            raise InsituError(f"{name} is 0 (exact) or 2..16; got {given}")
    if pairs < 1 or tile < 1:
        raise InsituError(f"pairs and tile are at least 1; got {pairs} and {tile}")
    if not 1 <= copies <= tile:
        raise InsituError(f"copies are 1 to the {tile} rows of a tile; got {copies}")


def checked_rows(x: Tensor, inputs: int) -> None:
    """Raise ``InsituError`` unless x is (batch, inputs) of at least one row."""
    if x.ndim != 2 or x.shape[1] != inputs or not len(x):
        raise InsituError(f"x is (batch, {inputs}) with at least one row; got {tuple(x.shape)}")


def checked_weights(weights: Tensor, inputs: int, columns: int) -> NDArray[np.float32]:
    """Return ``weights`` as a float32 array (inputs, columns); ``InsituError`` for another shape or NaN."""
    if tuple(weights.shape) != (inputs, columns):
        raise InsituError(f"{columns} columns of this matrix take ({inputs}, {columns}); got {tuple(weights.shape)}")
    return finite_weights(weights)


def finite_weights(weights: Tensor) -> NDArray[np.float32]:
    """Return ``weights`` of any shape as a float32 array; ``InsituError`` for NaN and infinity."""
    given: NDArray[np.float32] = weights.detach().float().contiguous().numpy()
    if not np.isfinite(given).all():
        raise InsituError("what is written must be finite; it holds NaN or infinity")
    return given


def whole_pulses(amounts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return amounts rounded to whole pulses; raise ``InsituError`` for more than a cell takes at once."""
    most = float(np.abs(amounts).max(initial=0))
    if most > MOST_PULSES:
        raise InsituError(f"one cell takes at most {MOST_PULSES} SET pulses at once; got {most:g}; scale them down")
    rounded: NDArray[np.float32] = np.rint(amounts)
    return rounded


def column_numbers(columns: Sequence[int], outputs: int) -> list[int]:
    """Return ``columns`` as integers; raise ``InsituError`` unless they are different numbers in 0..outputs-1."""
    given = [int(column) for column in columns]
    if (given and not 0 <= min(given) <= max(given) < outputs) or len(set(given)) != len(given):
        raise InsituError(f"columns are different numbers in 0..{outputs - 1}; got {given}")
    return given
