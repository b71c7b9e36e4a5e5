"""A plan counts what a simulated memory of the same size counts, and its law says what such memories reach."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from insitu.core import generator
from insitu.devices import Device
from insitu.devices.ideal import Ideal
from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.devices.pcm_nandakumar2018 import PcmNandakumar2018
from insitu.planning import device_error
from insitu.planning.law import Memory
from insitu.planning.plan import Plan, expected, plan, scaling_law
from insitu.protocols import Examples
from insitu.substrates.crossbar import Crossbar

ROWS, SHOTS = 64, 5
DEVICES = [PcmHermes2022(), PcmNandakumar2018()]
devices = pytest.mark.parametrize("device", DEVICES, ids=["programmed", "pulsed"])


@devices
def test_counts_are_those_of_a_memory_of_that_size(device: Device) -> None:
    made, rng = plan(300, ROWS, SHOTS, device), generator(0, "plan")
    learner = device_error.memory(device, ROWS)
    prototypes = torch.from_numpy(rng.standard_normal((300, ROWS), np.float32))
    known = Examples(torch.from_numpy(rng.standard_normal((20, ROWS), np.float32)), torch.arange(20))
    state = learner.start(device_error.identity(ROWS), known, 0.0, rng)
    state = learner.learn(state, device_error.examples(prototypes, SHOTS, rng), 0.0, rng)
    assert isinstance(learner.substrate, Crossbar)
    product = learner.substrate.product_cost(state.held, 1).counts
    assert product.items() <= made.search_events.items()
    assert made.tiles == product["core_product"] == 2
    assert made.devices == product["device_read"]
    written = learner.cost(state).counts
    for event in ("set_pulse", "reset_pulse", "program_and_verify"):
        assert made.write_events.get(event, 0) == pytest.approx(written[event] / 300, rel=0.1)
    assert made.digital_bytes == sum(learner.kept(state).counts.values()) - known.x.nbytes


@devices
def test_everything_but_the_write_of_a_class_grows_with_the_classes(device: Device) -> None:
    few, many = (plan(classes, 512, SHOTS, device) for classes in (256, 2_560_000))
    assert (few.tiles, many.tiles, many.chips) == (2, 20_000, 313)
    assert many.devices == 10_000 * few.devices
    assert many.search_pj.high == pytest.approx(10_000 * few.search_pj.high)
    assert (few.write_pj, few.write_ns, few.search_ns) == (many.write_pj, many.write_ns, many.search_ns)


def test_ranges_hold_what_is_typical() -> None:
    made: Plan = plan(10**7, ROWS, SHOTS, DEVICES[0])
    for each in (made.write_pj, made.write_ns, made.search_pj, made.search_ns, *(a.percent for a in made.accuracy)):
        assert 0 <= each.low <= each.typical <= each.high
    assert all(each.percent.high <= 100 for each in made.accuracy)


def test_cells_that_are_pulsed_without_noise_err_by_whole_pulses_and_noise_adds_to_it() -> None:
    ideal, programmed, pulsed = (device_error.measure(each, ROWS, SHOTS).error for each in (Ideal(), *DEVICES))
    assert 0.1 < ideal < 0.8 * pulsed
    assert programmed < 0.5 * pulsed


@pytest.mark.parametrize("name", scaling_law()["embeddings"])
def test_what_lies_beyond_the_simulations_is_said(name: str) -> None:
    held = scaling_law()["embeddings"][name]["simulated_to"]
    (few, many), (least, most) = held["rows"], held["shots"]
    for rows, classes in held["classes_by_rows"].items():
        assert expected(name, Memory(classes, int(rows), least)).beyond == []
        (one,) = expected(name, Memory(classes + 1, int(rows), least)).beyond
        assert one == f"simulated to {classes:,} classes in {rows} rows".replace(",", " ")
    # fewer rows are harder: between two simulated numbers of rows, the larger one says where simulations end
    assert expected(name, Memory(held["classes_by_rows"][str(many)], many - 1, least)).beyond == []
    outside = expected(name, Memory(held["classes"] * 2, many + 1, most + 1)).beyond
    assert [text.rsplit(" ", 1)[1] for text in outside] == ["rows", "rows", "shots"]
    assert held["classes"] == max(held["classes_by_rows"].values()) == held["classes_by_rows"][str(few)]


@pytest.mark.parametrize("name", scaling_law()["embeddings"])
def test_the_error_bar_grows_beyond_the_simulations_in_probits(name: str) -> None:
    held = scaling_law()["embeddings"][name]
    assert held["fitted_to"] < held["simulated_to"]["classes"]
    assert held["points"]["held_out"] > 0
    here, far = (
        expected(name, Memory(classes, 512, 1)).percent for classes in (held["fitted_to"], 1000 * held["fitted_to"])
    )
    assert far.typical < here.typical
    assert 0 < here.low < here.typical < here.high


def test_the_law_is_near_a_memory_that_it_was_not_fitted_to() -> None:
    rng, rows, classes, shots = generator(1, "law"), 96, 400, 3
    learner = device_error.memory(DEVICES[0], rows)
    prototypes = torch.from_numpy(rng.standard_normal((classes, rows), np.float32))
    known = Examples(torch.from_numpy(rng.standard_normal((64, rows), np.float32)), torch.arange(64))
    state = learner.start(device_error.identity(rows), known, 0.0, rng)
    state = learner.learn(state, device_error.examples(prototypes, shots, rng), 0.0, rng)
    queries = device_error.examples(prototypes, 3, rng)
    right = learner.predict(state, queries.x, device_error.AGE_S, rng) == queries.labels
    error = device_error.measure(DEVICES[0], rows, shots).error
    percent = expected("random", Memory(classes, rows, shots, error)).percent
    assert percent.typical == pytest.approx(100 * float(right.double().mean()), abs=6)
