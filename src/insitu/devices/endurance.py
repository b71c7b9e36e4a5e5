"""How many writes a memory cell stands: published limits by the kind of device, in one place.

A limit counts cycles of one RESET and one full SET. Own choice, to stay below it: every pulse counts as a whole cycle,
a RESET like a partial SET, since no limit is published for partial pulses alone. Iterative programming is not simulated
pulse by pulse; it counts as ``PROGRAM_PULSES`` SET pulses, as in the energy table of ``insitu.ledger``.
"""

from __future__ import annotations

from dataclasses import dataclass

PROGRAM_PULSES = 10  # own estimate, that of ``ledger.ENERGY_PJ["program_and_verify"]``


@dataclass(frozen=True)
class WriteLimit:
    """Cycles that a cell stands: what is expected of common cells, and the best published."""

    expected: float
    expected_source: str
    best: float
    best_source: str


PCM = WriteLimit(
    1e6,
    "'1 million cycles or more', US patent application 2021/0264978 (IBM)",
    2e12,
    "confined cell with a metallic liner, Kim et al., IEDM 2016",
)
RRAM = WriteLimit(
    1e6,
    "HfOx cells with four levels, Huang et al., IEDM 2013",
    1e12,
    "TaOx cell, Lee et al., Nat. Mater. 10, 625 (2011)",
)
KINDS = {"pcm": PCM, "rram": RRAM, "cmo": RRAM}  # by the first word of a device's file


def limit_of(device: str) -> WriteLimit | None:
    """Return the limits of a device by the name of its part, such as "pcm-joshi2020"; None where none is known."""
    return KINDS.get(device.replace("_", "-").partition("-")[0])
