"""The crossbar: exact where it should be, noisy as it should be, tiles, counts, calibration."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from insitu.core import InsituError, generator
from insitu.devices import Array, Cells
from insitu.devices.ideal import Ideal
from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.devices.pcm_nandakumar2018 import PcmNandakumar2018
from insitu.substrates.analog import integer_product
from insitu.substrates.analog.converters import Converters, default_range_us
from insitu.substrates.crossbar import Crossbar

EXACT = Crossbar(Ideal(), pairs=1, input_bits=0, adc_bits=0)


@dataclass(frozen=True)
class Noisy(Ideal):
    """An ideal cell whose reads spread, as PCM does, with its conductance."""

    def read(self, cells: Cells, now_s: float) -> tuple[Array, Array]:
        mean, _ = super().read(cells, now_s)
        return mean, np.float32(0.2) + np.float32(0.05) * mean


def rng(*names: str | int) -> np.random.Generator:
    return generator(0, "crossbar", *names)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(rng("normal", seed).standard_normal(shape).astype(np.float32))


@given(inputs=st.integers(1, 40), outputs=st.integers(1, 20), tile=st.integers(1, 17), pairs=st.integers(1, 3))
def test_ideal_devices_and_exact_converters_give_the_exact_product(
    inputs: int, outputs: int, tile: int, pairs: int
) -> None:
    crossbar = replace(EXACT, tile=tile, pairs=pairs)
    weights, x = normal(inputs, outputs), normal(7, inputs, seed=1)
    held = crossbar.store(weights, 0.0, rng())
    assert torch.allclose(crossbar.multiply(held, x, 9.0, rng()), x @ weights, atol=1e-5, rtol=1e-5)


def test_more_bits_come_closer_to_the_exact_product() -> None:
    weights, x = normal(300, 20), normal(100, 300, seed=1)
    errors = []
    for bits in (4, 6, 8, 10, 12, 14, 16):
        crossbar = Crossbar(Ideal(), pairs=1, input_bits=bits, adc_bits=bits)
        held = crossbar.calibrate(crossbar.store(weights, 0.0, rng()), x, 1.0)
        errors.append(float((crossbar.multiply(held, x, 1.0, rng()) - x @ weights).norm() / (x @ weights).norm()))
    assert errors == sorted(errors, reverse=True)
    assert all(3 < a / b < 5 for a, b in itertools.pairwise(errors))  # two more bits, a quarter of the error
    assert errors[-1] < 1e-4


@given(tile=st.integers(1, 40))
def test_tiling_changes_nothing_with_exact_converters(tile: int) -> None:
    made = []
    for width in (tile, 256):
        crossbar = Crossbar(PcmNandakumar2018(), pairs=1, tile=width, adc_bits=0)
        held = crossbar.blank(30, 13, 0.0, rng("blank"))
        held = crossbar.expand(held, 6, 1.0, rng("expand"))
        held = crossbar.add(held, [15, 2, 9, 3, 4], normal(30, 5).sign(), 2.0, rng("add"))
        held = crossbar.write(held, [0, 18], normal(30, 2), 3.0, rng("write"))
        made.append(crossbar.multiply(held, normal(5, 30, seed=3), 50.0, rng("x")))
    assert torch.allclose(*made, atol=2e-5)


def test_rows_are_converted_block_by_block() -> None:
    crossbar = Crossbar(Ideal(), pairs=1, tile=4, input_bits=0, adc_bits=5)
    weights, x = normal(10, 3), normal(20, 10, seed=1)
    held = crossbar.calibrate(crossbar.store(weights, 0.0, rng()), x, 1.0)
    top = x.abs().amax(1, keepdim=True)
    unit = weights.abs().amax(0) / 20.0
    expected = torch.zeros(20, 3)
    for rows in (slice(0, 4), slice(4, 8), slice(8, 10)):
        current = (x / top)[:, rows] @ (weights / unit)[rows]
        full = 1.1 * current.abs().max()
        expected += torch.round(current / full * 15) * full / 15
    assert torch.allclose(crossbar.multiply(held, x, 1.0, rng()), expected * top * unit, atol=1e-4)


def test_currents_beyond_the_range_are_clipped() -> None:
    crossbar = Crossbar(Ideal(), pairs=1)
    held = crossbar.store(torch.ones(16, 1), 0.0, rng())
    held = crossbar.calibrate(held, torch.eye(16), 0.0)  # single inputs: full scale is 1.1 cells
    assert crossbar.multiply(held, torch.ones(1, 16), 0.0, rng()).item() == pytest.approx(1.1, rel=1e-4)


@pytest.mark.parametrize("adc_bits", [0, 8, 16])
@pytest.mark.parametrize("pairs", [1, 2])
def test_read_noise_has_the_variance_of_its_cells(adc_bits: int, pairs: int) -> None:
    """Sum of x_i^2 s_ij^2, within three standard errors of a variance, for every column."""
    crossbar, device = Crossbar(Noisy(), pairs=pairs, tile=256, input_bits=0, adc_bits=adc_bits), Noisy()
    if adc_bits == 8:
        crossbar = replace(crossbar, input_bits=8)
    weights, x, n = normal(300, 6), normal(1, 300, seed=1), 20_000
    held = crossbar.store(weights, 0.0, rng())
    out = crossbar.multiply(held, x.expand(n, -1), 1.0, rng("noise")).double()
    deviation = device.read(held.tiles[0].cells, 1.0)[1]
    variance = torch.from_numpy(np.square(deviation).sum((0, 1))).double()
    expected = (x.double().square() @ variance)[0] * held.scale.double() ** 2
    if adc_bits == 8:  # rounding to steps adds its own, a twelfth of a step squared in each of two blocks
        mean = torch.from_numpy(device.read(held.tiles[0].cells, 1.0)[0]).sum(1)
        mean = mean[0] - mean[1]
        steps = [2 * mean[part].square().sum(0).max().sqrt() / 127 for part in (slice(0, 256), slice(256, 300))]
        factor = (x.abs().max() * held.scale).double() ** 2
        expected = expected + sum(float(step) ** 2 / 12 for step in steps) * factor
    assert ((out.var(0) - expected).abs() < 3 * expected * (2 / n) ** 0.5 + 0.01 * expected * (adc_bits == 8)).all()


def test_read_noise_is_drawn_for_every_query_and_column_apart() -> None:
    crossbar = Crossbar(Noisy(), pairs=1, adc_bits=0)
    held = crossbar.store(torch.ones(20, 50), 0.0, rng())
    x = torch.ones(2000, 20)
    out = crossbar.multiply(held, x, 1.0, rng())
    noise = ((out - out.mean()) / out.std()).numpy()
    assert len(np.unique(out.numpy())) > 0.8 * out.numel()  # float32 itself holds few more
    for shift in (1, 2, 3, 4, 5):
        assert abs((noise[shift:] * noise[:-shift]).mean()) < 3.5 / noise.size**0.5
        assert abs((noise[:, shift:] * noise[:, :-shift]).mean()) < 3.5 / noise.size**0.5


def test_noise_does_not_depend_on_how_a_batch_is_cut() -> None:
    crossbar = Crossbar(PcmNandakumar2018(), pairs=1, tile=64)
    held = crossbar.add(crossbar.blank(700, 80, 0.0, rng()), [5], torch.ones(700, 1), 1.0, rng())
    x = normal(1500, 700, seed=2)
    whole = crossbar.multiply(held, x, 5.0, rng("x"))
    assert torch.allclose(whole[:500], crossbar.multiply(held, x[:500], 5.0, rng("x")), atol=1e-4)


def test_small_numbers_come_near_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Digits against float32: no worse than a rare step of the converter."""
    crossbar = Crossbar(PcmHermes2022(), pairs=1)
    held = crossbar.store(normal(512, 100), 0.0, rng())
    x = normal(1000, 512, seed=1)
    fast = crossbar.multiply(held, x, 1e5, rng("x"))
    monkeypatch.setattr("insitu.substrates.analog.products.suits", lambda converters: False)
    slow = crossbar.multiply(held, x, 1e5, rng("x"))
    apart = (fast - slow).abs()
    steps = sum(default_range_us(crossbar._converters, crossbar._readings(held, 1e5)[0])) / 127
    assert (apart <= 1.01 * steps * x.abs().amax(1, keepdim=True) * held.scale).all()  # one step in either block
    assert (apart > 1e-3).float().mean() < 0.01
    assert abs((fast - slow).mean()) < 1e-4 * slow.std()


