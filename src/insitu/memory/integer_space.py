"""The space of a memory in integers: from input codes to a vector of fixed length, as a microcontroller computes it.

With codes c of 16 bits (input = offset + step x c, per feature), in integers only:

    z = clip((c gain - zero) >> shift)                  128 is one spread of the feature; 12 bits
    u = (W z + bias) scale >> 15                        W of 8 bits, a scale per row; sums of 32 bits are exact
    v = round(u LENGTH / |u|)                           by an integer square root and one division

``>>`` rounds halves up but for the fitting of u to 15 bits, which rounds down. Inputs more than 16 spreads away
saturate; up to that and rounding, this is the affine map of ``Space``, with codes placed by the mean and spread of its
calibration set. ``export/c/insitu.c`` computes the same.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insitu.core import InsituError
from insitu.memory.space import Space

LENGTH = 1024  # of a vector v: sums over 2048 rows of its products with sums of 16 bits fit 32 bits
MOST_ROWS, MOST_FEATURES = 2048, 8192
SPREAD = 128  # of z, at which the rounding of z adds less than a hundredth of a spread
Z_TOP, CODE_TOP, WEIGHT_TOP = 2047, 32767, 127
SCALE_BITS, GAIN_BITS, U_BITS = 15, 15, 15
LARGEST_SUM = 2**31 - 1

Codes = NDArray[np.int16]
Wide = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class IntegerSpace:
    """Constants of the map; all arithmetic of ``vectors`` is on integers."""

    offset: NDArray[np.float32]  # (features,) input of code 0
    step: NDArray[np.float32]  # (features,) input per code
    zero: NDArray[np.int32]  # (features,)
    gain: Codes  # (features,) 0 for a feature without effect
    shift: NDArray[np.uint8]  # (features,)
    weight: NDArray[np.int8]  # (rows, features)
    bias: NDArray[np.int32]  # (rows,)
    scale: Codes  # (rows,)

    @property
    def features(self) -> int:
        """Number of input codes."""
        return int(self.weight.shape[1])

    @property
    def rows(self) -> int:
        """Number of components of a vector."""
        return int(self.weight.shape[0])

    def digest(self) -> int:
        """Return a checksum of the constants that vectors depend on."""
        parts: tuple[NDArray[Any], ...] = (self.zero, self.gain, self.shift, self.weight, self.bias, self.scale)
        return zlib.crc32(b"".join(part.astype(part.dtype.newbyteorder("<")).tobytes() for part in parts))

    def codes(self, x: ArrayLike) -> Codes:
        """Return the codes (n, features) of inputs x (n, features), saturated at 16 bits; raise for NaN."""
        given = np.asarray(x, np.float32)
        if given.ndim != 2 or given.shape[1] != self.features or np.isnan(given).any():
            raise InsituError(f"inputs are numbers (n, {self.features}) without NaN; got {given.shape}")
        exact = (given - self.offset) * (np.float32(1) / self.step)
        rounded = np.trunc(exact + np.where(exact >= 0, np.float32(0.5), np.float32(-0.5)))  # halves away from 0
        codes: Codes = np.clip(rounded, -CODE_TOP, CODE_TOP).astype(np.int16)
        return codes

    def vectors(self, codes: Codes) -> Wide:
        """Return vectors (n, rows) of codes (n, features)."""
        centred = codes.astype(np.int64) * self.gain - self.zero
        shift = self.shift.astype(np.int64)
        z = np.clip((centred + ((1 << shift) >> 1)) >> shift, -Z_TOP, Z_TOP)
        # products in float64: exact, since sums stay below 2^31, and much faster
        sums = (z.astype(np.float64) @ self.weight.T.astype(np.float64)).astype(np.int64) + self.bias
        u = (sums * self.scale + (1 << (SCALE_BITS - 1))) >> SCALE_BITS
        return np.array([_of_fixed_length(row) for row in u], np.int64).reshape(len(u), self.rows)


def _of_fixed_length(u: Wide) -> Wide:
    bits = int(np.abs(u).max()).bit_length()
    u = u >> max(bits - U_BITS, 0)
    norm = isqrt(int(np.square(u).sum()))
    if not norm:
        return np.zeros_like(u)
    factor = ((LENGTH << 20) + norm // 2) // norm
    return (u * factor + (1 << 19)) >> 20


def integer_space(space: Space, input_step: float | None = None) -> IntegerSpace:
    """Return a memory's space in integers.

    Codes have a step of their own per feature, or with ``input_step`` all the same and no offset, as a sensor's.
    """
    projection = space.projection
    if projection.tanh:
        raise InsituError("the space of this memory is not affine (tanh); it has no integer form")
    rows, features = projection.weight.shape
    if rows > MOST_ROWS or features > MOST_FEATURES:
        raise InsituError(
            f"a memory on a device has at most {MOST_ROWS} rows and {MOST_FEATURES} features; got {rows} and "
            f"{features}; make one with a smaller dim"
        )
    mean, spread, shift, scale = _placement(space)
    with np.errstate(invalid="ignore"):  # infinite scale of a feature that did not vary
        middle, width = np.where(np.isfinite(scale), shift + scale * mean, 0.0), scale * spread
    used = np.isfinite(width) & (width > 0)
    width = np.where(used, width, 1.0)
    offset, step = (
        (middle, width / SPREAD) if input_step is None else (np.zeros(features), np.full(features, input_step))
    )
    if not (np.isfinite(step).all() and (step > 0).all()):
        raise InsituError(f"the input step is a number above 0; got {input_step}")
    zero, gain, bits = _gains(middle, width, offset, step, used)
    weight = projection.weight.double().numpy() * (spread * used)
    bias = projection.weight.double().numpy() @ (mean * used) + projection.bias.double().numpy()
    codes, row_bias, row_scale = _rows(weight, bias - projection.centre.double().numpy())
    single = np.float32
    return IntegerSpace(offset.astype(single), step.astype(single), zero, gain, bits, codes, row_bias, row_scale)


def _placement(space: Space) -> tuple[Any, Any, Any, Any]:
    """Return mean and rms spread (features,) of the scaled calibration set, and the shift and scale of the space."""
    cohort = space.cohort.double().numpy()
    mean = cohort.mean(0)
    return mean, np.sqrt(np.square(cohort - mean).mean(0)), space.shift, space.scale


def _gains(
    middle: Any, width: Any, offset: Any, step: Any, used: Any
) -> tuple[NDArray[np.int32], Codes, NDArray[np.uint8]]:
    """Return zero, gain and shift (features,): codes one width above the middle become ``SPREAD``."""
    centre = (middle - offset) / step
    if (np.abs(centre) > CODE_TOP).any():
        raise InsituError(f"inputs reach {np.abs(centre).max():.0f} steps, beyond 16 bits; give a larger input step")
    factor = step * SPREAD / width
    if (factor[used] >= 2**GAIN_BITS).any():
        raise InsituError("a feature varies by less than a hundredth of the input step; give a smaller input step")
    shift = np.clip(GAIN_BITS - 1 - np.floor(np.log2(factor)), 0, 31)
    shift = np.where(factor == np.rint(factor), 0, shift)  # as where codes have steps of their own
    gain = np.where(used, np.minimum(np.rint(factor * 2.0**shift), 2**GAIN_BITS - 1), 0)
    zero = np.rint(centre * gain).astype(np.int32)
    return zero, gain.astype(np.int16), np.where(used, shift, 0).astype(np.uint8)


def _rows(weight: Any, bias: Any) -> tuple[NDArray[np.int8], NDArray[np.int32], Codes]:
    """Return weights of 8 bits, the bias of their sums, and a scale per row."""
    top = np.abs(weight).max(1)
    top = np.where(top > 0, top, np.abs(bias))
    top = np.where(top > 0, top, 1.0)
    codes = np.rint(weight / top[:, None] * WEIGHT_TOP)
    sums = np.rint(bias / top * WEIGHT_TOP * SPREAD)
    largest = np.abs(codes).sum(1) * Z_TOP + np.abs(sums)
    if largest.max() > LARGEST_SUM:
        raise InsituError("the sums of a row do not fit 32 bits; make a memory of fewer features")
    scale = np.rint(top / top.max() * (2**SCALE_BITS - 1))
    return codes.astype(np.int8), sums.astype(np.int32), scale.astype(np.int16)
