"""What the explicit memory spends: every pulse, RESET and product is counted, session by session."""

from __future__ import annotations

import pytest
import torch

from blobs import DIM, OLD, base, shots
from insitu.core import generator
from insitu.devices.ideal import Ideal
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.nearest_mean import NearestMean
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital

ROWS, PAIRS = 48, 3
CELLS = Crossbar(Ideal(g_max_us=1e3), pairs=PAIRS, tile=16)
RNG = generator(0, "cost")


def test_bipolar_shots_cost_a_pulse_per_device_and_row() -> None:
    memory = ExplicitMemory(CELLS, dim=ROWS, support="bipolar", pulses=2, base_shots=4)
    state = memory.prepare(base(), 0.0, RNG)
    assert memory.cost(state).counts == {"set_pulse": OLD * 4 * 2 * ROWS * PAIRS}
    before = memory.cost(state)
    state = memory.learn(state, shots([8, 9], each=3), 1.0, RNG)
    assert (memory.cost(state) - before).counts == {"set_pulse": 6 * 2 * ROWS * PAIRS}
    before = memory.cost(state)
    state = memory.learn(state, shots([8], each=1), 2.0, RNG)
    assert (memory.cost(state) - before).counts == {"set_pulse": 2 * ROWS * PAIRS}
    assert memory.substrate.endurance(state.held) == {"set_pulses": 8, "resets": 0}


def test_magnitudes_cost_as_many_pulses_as_are_held() -> None:
    memory = ExplicitMemory(CELLS, dim=ROWS, pulses=3)
    state = memory.prepare(base(), 0.0, RNG)
    before = memory.cost(state)
    state = memory.learn(state, shots([8], each=1), 1.0, RNG)
    # an ideal cell gains 1 µS per pulse, so the array itself tells how many it got
    exact = Crossbar(CELLS.device, pairs=PAIRS, input_bits=0, adc_bits=0, tile=16)
    held = exact.multiply(state.held, torch.eye(ROWS), 2.0, RNG)[:, OLD]
    assert (memory.cost(state) - before).counts["set_pulse"] == round(float(held.abs().sum())) > 0


def test_erasing_costs_a_reset_per_cell_of_the_column() -> None:
    memory = ExplicitMemory(CELLS, dim=ROWS)
    state = memory.prepare(base(), 0.0, RNG)
    before = memory.cost(state)
    state = memory.erase(state, [1, 5], 1.0, RNG)
    assert (memory.cost(state) - before).counts == {"reset_pulse": 2 * 2 * PAIRS * ROWS}
    assert memory.substrate.endurance(state.held)["resets"] == 1


def test_programming_costs_by_the_columns_written() -> None:
    memory = ExplicitMemory(CELLS, dim=ROWS, support="program")
    state = memory.prepare(base(), 0.0, RNG)
    before = memory.cost(state)
    state = memory.learn(state, shots([8, 9]), 1.0, RNG)
    spent = (memory.cost(state) - before).counts
    assert spent["reset_pulse"] == 2 * 2 * PAIRS * ROWS
    assert spent["program_and_verify"] == 2 * PAIRS * ROWS  # one side of each pair
    assert "set_pulse" not in spent


@pytest.mark.parametrize("mode", [2, 3])
def test_modes_2_and_3_write_every_class_anew(mode: int) -> None:
    memory = ExplicitMemory(Digital(), projection="trained", support="program", mode=mode)
    state = memory.prepare(base(), 0.0, RNG)
    assert memory.cost(state).counts == {"written_weight": OLD * DIM}
    before = memory.cost(state)
    state = memory.learn(state, shots([8]), 1.0, RNG)
    assert (memory.cost(state) - before).counts == {"written_weight": (OLD + 1) * DIM}


def test_a_query_costs_one_product_whatever_was_learned_before() -> None:
    memory = ExplicitMemory(CELLS, dim=ROWS)
    state = memory.learn(memory.prepare(base(), 0.0, RNG), shots(list(range(8, 20)), each=1), 1.0, RNG)
    cost, columns = memory.query_cost(state).counts, OLD + 12
    assert cost["core_product"] == (ROWS // 16) * 2  # 20 columns take two tiles across
    assert cost["adc_conversion"] == columns * (ROWS // 16)
    digital = ExplicitMemory(Digital(), dim=ROWS, support="program")
    assert digital.query_cost(digital.prepare(base(), 0.0, RNG)).counts == {
        "float_multiply_accumulate": ROWS * OLD,
        "sram_byte": 4 * (ROWS * OLD + ROWS + OLD),
    }


def test_asking_is_not_charged_to_learning() -> None:
    memory = ExplicitMemory(CELLS, dim=ROWS)
    state = memory.prepare(base(), 0.0, RNG)
    before = memory.cost(state)
    memory.predict(state, shots([0]).x, 1.0, RNG)
    assert memory.cost(state) == before


def test_the_float_baseline_counts_nothing() -> None:
    learner = NearestMean()
    state = learner.prepare(base(), 0.0, RNG)
    assert not learner.cost(state).counts
    assert not learner.query_cost(state).counts
