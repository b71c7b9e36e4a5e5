"""Every cell has its own age: columns written on different days drift apart, and compensation brings them back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from insitu.core import generator
from insitu.devices import Array, Cells, drifted, uniform_cells
from insitu.devices.ideal import Ideal
from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.devices.pcm_nandakumar2018 import PcmNandakumar2018
from insitu.substrates.analog.probes import FEWEST, drift_factors
from insitu.substrates.crossbar import Crossbar

DAY = 86400.0


@dataclass(frozen=True)
class Drifting(Ideal):
    """Ideal, but that all cells drift with one exponent."""

    def program(self, target_us: Array, now_s: float, rng: np.random.Generator) -> Cells:
        return uniform_cells(np.asarray(target_us), 0.05, now_s)

    def read(self, cells: Cells, now_s: float) -> tuple[Array, Array]:
        mean, _ = drifted(cells, now_s, t0_s=20.0)
        return mean, np.zeros_like(mean)


def rng(*names: str | int) -> np.random.Generator:
    return generator(0, "drift", *names)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(rng("normal", seed).standard_normal(shape).astype(np.float32))


def written_on_two_days(crossbar: Crossbar) -> object:
    held = crossbar.blank(50, 8, 0.0, rng("blank"))
    held = crossbar.write(held, [0, 1, 2, 3], normal(50, 8)[:, :4], 0.0, rng("first"))
    return crossbar.write(held, [4, 5, 6, 7], normal(50, 8)[:, 4:], 100 * DAY, rng("second"))


def crossbar(compensation: str, device: Ideal | PcmHermes2022 | None = None, bits: int = 0) -> Crossbar:
    made = Drifting() if device is None else device
    return Crossbar(made, pairs=1, tile=3, input_bits=bits, adc_bits=bits, compensation=compensation)  # type: ignore[arg-type]


def test_columns_written_at_different_times_drift_differently() -> None:
    drifting = crossbar("none")
    held = written_on_two_days(drifting)
    exact = normal(20, 50, seed=1) @ normal(50, 8)
    ratio = (drifting.multiply(held, normal(20, 50, seed=1), 101 * DAY, rng()) / exact).median(0).values
    assert torch.allclose(ratio[:4], torch.tensor((101 * DAY / 20) ** -0.05), rtol=1e-3)
    assert torch.allclose(ratio[4:], torch.tensor((DAY / 20) ** -0.05), rtol=1e-3)


@pytest.mark.parametrize("now_s", [100 * DAY, 101 * DAY, 1000 * DAY])
def test_compensation_by_column_restores_outputs_of_any_age(now_s: float) -> None:
    each = crossbar("column")
    held = written_on_two_days(each)
    x = normal(20, 50, seed=1)
    assert torch.allclose(each.multiply(held, x, now_s, rng()), x @ normal(50, 8), rtol=1e-4, atol=1e-4)


def test_global_compensation_restores_outputs_of_one_age() -> None:
    together = crossbar("global")
    held = together.expand(together.store(normal(50, 8), 0.0, rng()), 5, DAY, rng())  # blank columns take no part
    x = normal(20, 50, seed=1)
    out = together.multiply(held, x, 30 * DAY, rng())
    assert torch.allclose(out[:, :8], x @ normal(50, 8), rtol=1e-4, atol=1e-4)


def test_global_compensation_leaves_ages_apart() -> None:
    together = crossbar("global")
    held = written_on_two_days(together)
    x = normal(20, 50, seed=1)
    ratio = (together.multiply(held, x, 101 * DAY, rng()) / (x @ normal(50, 8))).median(0).values
    assert ratio[:4].max() < 0.97 < 1.03 < ratio[4:].min()


def test_compensation_holds_up_against_noise_and_converters() -> None:
    x = normal(200, 50, seed=1)
    lost = {}
    for how in ("none", "column"):
        real = crossbar(how, PcmHermes2022(), bits=8)
        held = written_on_two_days(real)
        slope = (real.multiply(held, x, 465 * DAY, rng("x")) * (x @ normal(50, 8))).sum(0) / (
            x @ normal(50, 8)
        ).square().sum(0)
        lost[how] = float((slope - 1).abs().mean())
    assert lost["column"] < 0.1 < 0.3 < lost["none"]


def test_superposed_pulses_keep_the_age_of_each_cell() -> None:
    pcm = Crossbar(PcmNandakumar2018(), pairs=1)
    held = pcm.blank(4, 1, 0.0, rng())
    held = pcm.add(held, [0], torch.tensor([[1.0], [1.0], [0.0], [-1.0]]), DAY, rng())
    held = pcm.add(held, [0], torch.tensor([[0.0], [1.0], [0.0], [1.0]]), 2 * DAY, rng())
    plus, minus = held.tiles[0].cells.programmed_s[:, 0, :, 0]
    assert plus.tolist() == [DAY, 2 * DAY, 0, 2 * DAY]
    assert minus.tolist() == [0, 0, 0, DAY]


def test_columns_that_were_never_written_take_no_part_in_the_common_factor() -> None:
    reference, present = torch.tensor([4.0, 0.0, 2.0]), torch.tensor([1.0, 7.0, 2.0])
    assert drift_factors("global", reference, present).tolist() == [2.0, 2.0, 2.0]
    assert drift_factors("column", reference, present).tolist() == [4.0, 1.0, 1.0]
    assert drift_factors("global", torch.zeros(2), present[:2]).tolist() == [1.0, 1.0]


def test_a_year_later_compensation_by_column_leaves_gains_less_apart() -> None:
    # columns of one age: what differs between their gains is the mean of the exponents of their cells
    weights, x = normal(256, 40), normal(2000, 256, seed=1)
    exact, spread = x @ weights, {}
    for how in ("none", "global", "column"):
        real = Crossbar(PcmHermes2022(), pairs=1, compensation=how)  # type: ignore[arg-type]
        held = real.store(weights, 0.0, rng("store"))
        gains = (real.multiply(held, x, 365.25 * DAY, rng("x")) * exact).sum(0) / exact.square().sum(0)
        spread[how] = float(gains.std() / gains.mean())
    assert spread["column"] < 0.7 * min(spread["none"], spread["global"])


def test_probes_are_counted_when_columns_are_written_and_once_per_time_step() -> None:
    each, plain = (Crossbar(Ideal(), tile=16, compensation=how) for how in ("column", "none"))  # type: ignore[arg-type]
    (held, written), (_, bare) = (
        (made, one.written(made)) for one in (each, plain) for made in [one.store(normal(100, 20), 0.0, rng())]
    )
    assert held.probes == 100
    assert (written - bare).counts["core_product"] == 100 * 7 * 2  # 100 rows take seven tiles, 20 columns two
    assert each.compensation_cost(held).counts == {"drift_core_product_per_time_step": 100 * 7 * 2}
    assert not plain.compensation_cost(held).counts


def test_a_matrix_of_an_older_file_is_measured_with_the_probes_of_its_reference() -> None:
    each = crossbar("column")
    held = each.store(normal(200, 8), 0.0, rng())
    assert held.probes == 200
    old = replace(held, reference=held.reference * 0, probes=FEWEST)
    old = each.write(old, list(range(8)), normal(200, 8), 0.0, rng())
    x = normal(20, 200, seed=1)
    assert torch.allclose(each.multiply(old, x, 30 * DAY, rng()), x @ normal(200, 8), rtol=1e-4, atol=1e-4)
