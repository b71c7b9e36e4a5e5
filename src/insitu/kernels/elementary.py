"""Logarithm and exponential of float32 numbers with the same bits on every processor.

Libraries differ in the last bit from one instruction set to the next. These are polynomials of the Cephes library (S.
Moshier) with one rounding per operation; without Numba the plain forms serve, which give the same bits.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from insitu.kernels import compiled

Floats = NDArray[np.float32]
F = np.float32
LOG = (
    *(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1),
    *(-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
)
EXP = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
WITHIN = F(80)  # exponents beyond are taken at this bound, so that results stay finite and above zero
FEW = 20_000  # numbers that are done before the compiled loops are imported


def log(x: Floats) -> Floats:
    """Return the natural logarithm of normal numbers > 0, within 1e-7 of its size."""
    return _each("log_all", log_reference, x)


def exp(x: Floats) -> Floats:
    """Return e^x, of x within -80..80."""
    return _each("exp_all", exp_reference, x)


def log_reference(x: Floats) -> Floats:
    """Do the same as ``log`` in plain NumPy."""
    bits = x.view(np.int32) - np.int32(0x3F3504F3)  # of sqrt(1/2): the mantissa below is in sqrt(1/2)..sqrt(2)
    exponent = (bits >> np.int32(23)).astype(F)
    m = ((bits & np.int32(0x7FFFFF)) + np.int32(0x3F3504F3)).view(F) - F(1)
    p = np.full_like(m, LOG[0])
    for term in LOG[1:]:
        p = p * m + F(term)
    z = m * m
    out: Floats = m + (m * z * p - F(0.5) * z) + exponent * F(0.69314718)
    return out


def exp_reference(x: Floats) -> Floats:
    """Do the same as ``exp`` in plain NumPy."""
    x = np.clip(x, -WITHIN, WITHIN)
    n = np.rint(x * F(1.44269504))
    r = x - n * F(0.693359375)  # ln 2 in two parts, the first of few bits
    r = r - n * F(-2.12194440e-4)
    p = np.full_like(r, EXP[0])
    for term in EXP[1:]:
        p = p * r + F(term)
    p = p * (r * r) + r + F(1)
    out: Floats = p * ((n.astype(np.int32) + np.int32(127)) << np.int32(23)).view(F)
    return out


def _each(loop: str, reference: Callable[[Floats], Floats], x: Floats) -> Floats:
    """Return the function of every number, by the compiled loop of this name where it is there or there are many."""
    x = np.asarray(x, F)
    if (x.size <= FEW and "numba" not in sys.modules) or compiled() is None:
        return reference(x)
    from insitu.kernels import _elementary

    out = np.empty(x.shape, F)
    getattr(_elementary, loop)(np.ascontiguousarray(x).reshape(-1), out.reshape(-1))
    return out
