"""Grids of b bits: nearest values, zero exact, the range kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insitu.kernels.quantiser import Grid, covering, symmetric

bits = st.integers(1, 16)
reals = st.floats(-1e3, 1e3, width=32)


@given(bits, reals, reals, st.lists(reals, min_size=1, max_size=20))
def test_values_within_the_range_come_back_within_half_a_step(b: int, one: float, two: float, x: list[float]) -> None:
    lo, hi = min(one, two), max(one, two)
    grid = covering(lo, hi, b)
    asked = np.clip(np.asarray(x, np.float32), min(lo, 0), max(hi, 0))
    codes = grid.codes(asked)
    assert codes.dtype == (np.int8 if b <= 8 else np.int16)
    assert codes.min() >= -(2 ** (b - 1))
    assert codes.max() <= 2 ** (b - 1) - 1
    # the range is shifted by up to half a step so that zero is a value, which costs that much at one end
    wide = 1.0 if b > 1 else 1.01
    assert np.abs(grid.values(codes) - asked).max() <= grid.step * wide + 1e-3 * grid.step


@given(bits, reals, reals)
def test_zero_is_a_value(b: int, one: float, two: float) -> None:
    grid = covering(min(one, two), max(one, two), b)
    zeros = np.zeros(3, np.float32)
    assert not grid.values(grid.codes(zeros)).any()
    assert not symmetric(abs(one), b).codes(zeros).any()


@given(bits, reals, reals, st.lists(reals, min_size=1, max_size=20))
def test_rounding_twice_changes_nothing(b: int, one: float, two: float, x: list[float]) -> None:
    grid = covering(min(one, two), max(one, two), b)
    codes = grid.codes(np.asarray(x, np.float32))
    assert np.array_equal(grid.codes(grid.values(codes)), codes)


@pytest.mark.parametrize("b", [2, 4, 8, 16])
def test_a_range_holds_as_many_values_as_the_bits_have(b: int) -> None:
    grid = covering(0.0, 3.0, b)
    codes = grid.codes(np.linspace(0, 3, 200_000, dtype=np.float32))
    assert len(np.unique(codes)) == 2**b
    assert grid.values(codes)[0] == 0
    assert grid.values(codes)[-1] == pytest.approx(3.0)


def test_what_is_outside_the_range_is_clipped() -> None:
    grid = symmetric(1.0, 8)
    assert grid.codes(np.array([-9.0, 9.0], np.float32)).tolist() == [-128, 127]


def test_a_range_without_width_leaves_zeros_zeros() -> None:
    for grid in (covering(0.0, 0.0, 8), symmetric(0.0, 16)):
        assert isinstance(grid, Grid)
        assert not grid.values(grid.codes(np.zeros(4, np.float32))).any()
