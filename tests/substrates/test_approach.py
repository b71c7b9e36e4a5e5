"""Write and verify: compiled and plain, weight by weight, towards targets near and far."""

from __future__ import annotations

import numpy as np
import pytest

from insitu.devices.ideal import Ideal
from insitu.devices.pcm_nandakumar2018 import PcmNandakumar2018
from insitu.kernels import compiled
from insitu.substrates.analog import approach as verified
from insitu.substrates.crossbar import Crossbar

ROUNDS = 8


def draws(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.skipif(compiled() is None, reason="Numba does not work here")
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (70, 37), (129, 16)])
@pytest.mark.parametrize("devices", [1, 2, 3, 6])
@pytest.mark.parametrize("rounds", [1, 8])
def test_compiled_and_plain_give_the_same_bits(shape: tuple[int, int], devices: int, rounds: int) -> None:
    array = Crossbar(pairs=devices)._array
    cells = array.device.reset((2, devices, *shape), 0.0, draws(1))
    sides = []
    for act in (verified.approach_reference, verified._compiled):
        g, history = (each.reshape(2, devices, -1).copy() for each in (cells.conductance_us, cells.history))
        read_us, counts = g * np.float32(0.9), np.zeros((2, g.shape[2]), np.int32)
        total = 0
        for turn in range(3):  # means that move, from blank cells and from written ones
            shares = draws(2, turn).uniform(-1, 1, g.shape[2]).astype(np.float32)
            key = (7, turn)
            total += act(
                array.device.steps, g, history, read_us, shares, np.float32(array.full_us), rounds, key, counts
            )
            read_us = g * np.float32(0.95)
        sides.append((g, history, counts, total))
    for one, other in zip(*sides, strict=True):
        np.testing.assert_array_equal(one, other)


def test_most_weights_end_near_their_targets_and_those_near_are_left_alone() -> None:
    array = Crossbar()._array
    cells = array.device.reset((2, 2, 64, 16), 0.0, draws(1))
    shares = draws(2).uniform(-0.7, 0.7, (64, 16)).astype(np.float32)
    first = verified.approach(array, cells, shares, ROUNDS, 1.0, draws(3))
    mean = array.device.read(first.cells, 1.0)[0].sum(1)
    short = np.abs(shares - (mean[0] - mean[1]) / array.full_us)
    near = short <= verified.TOLERANCE
    assert near.mean() > 0.8
    again = verified.approach(array, first.cells, shares, ROUNDS, 1.0, draws(4))
    assert not again.pulses[:, near].any()
    assert again.pulses[:, ~near].any()
    np.testing.assert_array_equal(again.cells.conductance_us[..., near], first.cells.conductance_us[..., near])
    # blank cells are all read once, and only those that are pulsed again
    assert shares.size < first.reads < ROUNDS * shares.size


def test_a_weight_gets_the_same_whatever_the_others_aim_at() -> None:
    array = Crossbar()._array
    cells = array.device.reset((2, 2, 9, 4), 0.0, draws(1))
    shares = draws(2).uniform(-0.8, 0.8, (9, 4)).astype(np.float32)
    other = -shares
    other[3, 2] = shares[3, 2]
    one, two = (verified.approach(array, cells, each, ROUNDS, 0.0, draws(5)) for each in (shares, other))
    np.testing.assert_array_equal(one.cells.conductance_us[..., 3, 2], two.cells.conductance_us[..., 3, 2])
    assert (one.cells.conductance_us != two.cells.conductance_us).any()


@pytest.mark.parametrize("device", [PcmNandakumar2018(), Ideal()])
def test_only_pulsed_cells_are_younger(device: object) -> None:
    array = Crossbar(device)._array  # type: ignore[arg-type]
    cells = array.device.reset((2, 2, 20, 3), 0.0, draws(1))
    shares = draws(2).choice(np.array([-0.5, 0, 0.5], np.float32), (20, 3))
    found = verified.approach(array, cells, shares, ROUNDS, 9.0, draws(3))
    pulsed = np.broadcast_to(found.pulses[:, None] > 0, cells.shape)
    assert pulsed.any()
    np.testing.assert_array_equal(found.cells.programmed_s, np.where(pulsed, 9.0, 0.0))
    np.testing.assert_array_equal(found.cells.conductance_us[~pulsed], cells.conductance_us[~pulsed])