@pytest.mark.parametrize(("inputs", "off"), [("dense", 0.004), ("rectified", 0.006), ("spike", 0.07)])
def test_noise_in_whole_numbers_has_its_size(inputs: str, off: float) -> None:
    """Deviations of the noise, block by block, against the exact ones, also where one input stands far above others."""
    crossbar = Crossbar(PcmHermes2022(), pairs=1)
    held = crossbar.store(normal(512, 100), 0.0, rng())
    x = {"dense": normal(400, 512), "rectified": normal(400, 512).relu(), "spike": normal(400, 512)}[inputs]
    if inputs == "spike":
        x[range(400), rng("spike").integers(0, 512, 400)] = 20.0
    one = crossbar._readings(held, 1e5)[0]
    whole = integer_product.IntegerProduct(crossbar._converters, 512, 400, 100)
    whole.take(x.numpy())
    variances = whole.reading_of(one).variances
    assert one.variance is not None
    assert variances is not None
    for block, rows in enumerate(crossbar._converters.blocks(512)):
        squares = whole.widths.squares[:400, rows].astype(np.float64)
        got = (squares @ variances.rows(block, 100)[: squares.shape[1]]) * variances.unit[:100]
        exact = (whole.widths.widths[:400, rows] / 127.0) ** 2 @ one.variance[rows].double().numpy()
        error = np.sqrt(got / exact) - 1
        assert np.sqrt(np.square(error).mean()) < off
        assert np.abs(error).max() < 10 * off
        assert abs(got.sum() / exact.sum() - 1) < off / 4


