"""A layer of 1-bit weights with all that follows it: batch norm, shortcut, RPReLU and the signs for the next layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insitu.core import InsituError
from insitu.kernels import binary_loops
from insitu.kernels.binary import binary_conv2d_reference, pack_reference
from insitu.kernels.packed_weights import LANES, WORD, Prepared, Words, layer
from insitu.kernels.threading import run_parallel

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Epilogue:
    """What follows the sums of a layer, per output channel; every array is (out,), float32.

        y = scale * max(sum, 0 if rectify else -inf) + shift  (+ residual)
        y = (y - knee) if y > knee else slope * (y - knee);  y = y + lift
        bit = y >= threshold

    The second line is RPReLU (Liu et al., ReActNet, ECCV 2020), left out by default.
    """

    rows: Floats  # (7, out rounded up to 32): floor, scale, shift, knee, slope, lift, threshold
    out: int


def epilogue(
    scale: ArrayLike,
    shift: ArrayLike,
    knee: ArrayLike | None = None,
    slope: ArrayLike | None = None,
    lift: ArrayLike | None = None,
    threshold: ArrayLike | None = None,
    rectify: bool = False,
) -> Epilogue:
    """Build what follows the sums, from arrays (out,); what is not given changes nothing, and the threshold is 0."""
    first = np.asarray(scale, np.float32)
    given = {"scale": scale, "shift": shift, "knee": knee, "slope": slope, "lift": lift, "threshold": threshold}
    defaults = {"knee": 0.0, "slope": 1.0, "lift": 0.0, "threshold": 0.0}
    if first.ndim != 1 or not first.size:
        raise InsituError(f"scale has shape {first.shape}; give one number per output channel, shape (out,)")
    rows = np.zeros((7, -(-first.size // LANES) * LANES), np.float32)
    rows[0] = 0.0 if rectify else -np.inf
    for row, (name, values) in enumerate(given.items(), start=1):
        entries = np.asarray(defaults[name] if values is None else values, np.float32)
        if values is not None and entries.shape != first.shape:
            raise InsituError(f"{name} has shape {entries.shape}; give one number per channel, {first.shape} as scale")
        rows[row, : first.size] = entries
    return Epilogue(rows, first.size)


def binary_block(
    x: Words,
    weight: Words | Prepared,
    channels: int,
    after: Epilogue,
    residual: Floats | None = None,
    stride: int = 1,
    padding: int = 0,
    out: Floats | None = None,
) -> tuple[Floats, Words]:
    """Return the convolution followed by ``after``: the map (n, h', w', out) float32 and its bits, packed.

    ``residual`` (n, h', w', out) is added. ``out`` takes the map and may be the residual itself, so that memory is
    touched once; without it a new array is made. Raises InsituError as ``binary_conv2d`` does.
    """
    x, prepared, shape = layer(x, weight, channels, stride, padding)
    residual, out = _maps(after, shape, residual, out)
    fast = binary_loops()
    if fast is None:
        made, bits = binary_block_reference(x, prepared, channels, after, residual, stride, padding)
        out[:] = made
        return out, bits
    bits = np.zeros((*shape[:3], -(-shape[3] // WORD)), np.uint64)
    added = out if residual is None else residual
    layout = stride, padding, channels
    given = x, prepared.tiles, layout, after.rows, added, residual is not None, out, bits.view(np.uint32)
    run_parallel(fast.block_rows, fast.block_all, given, prepared.rows(shape), prepared.work(shape))
    return out, bits


def binary_block_reference(
    x: Words,
    weight: Words | Prepared,
    channels: int,
    after: Epilogue,
    residual: Floats | None = None,
    stride: int = 1,
    padding: int = 0,
) -> tuple[Floats, Words]:
    """Do the same in plain NumPy."""
    sums = binary_conv2d_reference(x, weight, channels, stride, padding)
    floor, scale, shift, knee, slope, lift, threshold = after.rows[:, : after.out]
    y: Floats = np.maximum(sums.astype(np.float32), floor) * scale + shift
    if residual is not None:
        y = y + residual
    y = y - knee
    y = np.where(y > 0, y, y * slope) + lift
    return y, pack_reference(y, threshold)


def _maps(
    after: Epilogue, shape: tuple[int, ...], residual: Floats | None, out: Floats | None
) -> tuple[Floats | None, Floats]:
    if after.out != shape[3]:
        raise InsituError(f"an epilogue of {after.out} channels for a layer of {shape[3]}; give one of as many")
    for what, given in (("residual", residual), ("out", out)):
        if given is not None and (given.shape != shape or given.dtype != np.float32):
            raise InsituError(f"{what} is {given.dtype} of shape {given.shape}; give float32 of shape {shape}")
    if out is not None and not out.flags.c_contiguous:
        raise InsituError("out is not contiguous; give an array made in one piece")
    contiguous = None if residual is None else np.ascontiguousarray(residual)
    return contiguous, np.empty(shape, np.float32) if out is None else out
