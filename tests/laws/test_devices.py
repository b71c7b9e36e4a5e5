"""Laws that every device obeys: adding a file to the room adds it to these tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, fields, replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from insitu import catalog
from insitu.core import InsituError, generator
from insitu.devices import Array, Cells, Device, uniform_cells
from insitu.devices.ideal import Ideal
from insitu.devices.laws import LAWS, check

DEVICES: dict[str, Device] = {part.path.stem: catalog.load(part)() for part in catalog.parts("devices")}
EVERY = [pytest.param(device, id=stem) for stem, device in DEVICES.items()]
CRYSTALLISING = [pytest.param(device, id=stem) for stem, device in DEVICES.items() if device.crystallises]
RATIOS = arrays(np.float32, array_shapes(max_dims=3, max_side=4), elements=st.floats(0, 1, width=32))
COUNTS = arrays(np.int64, array_shapes(max_dims=3, max_side=4), elements=st.integers(0, 4))
AGES = st.floats(0, 3e8)
few = settings(max_examples=15, derandomize=True, deadline=None, database=None)


def written(device: Device, ratios: Array, now_s: float = 0.0, seed: int = 0) -> Cells:
    return device.program(ratios * np.float32(device.full_scale_us), now_s, generator(seed, "law"))


def assert_equal(one: Cells, other: Cells) -> None:
    for field in fields(Cells):
        assert_array_equal(getattr(one, field.name), getattr(other, field.name), strict=True)


def copy(cells: Cells) -> Cells:
    return Cells(**{field.name: getattr(cells, field.name).copy() for field in fields(Cells)})


@pytest.mark.parametrize("device", EVERY)
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_constants_keep_the_laws(device: Device, law: Callable[[Device], None]) -> None:
    law(device)


@dataclass(frozen=True)
class Broken(Ideal):
    """Cell of which one method or number is wrong."""

    fault: str = ""

    def reset(self, shape: tuple[int, ...], now_s: float, rng: np.random.Generator) -> Cells:
        cells = super().reset(shape, now_s, rng)
        return replace(cells, conductance_us=cells.conductance_us + np.float32(3 * (self.fault == "high after RESET")))

    def program(self, target_us: Array, now_s: float, rng: np.random.Generator) -> Cells:
        scale, least = {"half": (0.5, 0), "floor": (1, 3), "far above": (2.1, 0)}.get(self.fault, (1, 0))
        g = np.maximum(np.float32(scale) * super().program(target_us, now_s, rng).conductance_us, np.float32(least))
        return uniform_cells(g, -0.01 if self.fault == "rises" else 0.0, now_s)

    def pulse(self, cells: Cells, pulses: NDArray[np.integer], now_s: float, rng: np.random.Generator) -> Cells:
        pulsed = super().pulse(cells, pulses, now_s, rng)
        if self.fault == "erasing pulses":
            return replace(pulsed, conductance_us=np.where(pulsed.conductance_us > 5, 1, pulsed.conductance_us))
        return cells if self.fault == "idle pulses" else pulsed

    def read(self, cells: Cells, now_s: float) -> tuple[Array, Array]:
        mean, std = super().read(cells, now_s)
        return mean, std - 1 if self.fault == "negative noise" else std


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("high after RESET", "RESET leaves 15 % of full scale"),
        ("half", "a target of full scale reads as 50 % of it"),
        ("floor", "a target of 0 reads as 15 % of full scale"),
        ("far above", r"conductances leave 0\.\.40 µS"),
        ("rises", "at 25 % of full scale rise with age"),
        ("erasing pulses", "SET pulse 6 lowers the mean by 4 µS"),
        ("idle pulses", "ten SET pulses do not raise the mean"),
        ("negative noise", "a read of a cell 0 s old is not finite, or negative"),
    ],
)
def test_a_broken_law_is_named(fault: str, said: str) -> None:
    with pytest.raises(InsituError, match=f"Broken breaks a law of devices: .*{said}"):
        check(Broken(fault=fault))


@pytest.mark.parametrize("device", EVERY)
def test_docstring_gives_equations_and_what_is_not_modelled(device: Device) -> None:
    text = import_module(type(device).__module__).__doc__ or ""
    assert "Equations" in text
    assert "Not modelled" in text


@pytest.mark.parametrize("device", EVERY)
def test_record_is_immutable_and_equal_to_its_twin(device: Device) -> None:
    assert device == type(device)()
    assert hash(device) == hash(type(device)())
    for field in fields(device):
        with pytest.raises(FrozenInstanceError):
            setattr(device, field.name, getattr(device, field.name))


@pytest.mark.parametrize("device", EVERY)
@few
@given(ratios=RATIOS, seed=st.integers(0, 99))
def test_same_seed_gives_same_cells(device: Device, ratios: Array, seed: int) -> None:
    assert_equal(written(device, ratios, 5.0, seed), written(device, ratios, 5.0, seed))
    first, second = (device.reset(ratios.shape, 5.0, generator(seed)) for _ in range(2))
    assert_equal(first, second)


@pytest.mark.parametrize("device", EVERY)
@few
@given(ratios=RATIOS, age_s=AGES)
def test_reading_changes_nothing_and_arrays_have_the_promised_types(
    device: Device, ratios: Array, age_s: float
) -> None:
    cells = written(device, ratios, 7.0)
    before = copy(cells)
    first, second = (device.read(cells, 7.0 + age_s) for _ in range(2))
    assert_equal(cells, before)
    for one, other in zip(first, second, strict=True):
        assert_array_equal(one, other, strict=True)
        assert one.dtype == np.float32
        assert one.shape == cells.shape == ratios.shape
        assert np.isfinite(one).all()
        assert (one >= 0).all()
    for field in fields(Cells):
        assert getattr(cells, field.name).dtype == (np.float64 if field.name == "programmed_s" else np.float32)
    assert_array_equal(cells.programmed_s, 7.0)


@pytest.mark.parametrize("device", EVERY)
def test_time_never_runs_backwards(device: Device) -> None:
    early, late = (written(device, np.full((2, 2), 0.5, np.float32), at) for at in (10.0, 20.0))
    mixed = early.put((slice(None), [1]), late.take((slice(None), [1])))
    device.read(early, 15.0)
    for now in (np.nextafter(20.0, 0), 15.0, float("nan")):
        with pytest.raises(InsituError, match="time runs forward"):
            device.read(mixed, now)
        if device.crystallises:
            with pytest.raises(InsituError, match="time runs forward"):
                device.pulse(mixed, np.ones((2, 2), np.int64), now, generator(0))


@pytest.mark.parametrize("device", EVERY)
@few
@given(ratios=RATIOS, days=st.floats(0.1, 400))
def test_every_cell_has_its_own_age(device: Device, ratios: Array, days: float) -> None:
    later = 86400 * days
    old, new = written(device, ratios, 0.0), written(device, ratios, later, seed=1)
    chosen = np.arange(old.conductance_us.size).reshape(old.shape) % 2 == 1
    mixed = device.read(old.put(chosen, new.take(chosen)), later + 1000)
    for both, of_old, of_new in zip(mixed, device.read(old, later + 1000), device.read(new, later + 1000), strict=True):
        assert_array_equal(both, np.where(chosen, of_new, of_old))


@pytest.mark.parametrize("device", EVERY)
@few
@given(ratios=RATIOS)
def test_take_put_and_join_keep_every_cell(device: Device, ratios: Array) -> None:
    cells, other = written(device, ratios, 1.0), written(device, ratios, 2.0, seed=3)
    before = copy(cells)
    first = cells.take((slice(0, 1),))
    assert_equal(Cells.join([first, cells.take((slice(1, None),))], axis=0), cells)
    assert_equal(cells.put((slice(0, 1),), first), cells)
    assert_equal(cells.put(..., other), other)
    assert_equal(Cells.join([cells, other], axis=0).take((slice(len(ratios), None),)), other)
    assert_equal(cells, before)


@pytest.mark.parametrize("device", EVERY)
def test_no_cells_are_fine(device: Device) -> None:
    empty = device.program(np.zeros((3, 0), np.float32), 0.0, generator(0))
    mean, std = device.read(empty, 1.0)
    assert empty.shape == mean.shape == std.shape == (3, 0)


@pytest.mark.parametrize("device", EVERY)
@pytest.mark.parametrize(
    "bad",
    [np.nan, np.inf, -0.01, 1.01, "text", 1j, None],
    ids=["nan", "inf", "negative", "above", "text", "1j", "none"],
)
def test_bad_targets_are_refused_in_one_line(device: Device, bad: Any) -> None:
    full = device.full_scale_us
    target = np.array([0.5 * full, bad * full if isinstance(bad, float) else bad])
    with pytest.raises(InsituError, match=r"targets are an array .* within 0\.\.") as caught:
        device.program(target, 0.0, generator(0))
    assert "\n" not in str(caught.value)
    assert "got" in str(caught.value)


@pytest.mark.parametrize("device", EVERY)
def test_targets_of_no_shape_are_refused_and_full_scale_may_be_passed_by_a_rounding(device: Device) -> None:
    for bad in (np.float32(1.0), [[1.0], [1.0, 2.0]]):
        with pytest.raises(InsituError, match="targets are an array"):
            device.program(bad, 0.0, generator(0))  # type: ignore[arg-type]
    device.program(np.nextafter(np.full(3, device.full_scale_us, np.float32), np.inf), 0.0, generator(0))


@pytest.mark.parametrize("device", EVERY)
def test_devices_without_single_pulses_say_so(device: Device) -> None:
    cells = device.reset((2,), 0.0, generator(0))
    if device.crystallises:
        device.pulse(cells, np.ones(2, np.int64), 0.0, generator(0))
    else:
        with pytest.raises(InsituError, match="no model of single SET pulses"):
            device.pulse(cells, np.ones(2, np.int64), 0.0, generator(0))


@pytest.mark.parametrize("device", CRYSTALLISING)
@few
@given(counts=COUNTS, seed=st.integers(0, 99))
def test_a_cell_with_no_pulse_is_untouched(device: Device, counts: NDArray[np.int64], seed: int) -> None:
    cells = written(device, np.full(counts.shape, 0.3, np.float32), 3.0)
    before, given_counts = copy(cells), counts.copy()
    after, again = (device.pulse(cells, counts, 100.0, generator(seed)) for _ in range(2))
    assert_equal(after, again)
    assert_equal(cells, before)
    assert_array_equal(counts, given_counts)
    assert_equal(after.take(counts == 0), before.take(counts == 0))
    assert_array_equal(after.programmed_s, np.where(counts > 0, 100.0, 3.0))


@pytest.mark.parametrize("device", CRYSTALLISING)
@pytest.mark.parametrize(
    "bad",
    [
        np.ones(3),
        np.array([1, -1]),
        np.array([0.5, 1]),
        np.array([np.nan, 1]),
        np.array([np.inf, 1]),
        np.array(1),
        np.array([1, 3_000_000_000]),
        np.array([1, 2**64 - 1], np.uint64),
        np.array([1, 1e30]),
    ],
    ids=["shape", "negative", "half", "nan", "inf", "number", "many", "unsigned", "huge"],
)
def test_bad_pulses_are_refused(device: Device, bad: Any) -> None:
    cells = device.reset((2,), 0.0, generator(0))
    with pytest.raises(InsituError, match="pulses are"):
        device.pulse(cells, bad, 0.0, generator(0))
