"""The ideal device is exact: what is written is what is read, whatever the time."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from insitu.core import InsituError, generator
from insitu.devices.ideal import Ideal


def test_reads_what_was_programmed_a_century_later() -> None:
    target = generator(0).uniform(0, 20, (5, 7)).astype(np.float32)
    cells = Ideal().program(target, 100.0, generator(0))
    for now in (100.0, 3e9):
        mean, std = Ideal().read(cells, now)
        assert_array_equal(mean, target)
        assert_array_equal(std, np.zeros_like(target))


def test_pulses_add_fixed_steps_up_to_full_scale() -> None:
    device = Ideal(g_max_us=5.0, step_us=2.0)
    cells = device.pulse(device.reset((5,), 0.0, generator(0)), np.arange(5), 1.0, generator(0))
    assert_array_equal(cells.conductance_us, np.array([0, 2, 4, 5, 5], np.float32))
    assert_array_equal(cells.programmed_s, [0, 1, 1, 1, 1])


def test_nothing_is_drawn() -> None:
    rng, device = generator(0), Ideal()
    before = rng.bit_generator.state
    cells = device.program(np.ones(3, np.float32), 0.0, rng)
    device.pulse(Ideal().reset((3,), 0.0, rng), np.ones(3, np.int64), 0.0, rng)
    device.read(cells, 0.0)
    assert rng.bit_generator.state == before


@pytest.mark.parametrize(("g_max", "step"), [(0, 1), (1, 0), (1, 2), (np.nan, 1), (np.inf, 1), (1, np.nan), (-1, -2)])
def test_impossible_constants_are_refused(g_max: float, step: float) -> None:
    with pytest.raises(InsituError, match="step_us"):
        Ideal(g_max_us=g_max, step_us=step)
