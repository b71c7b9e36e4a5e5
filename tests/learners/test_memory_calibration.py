"""The digital slope and offset of every column give back exact similarities, whatever affine fault the array has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from blobs import OLD, accuracy, base, draw, shots
from insitu.core import generator
from insitu.devices.ideal import Ideal
from insitu.learners.array_columns import State
from insitu.learners.column_calibration import scaled
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.projections import scatter
from insitu.rows import Rows
from insitu.substrates import Substrate
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital


@dataclass(frozen=True)
class Crooked(Digital):
    """An exact matrix whose column j reads j + 1/2 times too large, and off by a constant."""

    def multiply(self, held: Any, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        out = super().multiply(held, x, now_s, rng)
        number = torch.arange(out.shape[1])
        return out * (0.5 + number) + torch.cos(number)


def taught(memory: ExplicitMemory) -> State:
    rng = generator(0, "learn")
    return memory.learn(memory.prepare(base(), 0.0, rng), shots([8, 9]), 1.0, rng)


def exact(memory: ExplicitMemory, state: State, x: Tensor) -> Tensor:
    return state.projection.vectors(x) @ memory.prototypes(state).T


@pytest.mark.parametrize("correction", [0.0, 0.9])
@pytest.mark.parametrize(
    "substrate",
    [Crooked(), Crossbar(Ideal(), pairs=1, tile=16, input_bits=0, adc_bits=0)],
    ids=["crooked", "ideal cells"],
)
def test_calibrating_recovers_exact_similarities(substrate: Substrate, correction: float) -> None:
    memory = ExplicitMemory(substrate, dim=40, support="program", correction=correction)
    state, asked = taught(memory), draw(list(range(12)) * 3, spread=1.0).x
    scores = memory.scores(state, asked, 2.0, generator(0, "ask"))
    torch.testing.assert_close(scores, exact(memory, state, asked), atol=2e-4, rtol=1e-3)


def test_without_calibrating_a_crooked_array_stays_crooked() -> None:
    memory = ExplicitMemory(Crooked(), dim=40, support="program", calibrate=False)
    state, asked = taught(memory), draw(list(range(12)) * 3).x
    scores = memory.scores(state, asked, 2.0, generator(0, "ask"))
    assert float((scores - exact(memory, state, asked)).abs().max()) > 0.3


def test_without_calibrating_columns_are_scaled_to_their_rms() -> None:
    # twice as many pulses in every old class make its outputs twice as large; the scaling takes that out
    short, long = (
        ExplicitMemory(
            Crossbar(Ideal(g_max_us=1e3), pairs=1, input_bits=0, adc_bits=0),
            dim=128,
            support="bipolar",
            calibrate=False,
            base_shots=count,
        )
        for count in (2, 4)
    )
    asked = draw(list(range(10)) * 3, spread=1.0).x
    scores = [memory.scores(taught(memory), asked, 2.0, generator(0, "ask")) for memory in (short, long)]
    torch.testing.assert_close(scores[0], scores[1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("calibrate", [True, False])
def test_old_and_new_classes_are_on_one_scale_on_real_cells(calibrate: bool) -> None:
    memory = ExplicitMemory(Crossbar(tile=64), dim=256, calibrate=calibrate)
    state = taught(memory)
    assert accuracy(memory, state, list(range(OLD))) > 0.9
    assert accuracy(memory, state, [8, 9]) > 0.9


@pytest.mark.parametrize("calibrate", [True, False])
def test_a_column_that_is_all_zero_stays_finite(calibrate: bool) -> None:
    memory = ExplicitMemory(Digital(), dim=40, support="program", calibrate=calibrate)
    zero = replace(shots([8]), x=base().means.mean(0).repeat(5, 1))  # the centre itself, whose vector is zero
    rng = generator(0, "learn")
    state = memory.learn(memory.prepare(base(), 0.0, rng), zero, 1.0, rng)
    assert torch.isfinite(memory.scores(state, draw([0, 8]).x, 2.0, rng)).all()


def test_erasing_sets_converter_ranges_anew() -> None:
    memory = ExplicitMemory(Crossbar(Ideal(), tile=16, pairs=1), dim=16, support="program")
    state = taught(memory)
    erased = memory.erase(state, [8], 2.0, generator(0, "erase"))
    left, asked = [*range(8), 9], draw(list(range(8)) * 3).x
    scores = memory.scores(erased, asked, 3.0, generator(0, "ask"))[:, left]
    torch.testing.assert_close(scores, exact(memory, erased, asked)[:, left], atol=0.03, rtol=0)


@pytest.mark.parametrize("shots_of", [1e6, 5.0, 1.0])
def test_columns_are_scaled_to_the_length_that_random_signs_show(shots_of: float) -> None:
    # an array that reads a column three times too large is scaled back, and few shots are corrected by what is expected
    signs = torch.from_numpy(generator(0, "signs").choice([-1.0, 1.0], (4000, 30)))
    column, scatter = torch.from_numpy(generator(0, "column").standard_normal(30)), 0.4
    slope, offset = scaled(signs @ (3 * column)[:, None], torch.tensor([shots_of]), scatter, 0.5)
    square = 1 - scatter + scatter / shots_of
    longer = (square / (square - 0.5 * scatter / shots_of)) ** 0.5
    assert float(slope) == pytest.approx(3 * float(column.norm()) / longer, rel=0.03)
    assert not offset.any()


def test_without_calibrating_no_exact_prototype_is_kept_and_none_is_used() -> None:
    memory = ExplicitMemory(Crossbar(tile=64), dim=64, support="bipolar", pulses=1, calibrate=False)
    fitted = replace(memory, calibrate=True)
    state, asked = taught(memory), draw(list(range(10)) * 3, spread=1.0).x
    lost = memory.erase(
        replace(state, sums=Rows.of(np.zeros(state.sums.shape, np.float32))), [0], 1.0, generator(0, "erase")
    )
    erased = memory.erase(state, [0], 1.0, generator(0, "erase"))
    scores = [memory.scores(each, asked, 2.0, generator(0, "ask")) for each in (lost, erased)]
    assert torch.equal(*scores)
    kept, more = memory.kept(state).counts, fitted.kept(state).counts
    assert more["exact_prototype_bytes"] == 10 * 64 * 4
    assert "exact_prototype_bytes" not in kept
    assert kept["calibration_example_bytes"] == len(base().examples) * base().means.shape[1] * 4


def test_columns_of_signs_are_corrected_for_the_wider_scatter_of_signs() -> None:
    slopes = []
    for correction in (0.0, 0.5):
        memory = ExplicitMemory(
            Crossbar(Ideal(g_max_us=1e3), pairs=1, input_bits=0, adc_bits=0),
            dim=64,
            support="bipolar",
            pulses=1,
            calibrate=False,
            correction=correction,
        )
        state = taught(memory)
        slopes.append(state.slope[8])
    signs = torch.sign(state.projection.vectors(base().examples.x)) / 8
    spread = scatter(signs, base().examples.labels)
    assert spread > 1.2 * state.projection.scatter
    square = 1 - spread + spread / 5
    assert float(slopes[0] / slopes[1]) == pytest.approx((square / (square - 0.5 * spread / 5)) ** 0.5, rel=1e-4)
