"""Batches of crossbars and differences to a crossbar: the physics of ``multiply``, and cells of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from insitu.core import InsituError, generator
from insitu.devices.ideal import Ideal
from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.substrates.crossbar import Crossbar

DAY_S = 86400.0
REAL = Crossbar(PcmHermes2022(), pairs=1)
HOW = pytest.mark.parametrize("how", ["none", "global", "column"])


def normal(*shape: int, name: str = "x") -> Tensor:
    return torch.from_numpy(generator(0, name).standard_normal(shape)).float()


def programmed(crossbar: Crossbar, weights: Tensor, x: Tensor, steps: int = 8, top: float = 1.0) -> Any:
    scale = crossbar.fit_batch(weights, x, top, steps)
    return crossbar.program_batch(weights, scale, 0.0, generator(0, "write"))


def product(crossbar: Crossbar, batch: Any, x: Tensor, now_s: float = 1.0) -> Tensor:
    return crossbar.multiply_batch(batch, x, now_s, generator(0, "ask"))


def test_a_batch_multiplies_as_a_crossbar_does() -> None:
    weights = torch.from_numpy(generator(0, "weights").uniform(-1, 1, (2, 300, 4))).float()
    x = normal(2, 70, 300)
    crossbar = Crossbar(Ideal(), pairs=2, adc_bits=0)
    found = product(crossbar, programmed(crossbar, weights, x, 2**15), x)
    for k in range(2):
        held = crossbar.store(weights[k], 0.0, generator(0, "write"))
        expected = crossbar.multiply(held, x[k], 1.0, generator(0, "ask"))
        torch.testing.assert_close(found[k], expected, rtol=1e-3, atol=5e-3)


def test_read_noise_of_a_batch_has_the_exact_spread() -> None:
    weights, x = torch.full((1, 40, 3), 0.5), torch.ones(1, 4000, 40)
    crossbar = replace(REAL, input_bits=0, adc_bits=0)
    batch = programmed(crossbar, weights, x)
    out = product(crossbar, batch, x, 60.0)
    _, deviation = crossbar.device.read(batch.cells, 60.0)
    expected = np.sqrt(np.square(deviation).sum((0, 1, 3)))[0] / crossbar.device.full_scale_us
    assert np.allclose(out[0].std(0).numpy(), expected, rtol=0.06)


def test_few_bits_go_through_the_converters() -> None:
    coarse = replace(REAL, adc_bits=4)
    x = torch.ones(2, 5, 20)
    batch = programmed(coarse, normal(2, 20, 3).clamp(-1, 1), x)
    assert len(product(coarse, batch, x).unique()) <= 15


@HOW
@pytest.mark.parametrize("devices", [1, 2])
def test_drift_of_a_batch_is_compensated_as_that_of_one_matrix(how: Any, devices: int) -> None:
    crossbar = Crossbar(PcmHermes2022(), pairs=devices, compensation=how)
    weights = normal(3, 200, 10, name="w").clamp(-2, 2) / 2
    x = normal(3, 50, 200)
    batch = programmed(crossbar, weights, x, steps=127)
    held = crossbar.store(weights[0], 0.0, generator(0, "write"))

    def gain(out: Tensor, wanted: Tensor) -> float:
        return float((out * wanted).sum() / wanted.square().sum())

    aged = gain(product(crossbar, batch, x, 30 * DAY_S), x @ weights)
    single = gain(crossbar.multiply(held, x[0], 30 * DAY_S, generator(0, "ask")), x[0] @ weights[0])
    assert aged == pytest.approx(single, abs=0.05)
    assert (aged < 0.8) == (how == "none")


@pytest.mark.parametrize("how", ["global", "column"])
def test_cells_reprogrammed_late_read_as_they_are_meant_next_to_old_ones(how: Any) -> None:
    crossbar = Crossbar(PcmHermes2022(), pairs=2, compensation=how)
    weights = torch.from_numpy(generator(0, "w").uniform(-0.5, 0.5, (2, 200, 40))).float()
    x = torch.eye(200).expand(2, -1, -1)
    batch = programmed(crossbar, weights, normal(2, 50, 200), steps=127)
    later = weights.clone()
    later[:, :100] = -weights[:, :100]  # half of the cells of every column
    month_s = 30 * DAY_S
    batch = crossbar.reprogram_batch(batch, later, month_s, generator(0, "again"))
    read = product(crossbar, batch, x, month_s + 60)
    for half in (slice(0, 100), slice(100, 200)):
        gain = (read[:, half] * later[:, half]).sum() / later[:, half].square().sum()
        assert float(gain) == pytest.approx(1, abs=0.03)


@HOW
def test_drift_of_deltas_is_compensated_and_new_cells_read_as_they_are_meant(how: Any) -> None:
    weights = torch.from_numpy(generator(0, "w").uniform(-0.5, 0.5, (200, 40)).astype(np.float32))
    pulses, rng = torch.ones(1, 1, 200), generator(0, "device")
    crossbar = Crossbar(PcmHermes2022(), pairs=1, compensation=how)
    base = crossbar.program_base(weights, pulses, weights[None], 0.0, rng)
    held = crossbar.program_deltas(base, weights[None] + 0.25, 30 * DAY_S, rng)
    read = crossbar.pulse_rows(base, 30 * DAY_S).mean[0]
    shrunk = float((read * weights.numpy()).sum() / weights.square().sum())
    assert (shrunk < 0.8) == (how == "none")
    new = crossbar.pulse_rows(held, 30 * DAY_S).mean[0]
    assert float((new - weights.numpy()).mean()) == pytest.approx(0.25, abs=0.01)


def test_time_runs_forward() -> None:
    weights, x, rng = normal(2, 20, 3), torch.ones(2, 5, 20), generator(0, "late")
    scale = REAL.fit_batch(weights, x, 1.0, 8)
    batch = REAL.program_batch(weights, scale, 10.0, rng)
    base = REAL.program_base(weights[0], x, weights, 10.0, rng)
    deltas = REAL.program_deltas(base, weights, 20.0, rng)
    for call in (
        lambda: REAL.reprogram_batch(batch, weights, 9.0, rng),
        lambda: REAL.multiply_batch(batch, x, float("nan"), rng),
        lambda: REAL.program_deltas(base, weights, 9.0, rng),
        lambda: REAL.pulse_rows(base, 9.0),
        lambda: REAL.pulse_rows(deltas, 19.0),
    ):
        with pytest.raises(InsituError, match="time runs forward"):
            call()
