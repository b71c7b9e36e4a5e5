"""Every figure has a range around what is typical, and a ledger's energies are between their ends."""

from __future__ import annotations

import pytest

from insitu.hardware import DURATION_NS, ENERGY_PJ, Figure
from insitu.ledger import Ledger


@pytest.mark.parametrize("figure", [*ENERGY_PJ.values(), *DURATION_NS.values()])
def test_what_is_typical_lies_in_its_range(figure: Figure) -> None:
    assert 0 < figure.low <= figure.typical <= figure.high
    assert figure.source


@pytest.mark.parametrize("event", ENERGY_PJ)
def test_every_energy_of_a_ledger_scales_with_its_counts(event: str) -> None:
    once, thrice = Ledger.of(**{event: 7}), Ledger.of(**{event: 7}) * 3
    low, high = once.energy_range_pj()
    assert low <= once.energy_pj() <= high
    assert thrice.energy_range_pj() == pytest.approx((3 * low, 3 * high))
    assert thrice == once + once + once


def test_events_without_a_figure_have_no_energy() -> None:
    assert Ledger.of(adc_conversion=5).energy_range_pj() == (0, 0)
