"""Products of whole numbers: the compiled loop against its plain reference bit for bit, and both against exact ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insitu.kernels import compiled
from insitu.kernels.integer_readout import (
    Output,
    Widths,
    square_shift,
    whole_products,
    whole_products_reference,
    whole_widths,
    whole_widths_reference,
)
from insitu.kernels.strips import (
    LARGEST_SUM,
    LARGEST_VARIANCE,
    carried_strips,
    carried_strips_reference,
    largest_step,
    signed_strips,
    signed_strips_reference,
)

KEY = (11, 12)
needs_numba = pytest.mark.skipif(compiled() is None, reason="Numba does not work here")


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def widths_of(x: np.ndarray, levels: int) -> tuple[Widths, np.ndarray]:
    out = Widths.room(*x.shape)
    return out, whole_widths(x, levels, out)


@needs_numba
@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 70),
    inputs=st.integers(1, 90),
    columns=st.integers(1, 40),
    tile=st.integers(1, 100),
    levels=st.sampled_from([1, 7, 127]),
    adc_levels=st.sampled_from([1, 7, 127]),
    noisy=st.booleans(),
)
def test_the_loop_gives_the_bits_of_the_reference(
    rows: int, inputs: int, columns: int, tile: int, levels: int, adc_levels: int, noisy: bool
) -> None:
    x, mean, variance = normal(rows, inputs), normal(inputs, columns, seed=1), normal(inputs, columns, seed=2) ** 2
    x[0] = 0
    taken, tops = widths_of(x, levels)
    strips = signed_strips(mean, levels, tile), carried_strips(variance, tile) if noisy else None
    full = np.linspace(1, 2, -(-inputs // tile), dtype=np.float32) * np.float32(levels)
    output = Output(full, adc_levels, tops, normal(columns, seed=3))
    got, expected = np.empty((rows, columns), np.float32), np.empty((rows, columns), np.float32)
    whole_products(taken, *strips, tile, KEY, (8, 5), output, got)
    whole_products_reference(taken, *strips, tile, KEY, (8, 5), output, expected)
    assert np.array_equal(got, expected)


@needs_numba
@pytest.mark.parametrize("levels", [1, 7, 127])
def test_widths_have_the_bits_of_the_reference(levels: int) -> None:
    x = normal(6, 300)
    x[0], x[1] = 0, x[1] * np.float32(1e-38)
    got, tops = widths_of(x, levels)
    widths, squares = np.zeros((6, 300), np.int16), np.zeros((6, 300), np.uint8)
    assert np.array_equal(tops, whole_widths_reference(x, levels, widths, squares))
    assert np.array_equal(got.widths[:6, :300], widths)
    assert np.array_equal(got.squares[:6, :300], squares)
    assert np.abs(got.widths[1:6]).max(1).tolist() == [levels] * 5


@needs_numba
@settings(max_examples=60, deadline=None)
@given(rows=st.integers(1, 90), columns=st.integers(1, 40), tile=st.integers(1, 100))
def test_strips_have_the_bits_of_the_reference(rows: int, columns: int, tile: int) -> None:
    values = normal(columns, rows).T
    values[:, 0] = 0
    pairs = (
        (signed_strips(values, 127, tile), signed_strips_reference(values, 127, tile)),
        (carried_strips(values**2, tile), carried_strips_reference(values**2, tile)),
    )
    for got, expected in pairs:
        assert got.words.dtype == expected.words.dtype
        assert np.array_equal(got.words, expected.words)
        assert np.array_equal(got.unit, expected.unit)


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(1, 2000), levels=st.sampled_from([1, 7, 127]))
def test_sums_fit_32_bits(rows: int, levels: int) -> None:
    assert levels * rows * largest_step(levels, rows) <= LARGEST_SUM


@pytest.mark.parametrize("levels", range(1, 128))
def test_sums_of_four_products_of_variances_fit_16_bits(levels: int) -> None:
    x = np.full((1, 500), 1, np.float32)
    largest = int(widths_of(x, levels)[0].squares.max())
    assert levels**2 >> square_shift(levels) <= largest
    assert 4 * largest * LARGEST_VARIANCE <= 2**15 - 1


@pytest.mark.parametrize(("rows", "error"), [(64, 0.03), (256, 0.01), (1024, 0.006)])
def test_variances_of_outputs_are_close_to_exact_ones(rows: int, error: float) -> None:
    x, values = normal(300, rows), np.random.default_rng(6).standard_exponential((rows, 40)).astype(np.float32)
    taken, strips = widths_of(x, 127)[0], carried_strips(values, rows)
    exact = np.square(taken.widths[:, :rows], dtype=np.float64) @ values
    sums = taken.squares[:, :rows].astype(np.float64) @ strips.rows(0, 40)[:rows]
    ratio = sums * strips.unit[:40] * 2.0 ** square_shift(127) / exact
    assert abs(ratio.mean() - 1) < error / 5
    assert ratio.std() < error


@pytest.mark.parametrize("tile", [256, 1024])
def test_the_largest_sums_are_exact(tile: int) -> None:
    """Every width, conductance and variance at its largest: nothing wraps around."""
    x, ones = np.ones((4, tile), np.float32), np.ones((tile, 20), np.float32)
    taken, tops = widths_of(x, 127)
    means, variances = signed_strips(ones, 127, tile), carried_strips(ones, tile)
    output = Output(np.full(1, 127.0 * tile * 2, np.float32), 127, tops, np.ones(20, np.float32))
    out = np.empty((4, 20), np.float32)
    whole_products(taken, means, None, tile, KEY, (0, 0), output, out)
    assert np.allclose(out, 127.0 * tile, rtol=0.02)
    squares = taken.squares[:4, :tile].astype(np.int64) @ variances.rows(0, 20).astype(np.int64)
    assert squares.max() <= LARGEST_SUM


def test_steps_of_conductances_are_fine() -> None:
    values = normal(300, 9)
    strips = signed_strips(values, 127, 256)
    for block, start in enumerate((0, 256)):
        part = values[start : start + 256]
        back = strips.rows(block, 9)[: len(part)] * strips.unit[:9]
        assert np.abs(back - part).max() <= 0.51 * np.abs(values).max() / 32767


def test_sums_of_variances_stay_true() -> None:
    values = np.random.default_rng(5).standard_exponential((512, 5)).astype(np.float32) ** 3
    strips = carried_strips(values, 256)
    for block in range(2):
        kept = strips.rows(block, 5)[:256].astype(np.float64)
        exact = values[256 * block : 256 * block + 256] / strips.unit[:5]
        assert kept.min() >= 0
        assert np.abs(np.cumsum(kept - exact, axis=0)).max() <= 0.51