@pytest.mark.parametrize("columns", [[0], [3, 4, 5], [9, 0, 4], list(range(10))])
def test_pulses_and_resets_are_counted_exactly(columns: list[int]) -> None:
    crossbar = Crossbar(PcmNandakumar2018(), pairs=3, tile=4)
    amounts = torch.from_numpy(rng("amounts").integers(-4, 5, (11, len(columns))).astype(np.float32))
    held = crossbar.blank(11, 10, 0.0, rng())
    held = crossbar.add(held, columns, amounts, 1.0, rng())
    held = crossbar.add(held, columns, amounts, 2.0, rng())
    held = crossbar.erase(held, columns, 3.0, rng())
    counts = crossbar.written(held).counts
    assert counts["set_pulse"] == 2 * 3 * int(amounts.abs().sum())
    assert counts["reset_pulse"] == 2 * 3 * 11 * len(columns)
    assert crossbar.endurance(held) == {"set_pulses": 2 * int(amounts.abs().max()), "resets": 1}


def test_programming_is_counted_for_cells_that_get_a_target() -> None:
    crossbar = Crossbar(PcmHermes2022(), pairs=2)
    weights = torch.tensor([[1.0, 0.0], [-0.5, 0.0], [0.0, 2.0]])
    counts = crossbar.written(crossbar.store(weights, 0.0, rng())).counts
    assert counts == {"reset_pulse": 2 * 2 * 6, "program_and_verify": 2 * 3}


