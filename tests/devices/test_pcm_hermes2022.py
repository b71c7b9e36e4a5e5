"""The HERMES fit for one and two devices per sign against its printed formulas, written anew here."""

from __future__ import annotations

from math import erf, exp, log, pi, sqrt

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from insitu.core import InsituError, generator
from insitu.devices.pcm_hermes2022 import DRIFT_MEAN, FITS, PcmHermes2022

N = 20_000
FULL = {1: 10.35, 2: 20.7}
T0 = {1: 200.0, 2: 300.0}
BOTH = pytest.mark.parametrize("devices", [1, 2])


def program_std(devices: int, r: float) -> float:
    if devices == 1:
        return 0.1578 + 2.3244 * r - 2.1631 * r**2 + 0.6884 * r**3
    return 0.1660 + 4.7181 * r - 8.4810 * r**2 + 4.6896 * r**3


def drift_mean(r: float) -> float:
    if r < 0.0945:
        return min(max(-0.0387 * log(r) - 0.0182, 0.072), 0.13)
    return -0.0436 * r**2 - 0.0126 * r + 0.0736


def drift_std(devices: int, r: float) -> float:
    if devices == 1:
        if r < 0.3039:
            return min(max(-0.0120 * log(r) - 0.0023, 0.0124), 0.04)
        return -0.0165 * r**2 + 0.0116 * r + 0.0104
    if r < 0.3055:
        return min(max(-0.0117 * log(r) - 0.0057, 0.0091), 0.04)
    return -0.0118 * r**2 + 0.0093 * r + 0.0073


def read_q(devices: int, r: float) -> float:
    if devices == 1:
        if r < 0.1591:
            return min(max(-0.0078 * log(r) + 0.0038, 0.0179), 0.04)
        return 0.0664 * r**3 - 0.1352 * r**2 + 0.0768 * r + 0.0088
    if r < 0.16:
        return min(max(-0.0117 * log(r) - 0.0069, 0.015), 0.04)
    return 0.0069 * r**3 - 0.0280 * r**2 + 0.0211 * r + 0.0123


def folded(mean: float, std: float) -> tuple[float, float]:
    """Mean and standard deviation of |N(mean, std)|."""
    first = std * sqrt(2 / pi) * exp(-(mean**2) / (2 * std**2)) + mean * erf(mean / (std * sqrt(2)))
    return first, sqrt(mean**2 + std**2 - first**2)


def assert_moments(sample: np.ndarray, mean: float, std: float) -> None:
    sample = sample.astype(np.float64)
    assert abs(sample.mean() - mean) < 3 * std / sqrt(len(sample))
    assert abs(sample.std() - std) < 3 * std / sqrt(2 * len(sample))


@BOTH
@pytest.mark.parametrize("r", [0.4, 0.6, 0.8, 1.0])  # far enough from 0 that nothing is clipped
def test_programming_error(devices: int, r: float) -> None:
    target = np.full(N, FULL[devices] * r, np.float32)
    g = PcmHermes2022(devices).program(target, 0.0, generator(0, "error", devices, str(r))).conductance_us
    assert_moments(g, FULL[devices] * r, program_std(devices, r))


@BOTH
def test_negative_conductances_are_clipped_to_zero(devices: int) -> None:
    g = PcmHermes2022(devices).program(np.zeros(N, np.float32), 0.0, generator(0)).conductance_us
    assert abs((g == 0).mean() - 0.5) < 3 * 0.5 / sqrt(N)
    half = g[g > 0].astype(np.float64)  # the upper half of a Gaussian
    expected = program_std(devices, 0) ** 2
    assert abs((half**2).mean() - expected) < 3 * sqrt(2 / len(half)) * expected


@BOTH
@pytest.mark.parametrize("r", [0.01, 0.05, 0.09, 0.1, 0.2, 0.3, 0.31, 0.5, 0.7, 1.0])
def test_drift_exponents(devices: int, r: float) -> None:
    target = np.full(N, FULL[devices] * r, np.float32)
    drift = PcmHermes2022(devices).program(target, 0.0, generator(0, "drift", devices, str(r))).drift
    assert (drift >= 0).all()
    assert_moments(drift, *folded(drift_mean(r), drift_std(devices, r)))


@BOTH
@pytest.mark.parametrize("r", [0.01, 0.1, 0.158, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("age", [0.0, 100.0, 299.0, 3600.0, 3e7])
def test_reads_follow_drift_and_one_over_f_noise(devices: int, r: float, age: float) -> None:
    cells = PcmHermes2022(devices).program(np.full(50, FULL[devices] * r, np.float32), 500.0, generator(3))
    mean, std = PcmHermes2022(devices).read(cells, 500.0 + age)
    t = max(age, T0[devices])
    for g, nu, one, noise in zip(cells.conductance_us, cells.drift, mean, std, strict=True):
        drifted = g * (t / T0[devices]) ** -float(nu)
        assert_allclose(one, drifted, rtol=1e-5)
        q = read_q(devices, g / FULL[devices]) if g else 0.04
        assert_allclose(noise, drifted * q * sqrt(log((t + 512e-9) / (2 * 512e-9))), rtol=1e-5)


@BOTH
def test_branches_meet_where_they_split(devices: int) -> None:
    # a digit misread from the fit would open a gap; the published branches meet within three percent
    for branches in (DRIFT_MEAN, FITS[devices].drift_std, FITS[devices].read_q):
        low, high = branches(np.array([branches.split * (1 - 1e-6), branches.split * (1 + 1e-6)], np.float32))
        assert abs(low / high - 1) < 0.03


@BOTH
def test_low_conductances_drift_more_and_clip_where_published(devices: int) -> None:
    r = np.array([0, exp(-9.0), 0.05, 0.3, 1.0], np.float32)
    assert_allclose(DRIFT_MEAN(r)[:2], 0.13, rtol=1e-6)
    assert (np.diff(DRIFT_MEAN(r)) <= 0).all()
    assert_allclose(FITS[devices].drift_std(r)[:2], 0.04, rtol=1e-6)
    assert_allclose(FITS[devices].read_q(r)[:2], 0.04, rtol=1e-6)


def test_two_devices_are_the_default_and_other_counts_are_refused() -> None:
    assert PcmHermes2022() == PcmHermes2022(2)
    assert [PcmHermes2022(n).full_scale_us for n in (1, 2)] == [10.35, 20.7]
    for wrong in (0, 3, -1):
        with pytest.raises(InsituError, match=f"1 or 2, as fitted; got {wrong}"):
            PcmHermes2022(wrong)


@BOTH
def test_reset_is_exactly_zero_and_silent(devices: int) -> None:
    cells = PcmHermes2022(devices).reset((3,), 0.0, generator(0))
    for part in PcmHermes2022(devices).read(cells, 1e6):
        assert_array_equal(part, np.zeros(3, np.float32))
