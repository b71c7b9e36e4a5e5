"""The plan of a memory: tiles, devices, energy and time of writing and searching, and the accuracy to be expected.

Counts are exact for the mapping that is simulated: a class is a column, ``rows`` components down tiles of 256 rows,
differential pairs of devices. Energies and times are counts times the ranges of ``insitu.hardware``. Accuracy follows
the law of scale (``law.py``) with the constants in ``scaling_law.json``, which ``bench/scaling_law.py`` fits to
simulations; its error bar joins the spread of resampled fits with what the law missed held-out sizes by, which is taken
to grow with the decades beyond the simulated ones.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from insitu.core import read_text
from insitu.devices import Device
from insitu.hardware import DURATION_NS
from insitu.ledger import Ledger
from insitu.planning.device_error import ONE_BY_ONE, measure, memory
from insitu.planning.law import Embedding, Memory, accuracy
from insitu.substrates.crossbar import Crossbar

LAW = Path(__file__).with_name("scaling_law.json")
CORES = 64  # of a chip (Le Gallo et al., Nat. Electron. 2023)
NORMAL = 1.96  # deviations of a 95 % interval


@dataclass(frozen=True)
class Range:
    """An estimate, with its least and its most."""

    typical: float
    low: float
    high: float


@dataclass(frozen=True)
class Expected:
    """The accuracy to be expected of classes that lie as those of an embedding do, in percent."""

    embedding: str
    percent: Range
    beyond: list[str]  # what lies outside of the simulated range


@dataclass(frozen=True)
class Plan:
    """What a memory takes; energies and times are estimates."""

    classes: int
    rows: int
    shots: int
    tiles: int
    chips: int
    devices: int
    digital_bytes: int  # next to the arrays: exact prototypes, slopes and offsets
    write_events: dict[str, float]  # per class
    write_pj: Range  # per class
    write_ns: Range  # per class
    search_events: dict[str, float]  # per query
    search_pj: Range
    search_ns: Range
    error: float  # of similarities, by the cells
    accuracy: list[Expected]


def plan(classes: int, rows: int, shots: int, device: Device) -> Plan:
    """Return the plan of a memory of so many classes on this device."""
    found, learner = measure(device, rows, shots), memory(device, rows)
    assert isinstance(learner.substrate, Crossbar)
    tile, devices = learner.substrate.tile, learner.substrate.devices
    blocks, cells = -(-rows // tile), 2 * devices * rows
    # digital: blocks of rows are added, each class has its slope and offset, and the best is kept
    digital = Ledger.of(digital_add=classes * blocks, integer_multiply_accumulate=classes)
    search = learner.substrate.matrix_cost(rows, classes, 1) + digital
    writes = {name: count / ONE_BY_ONE for name, count in found.spent.counts.items()}
    return Plan(
        classes=classes,
        rows=rows,
        shots=shots,
        tiles=(tiles := blocks * -(-classes // tile)),
        chips=-(-tiles // CORES),
        devices=cells * classes,
        digital_bytes=sum(found.kept.counts.values()) // ONE_BY_ONE * classes,
        write_events=writes,
        write_pj=_energy(found.spent, ONE_BY_ONE),
        write_ns=_write_time(writes, cells),
        search_events=dict(search.counts),
        search_pj=_energy(search),
        search_ns=Range(*(getattr(DURATION_NS["core_product"], end) for end in ("typical", "low", "high"))),
        error=found.error,
        accuracy=[expected(name, Memory(classes, rows, shots, found.error)) for name in scaling_law()["embeddings"]],
    )


def expected(name: str, given: Memory) -> Expected:
    """Return the accuracy of a memory whose classes lie as those of embedding ``name``."""
    made = scaling_law()["embeddings"][name]
    middle = _probit(Embedding(**made["constants"]), given)
    low, high = np.quantile([_probit(Embedding(*each), given) for each in made["resampled"]], [0.025, 0.975])
    fitted, simulated = np.log10(made["fitted_to"]), np.log10(made["simulated_to"]["classes"])
    missed = NORMAL * made["probits_off"]["held_out"]
    missed *= max(1.0, (np.log10(given.classes) - fitted) / (simulated - fitted))
    ends = middle - np.hypot(min(low - middle, 0), missed), middle + np.hypot(max(high - middle, 0), missed)
    return Expected(name, Range(*(100 * float(ndtr(each)) for each in (middle, *ends))), _beyond(made, given))


@cache
def scaling_law() -> dict[str, Any]:
    """Return what is stored of the law: constants, resampled ones and the simulated range of every embedding."""
    held: dict[str, Any] = json.loads(read_text(LAW))
    return held


def _probit(embedding: Embedding, given: Memory) -> float:
    return float(ndtri(np.clip(accuracy(embedding, given), 1e-12, 1 - 1e-12)))


def _beyond(made: dict[str, Any], given: Memory) -> list[str]:
    """Write what of the memory was not simulated."""
    held, out = made["simulated_to"], []
    # the largest memories are simulated in few rows
    rows, most = _simulated(held["classes_by_rows"], float(given.rows))
    if given.classes > most:
        out.append(f"simulated to {most:,} classes".replace(",", " ") + f" in {rows} rows")
    for name in ("rows", "shots"):
        low, high = held[name]
        if not low <= getattr(given, name) <= high:
            out.append(f"simulated from {low} to {high} {name}")
    return out


def _simulated(held: dict[str, int], rows: float) -> tuple[int, int]:
    """Return the nearest simulated number of rows that is not smaller, else the largest, and its most classes."""
    sizes = sorted(map(int, held))
    nearest = next((each for each in sizes if each >= rows), sizes[-1])
    return nearest, held[str(nearest)]


def _energy(spent: Ledger, shared_by: int = 1) -> Range:
    return Range(*(each / shared_by for each in (spent.energy_pj(), *spent.energy_range_pj())))


def _write_time(events: dict[str, float], cells: int) -> Range:
    """Return how long writing one class takes: low, all its cells at once; high, one after the other."""
    timed = [(count, DURATION_NS[name]) for name, count in events.items() if name in DURATION_NS]
    columns = sum(max(count / cells, 1.0) * figure.low for count, figure in timed)
    serial = [sum(count * getattr(figure, end) for count, figure in timed) for end in ("typical", "high")]
    return Range(serial[0], columns, serial[1])
