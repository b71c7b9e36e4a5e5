"""The compiled loops around a product against their plain references, bit for bit given the same normals."""

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
from insitu.kernels.whole_numbers import (
    DIGIT,
    LARGEST,
    carries,
    digits,
    one_digit,
    square_step,
    whole_readout,
    whole_readout_reference,
    whole_widths,
    whole_widths_reference,
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
    noise = _compiled_normals(shape) if noisy else None
    expected, got = np.empty(shape[1:], np.float32), np.empty(shape[1:], np.float32)
    readout_reference(current, variance, noise, full, levels, *gains, expected)
    readout(current.copy(), variance, KEY, ORIGIN, full, levels, *gains, got)
    assert np.array_equal(got, expected)


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_whole_readout(shape: tuple[int, int, int], noisy: bool) -> None:
    rng = np.random.default_rng(2)
    sums = rng.integers(-(2**20), 2**20, (*shape[:2], 2 * shape[2]), dtype=np.int32)
    unit = (rng.random(shape[2], dtype=np.float32) + 1) * np.float32(1e-8)
    variance = rng.integers(0, 2**24, shape, dtype=np.int32)
    spread = rng.random(shape[2], dtype=np.float32) * np.float32(2**-24) if noisy else None
    full = rng.uniform(0.5, 2, shape[0]).astype(np.float32)
    gains = rng.random(shape[1], dtype=np.float32), rng.random(shape[2], dtype=np.float32)
    noise = _compiled_normals(shape) if noisy else None
    expected, got = np.empty(shape[1:], np.float32), np.empty(shape[1:], np.float32)
    whole_readout_reference(sums, unit, variance, spread, noise, full, 127, *gains, expected)
    fast = compiled()
    assert fast is not None
    whole_readout(fast, sums, unit, variance, spread, KEY, ORIGIN, full, 127, *gains, got)
    assert np.array_equal(got, expected)


@pytest.mark.parametrize("levels", [1, 7, 127])
def test_whole_widths(levels: int) -> None:
    x = np.random.default_rng(3).standard_normal((6, 300)).astype(np.float32)
    x[0] = 0.0
    got, expected = ((np.empty(x.shape, np.int8), np.empty(x.shape, np.int8)) for _ in range(2))
    fast = compiled()
    assert fast is not None
    tops = whole_widths(fast, x, levels, carries(300), *got)
    assert np.array_equal(tops, whole_widths_reference(x, levels, carries(300), *expected))
    assert np.array_equal(got[0], expected[0])
    assert np.array_equal(got[1], expected[1])
    assert not got[1][0].any()
    assert (got[1] >= 0).all()
    exact = np.square(got[0].astype(np.float64)) / square_step(levels)
    assert (np.abs(got[1] - exact) < 1).all()
    assert np.abs((got[1] - exact).sum(1)).max() <= 30  # of 300 roundings; independent ones would reach 24


@pytest.mark.parametrize("size", [0.004, 0.1, 0.3, 0.5, 0.77])
def test_squares_far_below_a_step_are_not_lost(size: float) -> None:
    step = square_step(DIGIT)
    sums = np.cumsum(np.floor(np.float32(size) + carries(1000)))
    assert step == 127
    assert np.abs(sums - size * np.arange(1, 1001)).max() < 5


def test_sums_of_digits_down_a_column_stay_true() -> None:
    values = np.random.default_rng(5).standard_exponential((1024, 5)).astype(np.float32) ** 3
    unit = values.max(0) / np.float32(DIGIT - 1)
    kept = one_digit(values, unit).astype(np.float64)
    assert kept.min() == 0
    assert (np.abs(kept - values / unit) <= 1.01).all()
    assert (np.abs(np.cumsum(kept - values / unit, axis=0)) <= 0.51).all()


def test_digits_come_back_within_their_steps() -> None:
    values = np.random.default_rng(4).standard_normal((200, 9)).astype(np.float32)
    unit = np.abs(values).max(0) / LARGEST
    high, low = digits(values, unit)
    back = (256 * high.astype(np.int32) + low) * unit
    assert (np.abs(back - values) <= unit * 0.51).all()


def _compiled_normals(shape: tuple[int, int, int]) -> np.ndarray:
    """The compiled loop's own normals, which are those of the reference to within rounding."""
    fast = compiled()
    assert fast is not None
    blocks, rows, columns = shape
    out = np.empty((blocks, -(-rows // 4) * 4, columns), np.float32)
    for block in range(blocks):
        for start in range(0, rows, 4):
            words = np.uint32(KEY[0]), np.uint32(KEY[1])
            fast.fill_normals(out[block, start : start + 4], *words, (ORIGIN[0] + start) // 4, ORIGIN[1], block)
    drawn = out[:, :rows].copy()
    assert np.abs(drawn - block_normals(KEY, ORIGIN, shape)).max() < 1e-5
    return drawn