def test_products_are_counted_by_tiles() -> None:
    crossbar = Crossbar(Ideal(), pairs=2, tile=100)
    held = crossbar.blank(250, 130, 0.0, rng())
    assert crossbar.product_cost(held, 7).counts == {
        "core_product": 7 * 3 * 2,
        "dac_conversion": 7 * 250 * 2,
        "adc_conversion": 7 * 130 * 3,
        "device_read": 7 * 2 * 2 * 250 * 130,
    }


def test_writing_a_tile_ends_its_calibration_alone() -> None:
    crossbar = Crossbar(Ideal(), pairs=1, tile=4)
    held = crossbar.calibrate(crossbar.blank(5, 10, 0.0, rng()), normal(3, 5), 1.0)
    held = crossbar.add(held, [5], torch.ones(5, 1), 2.0, rng())
    assert [known is None for known in held.ranges_us] == [False, True, False]
    assert [known is None for known in crossbar.expand(held, 1, 3.0, rng()).ranges_us] == [False, True, True]


@pytest.mark.parametrize("verb", ["expand", "write", "add", "erase", "multiply", "calibrate", "conductances_us"])
@pytest.mark.parametrize("now_s", [4.9, float("nan")])
def test_time_does_not_run_backwards(verb: str, now_s: float) -> None:
    crossbar = Crossbar()
    held = crossbar.blank(3, 2, 5.0, rng())
    column = torch.ones(3, 1)
    acts = {
        "expand": lambda: crossbar.expand(held, 1, now_s, rng()),
        "write": lambda: crossbar.write(held, [0], column, now_s, rng()),
        "add": lambda: crossbar.add(held, [0], column, now_s, rng()),
        "erase": lambda: crossbar.erase(held, [0], now_s, rng()),
        "multiply": lambda: crossbar.multiply(held, column.T, now_s, rng()),
        "calibrate": lambda: crossbar.calibrate(held, column.T, now_s),
        "conductances_us": lambda: crossbar.conductances_us(held, [0], now_s),
    }
    with pytest.raises(InsituError, match="time runs forward"):
        acts[verb]()


@pytest.mark.parametrize(
    "settings",
    [{"input_bits": 1}, {"adc_bits": 17}, {"pairs": 0}, {"tile": 0}, {"compensation": "some"}, {"adc_bits": -3}],
)
def test_settings_outside_what_is_allowed_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(InsituError):
        Crossbar(**settings)  # type: ignore[arg-type]


def test_pulses_need_a_device_that_crystallises() -> None:
    crossbar = Crossbar(PcmHermes2022())
    with pytest.raises(InsituError, match="programming"):
        crossbar.add(crossbar.blank(3, 2, 0.0, rng()), [0], torch.ones(3, 1), 1.0, rng())


def test_blocks_cover_all_rows() -> None:
    assert Converters(256, 127, 127).blocks(600) == [slice(0, 256), slice(256, 512), slice(512, 600)]
    assert Converters(256, 127, 0).blocks(600) == [slice(0, 600)]


@given(
    pairs=st.integers(1, 3),
    tile=st.integers(1, 9),
    columns=st.lists(st.integers(0, 9), min_size=1, max_size=10, unique=True),
    age_s=st.sampled_from([0.0, 40.0, 1e7]),
)
def test_conductances_shown_are_those_that_products_see(
    pairs: int, tile: int, columns: list[int], age_s: float
) -> None:
    crossbar = Crossbar(PcmNandakumar2018(), pairs=pairs, tile=tile, input_bits=0, adc_bits=0)
    held = crossbar.add(crossbar.blank(6, 10, 0.0, rng("b")), [2, 9, 4], normal(6, 3) * 4, 3.0, rng("a"))
    shown = crossbar.conductances_us(held, columns, 3.0 + age_s)
    assert shown.shape == (2, 6, len(columns))
    assert (shown >= 0).all()
    seen = torch.cat([one.mean for one in crossbar._readings(held, 3.0 + age_s)], 1)[:, columns].numpy()
    np.testing.assert_allclose(shown[0] - shown[1], seen, atol=1e-4)


