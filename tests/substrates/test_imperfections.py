"""Faults of a chip: each obeys its equation, is off by default, and stays where it was drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from insitu.core import InsituError, generator
from insitu.devices.ideal import Ideal
from insitu.devices.pcm_nandakumar2018 import PcmNandakumar2018
from insitu.substrates.analog.imperfections import Imperfections
from insitu.substrates.analog.wires import MEGA, wire_factors
from insitu.substrates.crossbar import Crossbar

INPUTS, OUTPUTS = 60, 70
EXACT = Crossbar(Ideal(), pairs=1, tile=256, input_bits=0, adc_bits=0)


def normal(*shape: int, name: str = "matrix") -> Tensor:
    return torch.from_numpy(generator(0, "imperfect", name).standard_normal(shape).astype(np.float32))


def with_(substrate: Crossbar, **given: float) -> Crossbar:
    return replace(substrate, imperfections=Imperfections(**given))


def stored(substrate: Crossbar, seed: int = 0) -> object:
    return substrate.store(normal(INPUTS, OUTPUTS), 1.0, generator(seed, "store"))


def product(substrate: Crossbar, held: object, now_s: float = 10.0) -> Tensor:
    return substrate.multiply(held, normal(8, INPUTS, name="x"), now_s, generator(0, "multiply"))  # type: ignore[arg-type]


@pytest.mark.parametrize("rows", [1, 2, 17])
def test_factors_of_wires_solve_the_ladder_of_a_column(rows: int) -> None:
    conductances = np.random.default_rng(rows).uniform(0, 25, (3, rows, 2)).astype(np.float32)
    wire_ohm = 400.0
    found = wire_factors(conductances, wire_ohm)
    segment = 1 / (wire_ohm * MEGA)  # µS
    for side, column in np.ndindex(3, 2):
        g = conductances[side, :, column].astype(float)
        nodes = np.diag(g + segment * (2 - (np.arange(rows) == 0)))  # the first node has a segment to one side only
        for row in range(rows - 1):
            nodes[row, row + 1] = nodes[row + 1, row] = -segment
        for row in range(rows):
            voltages = np.linalg.solve(nodes, g * (np.arange(rows) == row))
            assert voltages[-1] * segment == pytest.approx(g[row] * found[side, row, column], rel=1e-4)


def test_wires_take_more_from_cells_that_are_farther_from_the_converter() -> None:
    factors = wire_factors(np.full((1, 200, 1), 20, np.float32), 1.0)[0, :, 0]
    assert (np.diff(factors) > 0).all()
    assert factors[-1] < 1


def test_a_product_through_wires_is_that_of_the_factored_conductances_in_every_row_block() -> None:
    tall = replace(EXACT, tile=25, adc_bits=16)
    wires = with_(tall, wire_ohm=300.0)
    held, plain = stored(wires), stored(tall)
    us = tall.conductances_us(plain, list(range(OUTPUTS)), 10.0)  # type: ignore[arg-type]
    blocks = [us[:, start : start + 25] for start in range(0, INPUTS, 25)]
    seen = np.concatenate([block * wire_factors(block, 300.0) for block in blocks], 1)
    wanted = normal(8, INPUTS, name="x").numpy() @ (seen[0] - seen[1]) * plain.scale.numpy()  # type: ignore[attr-defined]
    assert product(wires, held).numpy() == pytest.approx(wanted, abs=2e-3 * float(np.abs(wanted).max()))
    assert not np.allclose(product(tall, plain), wanted, atol=2e-3 * np.abs(wanted).max())


def test_the_same_cells_may_be_read_with_and_without_wires() -> None:
    held = stored(EXACT)
    before = product(EXACT, held)
    assert not torch.equal(product(with_(EXACT, wire_ohm=50.0), held), before)
    assert torch.equal(product(EXACT, held), before)


def test_shares_of_stuck_cells_are_those_given_and_no_write_or_time_changes_them() -> None:
    substrate = with_(Crossbar(pairs=1), stuck_reset=0.1, stuck_set=0.05)
    rng, columns = generator(0, "stuck"), list(range(OUTPUTS))
    held = substrate.blank(INPUTS, OUTPUTS, 0.0, rng)
    stuck_us = held.flaws.stuck_us  # type: ignore[union-attr]
    count = stuck_us.size
    for value, share in ((0.0, 0.1), (PcmNandakumar2018().full_scale_us, 0.05)):
        assert abs((stuck_us == np.float32(value)).mean() - share) < 3 * (share * (1 - share) / count) ** 0.5
    where = stuck_us[:, 0] >= 0
    for step in range(3):
        held = substrate.add(held, columns, normal(INPUTS, OUTPUTS, name=str(step)), 1.0, rng)
    held = substrate.write(held, columns[:30], normal(INPUTS, 30), 2.0, rng)
    held = substrate.erase(held, columns[60:], 3.0, rng)
    held = substrate.expand(held, 5, 4.0, rng)
    for now_s in (10.0, 1e8):
        assert np.array_equal(substrate.conductances_us(held, columns, now_s)[where], stuck_us[:, 0][where])
    free = substrate.conductances_us(held, columns[:60], 10.0)[~where[..., :60]]
    assert len(np.unique(free)) > 0.5 * len(free)


def test_lost_columns_give_nothing_and_leave_others_as_they_are() -> None:
    given = with_(replace(EXACT, adc_bits=8), lost_columns=0.2)
    held = stored(given)
    lost = (held.flaws.stuck_us == 0).all((0, 1, 2))  # type: ignore[attr-defined]
    assert 0 < lost.sum() < OUTPUTS / 2
    out, whole = product(given, held), product(replace(EXACT, adc_bits=8), stored(replace(EXACT, adc_bits=8)))
    assert not out[:, lost].any()
    assert out[:, ~lost].abs().sum(0).gt(0).all()
    assert np.corrcoef(out[:, ~lost].ravel(), whole[:, ~lost].ravel())[0, 1] > 0.999


def test_converters_have_the_gain_and_offset_that_their_equation_gives_them() -> None:
    plain = replace(EXACT, adc_bits=8, tile=25)
    given = with_(plain, adc_gain_error=0.05, adc_offset=3.0)
    x = normal(8, INPUTS, name="x")
    held = given.calibrate(stored(given), x, 10.0)  # type: ignore[arg-type]
    mean, _ = given.read(held, 10.0)
    errors = held.flaws.errors  # type: ignore[union-attr]
    full = np.stack([held.ranges_us[column // 25] for column in range(OUTPUTS)], 1)  # type: ignore[misc]
    assert errors.gain.shape == (3, OUTPUTS)
    top = x.abs().amax(1, keepdim=True)
    total = np.zeros((8, OUTPUTS))
    for block in range(3):
        rows = slice(25 * block, 25 * block + 25)
        current = ((x / top)[:, rows].double() @ (mean / held.scale)[rows].double()).numpy()
        step = full[block].astype(float) / 127
        steps = (1 + errors.gain[block]) * current / step + errors.offset[block]
        total += np.rint(np.clip(steps, -127, 127)) * step
    wanted = total * held.scale.numpy() * top.numpy()
    step = float(full.max()) / 127 * float(held.scale.max() * top.max())
    wrong = np.abs(product(given, held).numpy() - wanted) > 1e-3 * step
    assert wrong.mean() < 0.005  # sums in another order may round to another step


def test_errors_of_converters_spread_as_given() -> None:
    held = with_(Crossbar(), adc_gain_error=0.05, adc_offset=3.0).blank(4, 3000, 0.0, generator(0, "spread"))
    errors = held.flaws.errors  # type: ignore[union-attr]
    for values, spread in ((errors.gain, 0.05), (errors.offset, 3.0)):
        assert values.std() == pytest.approx(spread, rel=3 / (2 * 3000) ** 0.5)
        assert abs(values.mean()) < 3 * spread / 3000**0.5


def test_parts_of_a_product_and_a_search_see_the_same_faults() -> None:
    given = with_(Crossbar(Ideal()), adc_gain_error=0.1, adc_offset=5.0, stuck_set=0.1, lost_columns=0.1)
    x = normal(8, INPUTS, name="x")
    held = given.calibrate(stored(given), x, 10.0)  # type: ignore[arg-type]
    whole = product(given, held)
    part = given.multiply_columns(held, [3, 20, 65], x, 10.0, generator(0, "multiply"))  # type: ignore[arg-type]
    assert torch.equal(part, whole[:, [3, 20, 65]])
    assert torch.equal(given.search(held, x, 10.0, generator(0, "multiply")), whole.argmax(1))  # type: ignore[arg-type]


def test_a_chip_without_faults_draws_nothing() -> None:
    rng, again = generator(0, "same"), generator(0, "same")
    held = Crossbar(imperfections=Imperfections()).blank(INPUTS, OUTPUTS, 0.0, rng)
    assert held.flaws is None
    with_(Crossbar(), stuck_set=0.5).blank(INPUTS, OUTPUTS, 0.0, again)
    assert rng.bit_generator.state != again.bit_generator.state


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"wire_ohm": -1.0}, "wire_ohm"),
        ({"stuck_reset": float("nan")}, "stuck_reset"),
        ({"stuck_reset": 0.6, "stuck_set": 0.5}, "shares up to 1"),
        ({"lost_columns": 1.5}, "shares up to 1"),
    ],
)
def test_impossible_faults_are_refused(given: dict[str, float], word: str) -> None:
    with pytest.raises(InsituError, match=word):
        Imperfections(**given)


def test_faults_are_refused_where_they_are_not_modelled() -> None:
    with pytest.raises(InsituError, match="adc_bits 0"):
        with_(EXACT, adc_offset=1.0)
    with pytest.raises(InsituError, match="many tasks"):
        with_(Crossbar(), wire_ohm=1.0).fit_batch(normal(2, 4, 3), normal(2, 5, 4), 1.0, 7)
