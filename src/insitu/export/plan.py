"""What an export takes: flash and RAM by type of data, and the work of each verb, counted exactly from the sizes.

Bytes moved are those of the operands that products load, without what registers keep. Code, stack and instructions are
measured where a compiler and an emulator are there (``measured.py``). Energy is instructions times that of a cycle:

    "cortex_m4_cycle" of ``insitu.hardware``; a load counts as two cycles (Arm, DDI 0439B, table 3-1), all else as one

which is an estimate: wait states of the flash, taken branches and what else the chip does are not in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from insitu.backbones.binary.integer import IntegerLayer, IntegerNetwork
from insitu.backbones.binary.integer_dense import DenseLayer
from insitu.export.network import effective, working_space
from insitu.hardware import ENERGY_PJ
from insitu.learners.integer_cwr import IntegerHead
from insitu.memory.integer_memory import IntegerMemory

LOAD_CYCLES = 2
CHIP = "STM32L412 at 3.3 V"


@dataclass(frozen=True)
class Work:
    """What one call of a verb does."""

    name: str
    what: str  # is done, in a few words
    multiply_accumulates: int = 0
    words_compared: int = 0  # xor and popcount of 32 bits each
    bytes_moved: int = 0

    def energy_uj(self, instructions: int) -> float:
        """Estimate the energy of so many instructions, in µJ; loads are words moved."""
        loads = min(self.bytes_moved // 4, instructions)
        return (instructions + (LOAD_CYCLES - 1) * loads) * ENERGY_PJ["cortex_m4_cycle"].typical * 1e-6


@dataclass(frozen=True)
class Plan:
    """Bytes of constants and of static RAM, without code and stack, and the work of each verb."""

    flash_bytes: int
    ram_bytes: int
    work: tuple[Work, ...]


def memory_plan(memory: IntegerMemory) -> Plan:
    """Return the plan of a memory; a prediction compares with the classes held now."""
    space, capacity, label = memory.space, memory.capacity, memory.label_bytes
    rows, features = space.rows, space.features
    held = sum(1 for name in memory.labels if name)
    flash = features * (4 + 2 + 1) + rows * features + rows * (4 + 2) + held * (label + 5 + 2 * rows)
    ram = capacity * (label + 4 + 4 + 1 + 2 * rows) + 2 * features + (4 + 2) * rows
    projection = rows * features
    return Plan(
        flash,
        ram,
        (
            Work(
                "predict", f"one input, {held} classes", projection + held * rows, 0, 3 * projection + 4 * held * rows
            ),
            Work("teach", "one example", projection + rows, 0, 3 * projection + 4 * rows),
        ),
    )


def network_plan(network: IntegerNetwork) -> Plan:
    """Return the plan of a binary network: an image to a latent, a latent to features."""
    stem, space = network.stem, working_space(network)
    outputs, last = stem.weight.shape[0], _layer_cost(network.last, network.sides[-1])
    costs = [_layer_cost(layer, side) for layer, side in zip(network.layers, network.sides, strict=False)]
    windows = network.size**2 if stem.pools else (network.size // 2) ** 2
    first = windows * stem.weight.size
    products, moved = first + sum(cost.products for cost in costs), 4 * first + sum(cost.moved for cost in costs)
    flash = 2 * stem.weight.size + outputs * (4 + 8 + 2) + network.last.out * (2 + 2 + 1)
    return Plan(
        flash + sum(cost.flash for cost in (*costs, last)),
        2 * (2 * space.numbers + 4 * space.words) + 4 * space.window + 2 * space.patch + 4 * space.sums,
        (
            Work("latent", "an image to a latent", products, sum(cost.words for cost in costs), moved),
            Work("features", "a latent to features", 0, last.words, last.moved),
        ),
    )


@dataclass(frozen=True)
class _Cost:
    """Bytes of the constants of a layer, its products and words compared, and the bytes that these load."""

    flash: int
    products: int
    words: int
    moved: int


def _layer_cost(layer: IntegerLayer | DenseLayer, side: int) -> _Cost:
    """Return the cost of a layer that takes a map of so many positions a side."""
    if isinstance(layer, IntegerLayer):
        per_tap = -(-layer.channels // 32)
        words = taps(side, layer.stride) * per_tap * layer.out
        return _Cost(4 * 9 * per_tap * layer.out + layer.out * (4 + 4 + 2 * len(effective(layer))), 0, words, 8 * words)
    products, flash = layer.side(side) ** 2 * layer.weight.size, layer.weight.size + layer.out * (4 + 8 + 2)
    if layer.filters is None:
        return _Cost(flash, products, 0, 3 * products)
    filtered = taps(side, 1) * layer.channels
    return _Cost(flash + layer.channels * (2 * 9 + 4 + 8), products + filtered, 0, 3 * products + 4 * filtered)


def taps(side: int, stride: int) -> int:
    """Return the taps of all 3 x 3 windows of a map that lie within it."""
    centres = np.arange(0, side, stride)
    along = (np.minimum(centres + 1, side - 1) - np.maximum(centres - 1, 0) + 1).sum()
    return int(along) ** 2


def head_plan(head: IntegerHead, batch: int) -> Plan:
    """Return the plan of a CWR* head; a step is on a full mini-batch."""
    capacity, features = head.weight.shape
    weights, classes = capacity * features, int((head.past > 0).sum())
    flash = classes * (2 * features + 4)
    ram = weights * (2 + 2 + 1) + 8 * capacity + 2 * batch * capacity + 4 * features
    products = batch * weights
    return Plan(
        flash,
        ram,
        (
            Work("step", f"a mini-batch of {batch}", 2 * products, 0, 2 * products + 5 * products),
            Work("head_predict", f"one input, {classes} classes", classes * features, 0, 2 * classes * features),
        ),
    )