@pytest.mark.parametrize("columns", [[], [0], [5, 1, 3], list(range(7))])
def test_wear_counts_what_every_cell_got(columns: list[int]) -> None:
    crossbar = Crossbar(PcmNandakumar2018(), pairs=2, tile=3)
    amounts = torch.from_numpy(rng("wear").integers(-4, 5, (5, 7)).astype(np.float32))
    held = crossbar.add(crossbar.blank(5, 7, 0.0, rng()), list(range(7)), amounts, 1.0, rng())
    held = crossbar.erase(held, [1, 5], 2.0, rng())
    held = crossbar.add(held, list(range(7)), amounts, 3.0, rng())
    pulses, resets = crossbar.wear(held, columns)
    assert np.array_equal(pulses[0].astype(int) - pulses[1], 2 * amounts[:, columns].int().numpy())
    assert np.array_equal(pulses.sum(0), 2 * amounts.abs()[:, columns].int().numpy())
    assert resets.tolist() == [int(column in (1, 5)) for column in columns]
    assert crossbar.conductances_us(held, columns, 3.0).shape == (2, 5, len(columns))


def test_copies_of_a_row_add_up_as_further_pairs_do() -> None:
    """Four copies read as four pairs: the same weights, a quarter of the variance; each row has its own converter."""
    weights, x = normal(9, 5), normal(1, 9, seed=1).expand(4000, -1)
    outs = {}
    for copies in (1, 4):
        crossbar = Crossbar(Noisy(), pairs=1, copies=copies, adc_bits=0)
        held = crossbar.store(weights, 0.0, rng())
        outs[copies] = crossbar.multiply(held, x, 1.0, rng("x")).double()
        assert crossbar.product_cost(held, 1).counts["dac_conversion"] == 9 * copies
        assert crossbar.product_cost(held, 1).counts["core_product"] == 1
        assert crossbar.written(held).counts["reset_pulse"] == 2 * 9 * 5 * copies
    ratio = outs[1].var(0) / outs[4].var(0)
    assert ((ratio - 4).abs() < 4 * 4 * (2 / 4000) ** 0.5 + 0.4).all()


def test_copies_leave_fewer_rows_to_a_block() -> None:
    crossbar = Crossbar(Ideal(), pairs=1, tile=8, copies=2)
    held = crossbar.store(normal(10, 3), 0.0, rng())
    assert [rows.stop - rows.start for rows in crossbar._converters.blocks(10)] == [4, 4, 2]
    assert crossbar.product_cost(held, 1).counts["core_product"] == 3
    with pytest.raises(InsituError, match="copies are 1 to the 8 rows of a tile; got 9"):
        replace(crossbar, copies=9)


@pytest.mark.parametrize(("inputs", "copies"), [(9, 28), (128, 2), (129, 1), (504, 1)])
def test_a_filled_crossbar_writes_rows_as_often_as_the_tile_holds_them(inputs: int, copies: int) -> None:
    assert Crossbar().filled(inputs).copies == copies


def test_scalars_of_numpy_are_plain_integers() -> None:
    given = Crossbar(
        pairs=np.uint8(2), copies=np.int8(1), tile=np.uint8(64), input_bits=np.int8(8), adc_bits=np.uint8(8)
    )
    plain = Crossbar(tile=64)
    assert given == plain
    assert {type(getattr(given, name)) for name in ("pairs", "copies", "tile", "input_bits", "adc_bits")} == {int}
    weights, x = torch.eye(80, 3), torch.ones(2, 80)
    products = []
    for crossbar in (given, plain):
        held = crossbar.blank(80, 3, 0.0, np.random.default_rng(0))
        held = crossbar.write(held, [0, 1, 2], weights, 0.0, np.random.default_rng(1))
        products.append(crossbar.multiply(held, x, 1.0, np.random.default_rng(2)))
    assert torch.equal(*products)
