"""The compiled loops of ``kernels/elementary.py``."""

from __future__ import annotations

import numpy as np

from insitu.kernels._compiled import inline, logarithm, loop

i32, f32 = np.int32, np.float32


@inline
def exponential(x):  # type: ignore[no-untyped-def]
    """e^x within -80..80."""
    n = np.rint(x * f32(1.44269504))
    r = x - n * f32(0.693359375)
    r = r - n * f32(-2.12194440e-4)
    p = f32(1.9875691500e-4) * r + f32(1.3981999507e-3)
    p = p * r + f32(8.3334519073e-3)
    p = p * r + f32(4.1665795894e-2)
    p = p * r + f32(1.6666665459e-1)
    p = p * r + f32(5.0000001201e-1)
    p = p * (r * r) + r + f32(1)
    return p * f32(i32((i32(n) + i32(127)) << i32(23)).view(f32))


@loop
def log_all(x, out):  # type: ignore[no-untyped-def]
    for i in range(len(x)):
        out[i] = logarithm(x[i])


@loop
def exp_all(x, out):  # type: ignore[no-untyped-def]
    for i in range(len(x)):
        out[i] = exponential(min(max(x[i], f32(-80)), f32(80)))
