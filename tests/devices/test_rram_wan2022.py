"""Wan et al. 2022: spreads at the published times against the polynomials, written again here."""

from __future__ import annotations

from itertools import pairwise
from math import erf, exp, pi, sqrt

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from insitu.core import InsituError, generator
from insitu.devices.rram_wan2022 import RramWan2022

N = 20_000
DAY = 86_400.0


def spread(age: float, r: float) -> float:
    if age == 1.0:
        return -16.815 * r**4 + 45.393 * r**3 - 43.853 * r**2 + 16.030 * r + 0.348
    if age == DAY:
        return -16.458 * r**4 + 47.095 * r**3 - 50.773 * r**2 + 22.086 * r + 0.701
    return -11.934 * r**4 + 37.062 * r**3 - 43.507 * r**2 + 20.274 * r + 0.782


def clipped(mean: float, std: float) -> tuple[float, float]:
    """Mean and standard deviation of max(N(mean, std), 0)."""
    z = mean / std
    density, below = exp(-(z**2) / 2) / sqrt(2 * pi), (1 + erf(z / sqrt(2))) / 2
    first = mean * below + std * density
    return first, sqrt((mean**2 + std**2) * below + mean * std * density - first**2)


def reads(r: float, age: float, seed: int = 0) -> np.ndarray:
    device = RramWan2022()
    cells = device.program(np.full(N, 40 * r, np.float32), 500.0, generator(seed, "wan", str(r)))
    return device.read(cells, 500.0 + age)[0].astype(np.float64)


@pytest.mark.parametrize("r", [0.2, 0.3, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("age", [1.0, DAY, 2 * DAY])
def test_mean_and_spread_at_the_published_times(r: float, age: float) -> None:
    g = reads(r, age)
    mean, std = clipped(40 * r, spread(age, r))
    fourth = ((g - g.mean()) ** 4).mean()
    assert abs(g.mean() - mean) < 3 * std / sqrt(N)
    assert abs(g.std() - std) < 3 * sqrt((fourth - std**4) / N) / (2 * std)


def test_the_spread_of_the_lowest_targets_is_published_for_fresh_cells_and_clipped_twice_for_old_ones() -> None:
    mean, std = clipped(0, spread(1.0, 0))
    assert abs(reads(0, 1.0).mean() - mean) < 3 * std / sqrt(N)
    mean, std = clipped(0, spread(2 * DAY, 0))
    assert mean < reads(0, 2 * DAY).mean() < 1.3 * mean


def test_the_spread_is_largest_at_a_quarter_of_full_scale_as_published() -> None:
    spreads = {r: reads(r, 2 * DAY).std() for r in (0.05, 0.3, 0.9)}
    assert spreads[0.3] == max(spreads.values())
    assert 3.5 < spreads[0.3] < 4.1  # µS


def test_the_spread_grows_linearly_in_the_logarithm_of_time_and_stays_after_two_days() -> None:
    half_way = sqrt(DAY)  # half of a day in ln t
    assert_allclose(reads(0.5, half_way).std(), (spread(1.0, 0.5) + spread(DAY, 0.5)) / 2, rtol=0.02)
    assert_array_equal(reads(0.5, 2 * DAY), reads(0.5, 3e9))
    assert_array_equal(reads(0.5, 0.0), reads(0.5, 1.0))
    growing = [reads(1.0, age).std() for age in (1.0, 60.0, 3600.0, DAY)]
    assert all(older > younger for younger, older in pairwise(growing))


def test_relaxation_is_independent_of_the_error_of_programming() -> None:
    early, late = reads(0.5, 1.0), reads(0.5, DAY)
    assert abs(np.corrcoef(early - 20, late - early)[0, 1]) < 3 / sqrt(N)


def test_read_noise_is_a_share_of_full_scale_and_reset_is_exactly_zero() -> None:
    device = RramWan2022(read_noise=0.02)
    mean, std = device.read(device.reset((3,), 0.0, generator(0)), 1e6)
    assert_array_equal(mean, np.zeros(3, np.float32))
    assert_allclose(std, 0.8, rtol=1e-6)
    for wrong in (-0.1, 1.0, float("nan")):
        with pytest.raises(InsituError, match="read_noise is a share of full scale"):
            RramWan2022(read_noise=wrong)
