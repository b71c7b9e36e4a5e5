"""Falcone et al. 2025: programming, relaxation and read noise against the printed formulas, written again here."""

from __future__ import annotations

from math import log, log10, sqrt

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from insitu.core import InsituError, generator
from insitu.devices.cmo_hfox import CmoHfox

N = 20_000
BOTH = pytest.mark.parametrize("accepted", [0.2, 2.0])
HOUR, YEARS = 3600.0, 10 * 365.25 * 86_400


def program_std(accepted: float, total: float) -> float:
    return 0.00081107 + 0.00106879 * total if accepted == 0.2 else 0.0112185391 + 0.01129027418 * total


def assert_moments(sample: np.ndarray, mean: float, std: float) -> None:
    sample = sample.astype(np.float64)
    # float32 conductances are rounded to 4e-6 µS
    assert abs(sample.mean() - mean) < 3 * std / sqrt(len(sample)) + 4e-6
    assert abs(sample.std() - std) < 3 * std / sqrt(2 * len(sample))


@BOTH
@pytest.mark.parametrize("target", [10.0, 41.0, 70.0])
def test_programming_error(accepted: float, target: float) -> None:
    device = CmoHfox(accepted)
    cells = device.program(np.full(N, target, np.float32), 0.0, generator(0, "cmo", str(target)))
    assert_moments(cells.conductance_us, target, program_std(accepted, 9 + target))


@BOTH
@pytest.mark.parametrize("target", [10.0, 41.0, 70.0])
@pytest.mark.parametrize("age", [1.0, 60.0, HOUR, YEARS])
def test_relaxation(accepted: float, target: float, age: float) -> None:
    device = CmoHfox(accepted)
    cells = device.program(np.full(N, target, np.float32), 7.0, generator(1, "cmo", str(target)))
    mean, _ = device.read(cells, 7.0 + age)
    std = 0.04201137 * log(age) + 0.41183342
    assert_moments(mean, target - 0.08900206 * log(age), sqrt(std**2 + program_std(accepted, 9 + target) ** 2))


def test_figures_that_the_paper_prints() -> None:
    device = CmoHfox()
    fine = device.program(np.full(N, 1.0, np.float32), 0.0, generator(0)).conductance_us.std()
    assert 0.010 < fine < 0.012  # programming noise down to 10 nS
    cells = device.program(np.full(N, 40.0, np.float32), 0.0, generator(0))
    after_an_hour = device.read(cells, HOUR)[0].mean(dtype=np.float64) - 40
    assert abs(after_an_hour + 0.7) < 0.1  # an average of -0.7 µS one hour after programming


@pytest.mark.parametrize("age", [1.0, HOUR, YEARS])
def test_read_noise(age: float) -> None:
    device = CmoHfox()
    cells = device.program(np.linspace(0, 79, 50, dtype=np.float32), 0.0, generator(3))
    for g, noise in zip(*device.read(cells, age), strict=True):
        assert_allclose(noise, 0.0277316483 * log10(9 + g) * sqrt(log((age + 1e-6) / 2e-6)), rtol=1e-5)


def test_conductances_stay_between_the_lowest_and_the_highest_state() -> None:
    device = CmoHfox(2.0)
    cells = device.program(np.repeat(np.array([0, device.full_scale_us], np.float32), N), 0.0, generator(4))
    for g in (cells.conductance_us, device.read(cells, YEARS)[0]):
        assert g.min() == 0
        assert g.max() == np.float32(88.19 - 9.0)


def test_the_lowest_state_after_reset_does_not_relax_and_a_fresh_cell_is_one_second_old() -> None:
    device = CmoHfox()
    cells = device.reset((3,), 0.0, generator(0))
    assert_array_equal(device.read(cells, 1e6)[0], np.zeros(3, np.float32))
    cells = device.program(np.full(50, 40.0, np.float32), 0.0, generator(0))
    assert_array_equal(device.read(cells, 0.0)[0], device.read(cells, 1.0)[0])


@pytest.mark.parametrize("wrong", [0.0, 1.0, 0.02, float("nan")])
def test_other_accepted_deviations_are_refused(wrong: float) -> None:
    with pytest.raises(InsituError, match=r"accepted_percent is 0\.2 or 2, as fitted; got"):
        CmoHfox(wrong)
