"""What a learner spends: exact counts of what the hardware does, and an estimate of the energy that takes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

# Energy of one event in picojoules, with its source. Counts are exact; these are estimates.
ENERGY_PJ: dict[str, tuple[float, str]] = {
    "core_product": (12_500.0, "one 256x256 product, derived from 10.5 TOPS/W of the 14 nm HERMES core"),
    "set_pulse": (13.0, "own estimate: 100 µA x about 1.3 V x 100 ns partial SET; depends on cell and driver"),
    "reset_pulse": (40.0, "own estimate: 400 µA x about 2 V x 50 ns RESET; depends on cell and driver"),
    "program_and_verify": (200.0, "own estimate: about ten SET pulses with a read after each"),
    "integer_multiply_accumulate": (
        0.23,
        "8-bit multiply 0.2 and add 0.03 (16 bits take more), Horowitz, ISSCC 2014, 45 nm",
    ),
    "float_multiply_accumulate": (4.6, "float32 multiply 3.7 and add 0.9, Horowitz, ISSCC 2014, 45 nm"),
}


@dataclass(frozen=True)
class Ledger:
    """Counts of hardware events by name (``set_pulse``, ``core_product``, ``adc_conversion`` ...); adds and scales."""

    counts: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Ledger) -> Ledger:
        return Ledger(Counter(self.counts) + Counter(other.counts))

    def __sub__(self, other: Ledger) -> Ledger:
        return Ledger(Counter(self.counts) - Counter(other.counts))

    @staticmethod
    def of(**counts: int) -> Ledger:
        """Return a ledger with these counts."""
        return Ledger(Counter({name: int(count) for name, count in counts.items() if count}))

    def energy_pj(self) -> float:
        """Return the estimated energy in picojoules of the events that have an entry in ``ENERGY_PJ``."""
        return sum(ENERGY_PJ[name][0] * count for name, count in self.counts.items() if name in ENERGY_PJ)
