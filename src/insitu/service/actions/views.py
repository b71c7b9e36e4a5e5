"""Parts of replies. Energy is in nJ, conductance in µS."""

from __future__ import annotations

from typing import Any

from insitu.ledger import Ledger
from insitu.memory import Memory
from insitu.memory.query import Columns
from insitu.substrates.crossbar import Crossbar

Json = dict[str, Any]


def classes(memory: Memory | None) -> list[Json]:
    """Return each class with its number of examples."""
    if memory is None:
        return []
    pairs = zip(memory.classes_.tolist(), memory.class_count_.tolist(), strict=True)
    return [{"label": str(label), "examples": count} for label, count in pairs]


def energy_nj(spent: Ledger) -> float:
    """Return the estimated energy."""
    return round(spent.energy_pj() / 1e3, 3)


def conductances(columns: Columns, index: int) -> Json:
    """Return the conductances of one class, to two decimals."""
    plus, minus = ([round(value, 2) for value in side.tolist()] for side in columns.conductances_us[:, :, index])
    return {"plus_us": plus, "minus_us": minus}


def compensation(memory: Memory) -> str | None:
    """Return how drift is compensated, None where it is not."""
    method = getattr(memory.settings.substrate, "compensation", "none")
    return None if method == "none" else str(method)


def has_devices(memory: Memory) -> bool:
    """Return whether the substrate has devices."""
    return isinstance(memory.settings.substrate, Crossbar)
