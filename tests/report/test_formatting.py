"""Words for numbers: three figures and a unit, whatever the size."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insitu.report import formatting

PICOJOULES = {"pJ": 1.0, "nJ": 1e3, "µJ": 1e6, "mJ": 1e9, "J": 1e12, "kJ": 1e15, "MJ": 1e18}
BYTES = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "PiB": 2**50}


@given(st.floats(1e-3, 1e23))
def test_an_energy_is_three_figures_and_a_unit_without_an_exponent(picojoules: float) -> None:
    for text in (formatting.energy(picojoules), formatting.energy_range(picojoules, picojoules)):
        number, unit = text.split(" ")
        assert re.fullmatch(r"[0-9.]+", number)
        assert float(number) * PICOJOULES[unit] == pytest.approx(picojoules, rel=0.006)


@given(st.integers(0, 2**60))
def test_a_memory_is_three_figures_and_a_unit_of_its_size(size: int) -> None:
    number, unit = formatting.memory(size).split(" ")
    assert re.fullmatch(r"[0-9.]+", number)
    assert float(number) * BYTES[unit] == pytest.approx(size, rel=0.006, abs=0.5)
    assert float(number) <= 1024


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 chips"), (1, "1 chip"), (2, "2 chips"), (1000, "1\u202f000 chips")]
)
def test_one_thing_has_no_plural(number: int, text: str) -> None:
    assert formatting.plural(number, "chip") == text
