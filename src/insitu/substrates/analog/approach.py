"""Write and verify: cells are read, and pulsed on the side that is short, until G+ - G- is near its target.

A weight gets the pulses it is estimated to be short of, is read again, and so on for some rounds; a weight that has
come near enough is left alone. Reads are those of the mean. Where the device's steps are known (``Device.steps``), the
normal of each pulse is drawn by its number, weight and device (``kernels/normals.py``), whatever other weights get.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from insitu.devices import Cells
from insitu.devices.accumulation import Steps
from insitu.kernels import compiled
from insitu.kernels.normals import key_of, normals
from insitu.kernels.readout import Key
from insitu.substrates.analog.cell_array import CellArray
from insitu.substrates.analog.tiles import Counts, Floats
from insitu.substrates.analog.writing import SIGNS, both_signs, for_pairs

TOLERANCE = np.float32(0.05)  # of full scale: how far from its target a weight stays as it is
STRIDE = np.float32(0.2)  # of full scale, above the largest mean step: what counts as one pulse where several are given
FEW = 2_000  # weights below which importing the compiled loops takes longer than they save


@dataclass(frozen=True)
class Approached:
    """Cells after write and verify, and what it took."""

    cells: Cells
    pulses: Counts  # (2, in, columns), of every device of a side
    reads: int  # how often a weight was read


def approach(
    array: CellArray, cells: Cells, shares: Floats, rounds: int, now_s: float, rng: np.random.Generator
) -> Approached:
    """Pulse cells (2, devices, in, columns) towards ``shares`` (in, columns) of full scale; read ``rounds`` times."""
    steps = array.device.steps
    if steps is None:
        return _device_pulses(array, cells, shares, rounds, now_s, rng)
    signs, devices, *size = cells.shape
    flat = signs, devices, -1
    g, history = (np.array(each, order="C").reshape(flat) for each in (cells.conductance_us, cells.history))
    read_us = np.ascontiguousarray(array.device.read(cells, now_s)[0]).reshape(flat)
    pulses = np.zeros((signs, shares.size), np.int32)
    fast = compiled() if shares.size > FEW or "numba" in sys.modules else None
    act = approach_reference if fast is None else _compiled
    key, target = key_of(rng), np.ascontiguousarray(shares).reshape(-1)
    reads = act(steps, g, history, read_us, target, np.float32(array.full_us), rounds, key, pulses)
    pulses = pulses.reshape(signs, *size)
    written = cells.programmed_s.copy()
    np.copyto(written, now_s, where=(pulses > 0)[:, None])
    after = Cells(g.reshape(cells.shape), cells.drift, written, history.reshape(cells.shape))
    return Approached(after, pulses, reads)


def approach_reference(
    steps: Steps,
    g: Floats,
    history: Floats,
    read_us: Floats,
    shares: Floats,
    full_us: np.float32,
    rounds: int,
    key: Key,
    pulses: Counts,
) -> int:
    """Pulse cells (2, devices, weights) in place, count in ``pulses`` (2, weights); return how often one was read."""
    plus_minus = _total(read_us)  # (2, weights)
    left = _due(shares, plus_minus, full_us)
    reads, read = shares.size, np.ones(shares.size, np.int64)
    pulse = 0
    while len(active := np.nonzero(left)[0]):
        side = (left[active] < 0).astype(np.int64)
        drawn, mine = normals(key, range(g.shape[1]), active, pulse), np.zeros(len(active), np.float32)
        for device in range(g.shape[1]):
            at = side, device, active
            g[at], history[at] = steps.step(g[at], history[at], drawn[device])
            mine += g[at]
        pulses[side, active] += 1
        left[active] -= np.sign(left[active])
        plus_minus[side, active] = mine
        again = active[(left[active] == 0) & (read[active] < rounds)]
        left[again] = _due(shares[again], plus_minus[:, again], full_us)
        read[again] += 1
        reads += len(again)
        pulse += 1
    return reads


def _compiled(
    steps: Steps,
    g: Floats,
    history: Floats,
    read_us: Floats,
    shares: Floats,
    full_us: np.float32,
    rounds: int,
    key: Key,
    pulses: Counts,
) -> int:
    from insitu.kernels import _approach

    given = shares, full_us, TOLERANCE, STRIDE, rounds, np.uint32(key[0]), np.uint32(key[1])
    return int(_approach.approach(g, history, read_us, *given, *steps.law, pulses))


def _device_pulses(
    array: CellArray, cells: Cells, shares: Floats, rounds: int, now_s: float, rng: np.random.Generator
) -> Approached:
    """Do the same by the device's own pulses, round by round."""
    pulses, reads, near = np.zeros((SIGNS, *shares.shape), np.int32), 0, np.zeros(shares.shape, bool)
    for _ in range(rounds):
        due = _due(shares, _total(array.device.read(cells, now_s)[0]), np.float32(array.full_us))
        reads += int(np.count_nonzero(~near))
        near |= due == 0
        if near.all():
            break
        given = both_signs(np.where(near, 0, due).astype(np.float32)).astype(np.int32)
        cells = array.device.pulse(cells, for_pairs(given, array.devices), now_s, rng)
        pulses += given
    return Approached(cells, pulses, reads)


def _due(shares: Floats, plus_minus: Floats, full_us: np.float32) -> Counts:
    """Return the pulses that weights are short of, signed, as their sides (2, ...) are read."""
    short = shares - (plus_minus[0] - plus_minus[1]) / full_us
    steps = (short / STRIDE).astype(np.int32)
    out: Counts = np.where(np.abs(short) <= TOLERANCE, 0, np.where(steps, steps, np.sign(short).astype(np.int32)))
    return out


def _total(us: Floats) -> Floats:
    """Return the sum over devices of us (2, devices, ...)."""
    out = us[:, 0].copy()
    for device in range(1, us.shape[1]):
        out += us[:, device]
    return out
