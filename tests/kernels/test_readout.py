"""The compiled loops around a product against their plain references, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from insitu.kernels import compiled
from insitu.kernels.readout import (
    block_normals,
    pulse_widths,
    pulse_widths_reference,
    readout,
    readout_reference,
)

pytestmark = pytest.mark.skipif(compiled() is None, reason="Numba does not work here")
SHAPES = [(1, 1, 1), (1, 3, 16), (2, 8, 100), (3, 5, 33)]  # blocks, rows, columns
KEY, ORIGIN = (11, 12), (8, 5)


@pytest.mark.parametrize("levels", [0, 7, 127, 32767])
@pytest.mark.parametrize("shape", [(1, 1), (3, 17), (5, 512)])
def test_pulse_widths(shape: tuple[int, int], levels: int) -> None:
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    x[0] = 0.0
    got, expected = ([np.empty_like(x), np.empty_like(x)] for _ in range(2))
    tops = pulse_widths(x, levels, *got)
    assert np.array_equal(tops, pulse_widths_reference(x, levels, *expected))
    assert np.array_equal(got, expected)
    assert np.allclose(np.abs(got[0]).max(1)[1:], 1)
    assert not got[0][0].any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_is_seen(bad: float) -> None:
    x = np.ones((3, 20), np.float32)
    x[1, 7] = bad
    for widths in (pulse_widths, pulse_widths_reference):
        tops = widths(x, 127, np.empty_like(x), np.empty_like(x))
        assert np.isnan(tops).tolist() == [False, True, False]


@pytest.mark.parametrize("levels", [0, 7, 127])
@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_readout(shape: tuple[int, int, int], noisy: bool, levels: int) -> None:
    rng = np.random.default_rng(1)
    current = rng.standard_normal(shape, dtype=np.float32)
    variance = rng.random(shape, dtype=np.float32) if noisy else None
    full = rng.uniform(0.5, 2, shape[0]).astype(np.float32)
    gains = rng.random(shape[1], dtype=np.float32), rng.random(shape[2], dtype=np.float32)
    noise = block_normals(KEY, ORIGIN, shape) if noisy else None
    expected, got = np.empty(shape[1:], np.float32), np.empty(shape[1:], np.float32)
    readout_reference(current, variance, noise, full, levels, *gains, expected)
    readout(current.copy(), variance, KEY, ORIGIN, full, levels, *gains, got)
    assert np.array_equal(got, expected)


@pytest.mark.parametrize("size", [1e-45, 1e-40, 1e-38, 1e-20, 1.0, 1e20, 3e38])
def test_widths_do_not_depend_on_the_size_of_a_row(size: float) -> None:
    x = np.array([[1.0, -0.5, 0.25, 0.0]]) * size
    for widths in (pulse_widths, pulse_widths_reference):
        got = np.empty((1, 4), np.float32)
        tops = widths(x.astype(np.float32), 127, got, np.empty_like(got))
        assert tops[0] == np.float32(size)
        if size > 1e-44:  # smaller numbers have no quarters
            assert np.allclose(got, [[1, -0.5, 0.25, 0]], atol=0.6 / 127)


def test_scaling_leaves_the_range_only_with_the_result() -> None:
    """Factors of 1e30 and 1e-38 together are harmless, though either one alone is not."""
    current = np.full((1, 1, 1), 1e10, np.float32)
    for row, column in ((1e30, 1e-38), (1e-38, 1e30)):
        gains = np.array([row], np.float32), np.array([column], np.float32)
        out, expected = np.zeros((1, 1), np.float32), np.zeros((1, 1), np.float32)
        readout(current.copy(), None, KEY, (0, 0), np.ones(1, np.float32), 0, *gains, out)
        readout_reference(current, None, None, np.ones(1, np.float32), 0, *gains, expected)
        assert np.array_equal(out, expected)
        assert np.allclose(out, 1e2, rtol=1e-5)
