"""Joshi et al. 2020: programming error, drift and read noise against the printed formulas, written anew here."""

from __future__ import annotations

from math import erf, exp, log, pi, sqrt

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from insitu.core import InsituError, generator
from insitu.devices.pcm_joshi2020 import PcmJoshi2020

N = 20_000
RATIOS = [0.001, 0.02, 0.1, 0.3, 0.5, 0.8, 1.0]


def program_std(r: float) -> float:
    return 0.26348 + 1.9650 * r - 1.1731 * r**2


def drift_moments(r: float) -> tuple[float, float]:
    mean = min(max(-0.0155 * log(r) + 0.0244, 0.049), 0.1)
    return mean, min(max(-0.0125 * log(r) - 0.0059, 0.008), 0.045)


def folded(mean: float, std: float) -> tuple[float, float]:
    """Mean and standard deviation of |N(mean, std)|."""
    first = std * sqrt(2 / pi) * exp(-(mean**2) / (2 * std**2)) + mean * erf(mean / (std * sqrt(2)))
    return first, sqrt(mean**2 + std**2 - first**2)


def assert_moments(sample: np.ndarray, mean: float, std: float) -> None:
    sample = sample.astype(np.float64)
    fourth = ((sample - sample.mean()) ** 4).mean()
    assert abs(sample.mean() - mean) < 3 * std / sqrt(len(sample))
    assert abs(sample.std() - std) < 3 * sqrt((fourth - std**4) / len(sample)) / (2 * std)


@pytest.mark.parametrize("r", [0.2, 0.4, 0.6, 0.8, 1.0])
def test_programming_error(r: float) -> None:
    g = PcmJoshi2020().program(np.full(N, 25 * r, np.float32), 0.0, generator(0, "error", str(r))).conductance_us
    assert_moments(g, 25 * r, program_std(r))


def test_negative_conductances_are_clipped_to_zero() -> None:
    g = PcmJoshi2020().program(np.zeros(N, np.float32), 0.0, generator(0)).conductance_us
    assert abs((g == 0).mean() - 0.5) < 3 * 0.5 / sqrt(N)
    half = g[g > 0].astype(np.float64)  # the upper half of a Gaussian
    assert abs((half**2).mean() - 0.26348**2) < 3 * sqrt(2 / len(half)) * 0.26348**2


@pytest.mark.parametrize("r", RATIOS)
def test_drift_exponents(r: float) -> None:
    drift = PcmJoshi2020().program(np.full(N, 25 * r, np.float32), 0.0, generator(1, "drift", str(r))).drift
    assert (drift >= 0).all()
    assert_moments(drift, *folded(*drift_moments(r)))


def test_drift_exponents_of_targets_near_zero_are_those_of_the_clip() -> None:
    drift = PcmJoshi2020().program(np.zeros(N, np.float32), 0.0, generator(2)).drift
    assert_moments(drift, *folded(0.1, 0.045))


@pytest.mark.parametrize("r", RATIOS)
@pytest.mark.parametrize("age", [0.0, 19.0, 20.0, 3600.0, 3e7])
def test_reads_follow_drift_and_one_over_f_noise(r: float, age: float) -> None:
    cells = PcmJoshi2020().program(np.full(50, 25 * r, np.float32), 500.0, generator(3))
    mean, std = PcmJoshi2020().read(cells, 500.0 + age)
    t = max(age, 20.0)
    for g, nu, one, noise in zip(cells.conductance_us, cells.drift, mean, std, strict=True):
        drifted = g * (t / 20) ** -float(nu)
        assert_allclose(one, drifted, rtol=1e-5)
        q = min(0.0088 / (g / 25) ** 0.65, 0.2) if g else 0.2
        assert_allclose(noise, drifted * q * sqrt(log((t + 250e-9) / (2 * 250e-9))), rtol=1e-5)


def test_read_noise_at_full_scale_is_known_by_hand() -> None:
    cells = PcmJoshi2020().program(np.full(1, 25, np.float32), 0.0, generator(0))
    cells.conductance_us[:] = 25.0
    # ln(20 / 500e-9) = 17.5044; its root times 0.0088 times 25
    assert_allclose(PcmJoshi2020().read(cells, 0.0)[1], 0.92044, rtol=1e-4)


def test_reset_is_exactly_zero_and_silent() -> None:
    cells = PcmJoshi2020().reset((3,), 0.0, generator(0))
    for part in PcmJoshi2020().read(cells, 1e6):
        assert_array_equal(part, np.zeros(3, np.float32))


@pytest.mark.parametrize("wrong", [{"g_max_us": 0.0}, {"drift_t0_s": 0.0}, {"read_time_s": 0.0}, {"g_max_us": np.nan}])
def test_impossible_constants_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InsituError, match="g_max_us > 0"):
        PcmJoshi2020(**wrong)  # type: ignore[arg-type]
