"""The published curve of Nandakumar et al. 2018, replayed with the constants of the paper."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from insitu.core import InsituError, generator
from insitu.devices.pcm_nandakumar2018 import PcmNandakumar2018

# pulses after RESET: mean and spread (µS), g_max 20, simulated once with 400 000 cells and printed to two decimals
TABLE = {1: (2.06, 1.52), 2: (3.43, 1.97), 3: (4.47, 2.20), 4: (5.28, 2.32), 5: (5.92, 2.38), 10: (7.83, 2.47)}
TABLE |= {20: (9.39, 2.66)}
PRINTED, CELLS, TABLE_CELLS = 0.005, 50_000, 400_000


def test_mean_and_spread_follow_the_pulse_table() -> None:
    device, rng = PcmNandakumar2018(g_max_us=20.0), generator(0, "nandakumar")
    cells = device.reset((CELLS,), 0.0, rng)
    for before, count in pairwise([0, *TABLE]):
        cells = device.pulse(cells, np.full(CELLS, count - before), 0.0, rng)
        g = cells.conductance_us.astype(np.float64)
        mean, std = TABLE[count]
        # the table has an error of its own; its cells and ours add up
        several = 3 * np.sqrt(1 / CELLS + 1 / TABLE_CELLS)
        fourth = ((g - g.mean()) ** 4).mean()
        assert abs(g.mean() - mean) < several * g.std() + PRINTED, count
        assert abs(g.std() - std) < several * np.sqrt(fourth - g.var() ** 2) / (2 * g.std()) + PRINTED, count


def test_one_pulse_from_any_state_is_gaussian_with_the_published_moments() -> None:
    # far from both clips: conductance 6 after three earlier pulses, so P = exp(-3 / 2.6), and exp(-4 / 2.6) at the step
    device, n = PcmNandakumar2018(g_max_us=20.0), 50_000
    cells = device.reset((n,), 0.0, generator(0))
    cells.conductance_us[:] = 6.0
    cells.history[:] = np.exp(-3 / 2.6)
    after = device.pulse(cells, np.ones(n, np.int64), 0.0, generator(1))
    p = np.exp(-4 / 2.6)
    mean, std = -0.084 * 6 + 0.880 + 1.40 * p, 0.091 * 6 + 0.260 + 2.15 * p
    step = after.conductance_us.astype(np.float64) - 6
    assert abs(step.mean() - mean) < 3 * std / np.sqrt(n)
    assert abs(step.std() - std) < 3 * std / np.sqrt(2 * n)
    assert_allclose(after.history, p, rtol=1e-6)


def test_reset_leaves_a_tenth_of_a_microsiemens() -> None:
    g = PcmNandakumar2018().reset((CELLS,), 0.0, generator(0)).conductance_us.astype(np.float64)
    assert abs(g.mean() - 0.1) < 3 * 0.01 / np.sqrt(CELLS)
    assert abs(g.std() - 0.01) < 3 * 0.01 / np.sqrt(2 * CELLS)


def test_pulses_end_at_the_largest_conductance() -> None:
    device = PcmNandakumar2018()
    g = device.pulse(device.reset((4000,), 0.0, generator(0)), np.full(4000, 60), 0.0, generator(1)).conductance_us
    assert g.min() >= np.float32(device.g_min_us)
    assert g.max() == np.float32(device.g_max_us)


def test_drift_and_read_noise_follow_the_formulas() -> None:
    device = PcmNandakumar2018()
    cells = device.program(np.linspace(0, 12, 50, dtype=np.float32), 1000.0, generator(0))
    for age, factor in ((0.0, 1.0), (38.6, 1.0), (386.0, 10**-0.04), (38.6e5, 10**-0.2)):
        mean, std = device.read(cells, 1000.0 + age)
        assert_allclose(mean, cells.conductance_us * factor, rtol=1e-5)
        assert_allclose(std, 0.03 * mean + 0.13, rtol=1e-5)


def test_drift_restarts_at_every_pulse() -> None:
    device = PcmNandakumar2018()
    cells = device.program(np.full(100, 5, np.float32), 0.0, generator(0))
    pulsed = device.pulse(cells, np.arange(100) % 2, 1e6, generator(1))
    mean, _ = device.read(pulsed, 1e6)
    assert_array_equal(mean[1::2], pulsed.conductance_us[1::2])
    assert (mean[::2] < pulsed.conductance_us[::2]).all()


def test_programming_passes_its_target_where_pulses_lead_there() -> None:
    target = np.repeat(np.array([0.5, 3, 6], np.float32), 1000)
    assert (PcmNandakumar2018().program(target, 0.0, generator(0)).conductance_us >= target).all()


def test_pulses_alone_do_not_fill_every_cell() -> None:
    # the mean step vanishes at 0.880 / 0.084 = 10.5 µS, so full scale is reached by luck, by most but not by all
    g = PcmNandakumar2018().program(np.full(2000, 12, np.float32), 0.0, generator(0)).conductance_us
    assert 0.5 < (g == 12).mean() < 0.9


@pytest.mark.parametrize(("lowest", "top"), [(1.0, 0.5), (-0.1, 12.0), (0.1, float("nan"))])
def test_impossible_range_is_refused(lowest: float, top: float) -> None:
    with pytest.raises(InsituError, match="g_min_us < g_max_us"):
        PcmNandakumar2018(g_min_us=lowest, g_max_us=top)
