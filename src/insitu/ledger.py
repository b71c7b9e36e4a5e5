"""What a learner spends: exact counts of what the hardware does, and an estimate of the energy that takes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from insitu.hardware import ENERGY_PJ


@dataclass(frozen=True)
class Ledger:
    """Counts of hardware events by name (``set_pulse``, ``core_product``, ``adc_conversion`` ...); adds and scales."""

    counts: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Ledger) -> Ledger:
        return Ledger(Counter(self.counts) + Counter(other.counts))

    def __sub__(self, other: Ledger) -> Ledger:
        return Ledger(Counter(self.counts) - Counter(other.counts))

    def __mul__(self, times: int) -> Ledger:
        return Ledger(Counter({name: times * count for name, count in self.counts.items()}))

    @staticmethod
    def of(**counts: int) -> Ledger:
        """Return a ledger with these counts."""
        return Ledger(Counter({name: int(count) for name, count in counts.items() if count}))

    def energy_pj(self) -> float:
        """Return the estimated energy in picojoules of the events that have an entry in ``ENERGY_PJ``."""
        return sum(ENERGY_PJ[name].typical * count for name, count in self.counts.items() if name in ENERGY_PJ)

    def energy_range_pj(self) -> tuple[float, float]:
        """Return the least and the most energy in picojoules that the ranges of ``ENERGY_PJ`` allow."""
        known = [(ENERGY_PJ[name], count) for name, count in self.counts.items() if name in ENERGY_PJ]
        return sum(each.low * count for each, count in known), sum(each.high * count for each, count in known)
