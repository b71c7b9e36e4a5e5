"""A memory together with the network that encodes its examples: what the whole chain spends, per class and per query.

Learns and predicts as the memory does, from the vectors of a scenario, and counts next to the memory what encoding an
image takes: products of all layers, on digital hardware or on crossbars, and bytes moved. Accuracy is that of the
memory: what rounding the encoder, or writing it into cells, would change in the vectors is not simulated here.

Own choices: a layer is one product of its matrix with all patches of the image, those at the border with their zeros.
From SRAM come, in every layer, all weights once and every patch whole; the outputs go there. Where all weights together
exceed ``on_chip_bytes``, they come from DRAM before, once per image. On crossbars weights do not move, and an
activation is read and written once. A binary layer has weights and inputs of one bit and outputs of two bytes. Not
counted: sensor, resizing, norms, pools and activation functions; control; leakage; writing the encoder, once, at the
factory.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar, NamedTuple

import numpy as np
from torch import Tensor

from insitu.backbones import trained, weights_file
from insitu.backbones.operations import LayerWork, image_work
from insitu.learners import Learner
from insitu.learners.array_columns import State as MemoryState
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.ledger import Ledger
from insitu.protocols import Examples, Protocol, few_shot_sessions, shot_by_shot
from insitu.protocols.few_shot_sessions import FewShotBase
from insitu.substrates import Substrate
from insitu.substrates.digital import Digital

BINARY_OUTPUT = 2  # bytes of the sum that a binary layer gives


class State(NamedTuple):
    """The memory, and how many examples have been encoded on the device."""

    memory: MemoryState
    encoded: int


@dataclass(frozen=True)
class Complexity:
    """NeuroBench's columns of one inference; bytes of numbers, and devices where weights are cells."""

    footprint_bytes: int
    devices: int
    connection_sparsity: float
    activation_sparsity: float
    dense: float  # synaptic operations
    effective_macs: float
    effective_acs: float


@dataclass(frozen=True)
class WithEncoder(Learner[FewShotBase, State]):
    """An explicit memory whose costs include those of its encoder."""

    protocols: ClassVar[tuple[Protocol, ...]] = (few_shot_sessions.PROTOCOL, shot_by_shot.PROTOCOL)

    memory: ExplicitMemory = field(default_factory=ExplicitMemory)  # learns from the vectors
    backbone: str = "miniimagenet"  # name of the trained backbone that encodes an image
    encoder: Substrate = field(default_factory=lambda: Digital(bits=8))  # holds the weights of its layers
    on_chip_bytes: int = 2**20  # size of the SRAM for weights; an encoder with more is fetched from DRAM

    def prepare(self, base: FewShotBase, now_s: float, rng: np.random.Generator) -> State:
        """See ``ExplicitMemory.prepare``; old classes are encoded off the device."""
        return State(self.memory.prepare(base, now_s, rng), 0)

    def learn(self, state: State, examples: Examples, now_s: float, rng: np.random.Generator) -> State:
        """See ``ExplicitMemory.learn``."""
        return State(self.memory.learn(state.memory, examples, now_s, rng), state.encoded + len(examples))

    def predict(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """See ``ExplicitMemory.predict``."""
        return self.memory.predict(state.memory, x, now_s, rng)

    def similarities(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """See ``ExplicitMemory.similarities``."""
        return self.memory.similarities(state.memory, x, now_s, rng)

    def cost(self, state: State) -> Ledger:
        """Return what the memory has spent, and the encoder on what was learned."""
        return self.memory.cost(state.memory) + self.encoding_cost() * state.encoded

    def kept(self, state: State) -> Ledger:
        """Return the bytes that the memory keeps next to the array, and those of the encoder."""
        return self.memory.kept(state.memory) + Ledger.of(encoder_bytes=self._weight_bytes())

    def query_cost(self, state: State) -> Ledger:
        """Return what encoding and comparing one image spends."""
        return self.memory.query_cost(state.memory) + self.encoding_cost()

    def encoding_cost(self) -> Ledger:
        """Return what encoding one image spends, up to the vector that the memory is given."""
        layers, passes = self._layers()
        spent = sum((self._layer_cost(layer) for layer in layers[:-1]), Ledger()) * passes
        weights = self._weight_bytes()
        fetched = Ledger.of(dram_byte=weights * (weights > self.on_chip_bytes))
        return spent + self._layer_cost(layers[-1]) + fetched

    def complexity(self, classes: int) -> Complexity:
        """Return the columns of NeuroBench with so many classes; activations of the memory count as dense."""
        layers, passes = self._layers()
        rows = layers[-1].outputs
        search = float(rows * classes)
        bipolar = self.memory.support == "bipolar" and self.memory.projection == "identity"
        times = [*[passes] * (len(layers) - 1), 1]
        weights = sum(layer.weights for layer in layers if layer.products)
        nonzero, given = sum(layer.nonzero for layer in layers), sum(layer.read for layer in layers) + rows
        numbers = self._weight_bytes() + _matrix_bytes(self.memory.substrate, rows * classes)
        cells = 2 * getattr(self.memory.substrate, "devices", 0) * rows * classes
        cells += 2 * getattr(self.encoder, "devices", 0) * sum(each.weights for each in layers if not each.binary)
        return Complexity(
            footprint_bytes=numbers,
            devices=cells,
            connection_sparsity=1 - nonzero / weights,
            activation_sparsity=sum(layer.zeros * layer.read for layer in layers) / given,
            dense=sum(n * layer.dense for n, layer in zip(times, layers, strict=True)) + search,
            effective_macs=sum(n * layer.macs for n, layer in zip(times, layers, strict=True)) + search * (not bipolar),
            effective_acs=sum(n * layer.acs for n, layer in zip(times, layers, strict=True)) + search * bipolar,
        )

    def _layers(self) -> tuple[list[LayerWork], int]:
        """Return the layers of the backbone, then the projection; and how often an image runs through the former."""
        layers, passes, features = _encoding(self.backbone)
        rows = features if self.memory.projection == "identity" else self.memory.dim
        work = 0 if self.memory.projection == "identity" else features * rows
        projection = LayerWork(features, rows, 1, min(work, 1), features, False, work, work, float(work), 0.0, 0.0)
        return [*layers, projection], passes

    def _layer_cost(self, layer: LayerWork) -> Ledger:
        """Return what one layer spends on one image."""
        if not layer.products:
            return Ledger()
        if layer.binary:
            bits = layer.weights + layer.groups * layer.products * layer.inputs
            moved = -(-bits // 8) + BINARY_OUTPUT * layer.written
            operations = layer.groups * layer.products * layer.inputs * layer.outputs
            return Ledger.of(binary_multiply_accumulate=operations, sram_byte=moved)
        spent = self.encoder.matrix_cost(layer.inputs, layer.outputs, layer.products) * layer.groups
        return spent if "sram_byte" in spent.counts else spent + Ledger.of(sram_byte=layer.read + layer.written)

    def _weight_bytes(self) -> int:
        """Return the bytes of all weights that are numbers: of binary layers one bit each."""
        layers, _ = self._layers()
        bits = sum(layer.weights for layer in layers if layer.binary)
        numbers = sum(layer.weights for layer in layers if not layer.binary and layer.products)
        return -(-bits // 8) + _matrix_bytes(self.encoder, numbers)


def _matrix_bytes(substrate: Substrate, weights: int) -> int:
    """Return the bytes of so many weights; none where they are cells."""
    return int(getattr(substrate, "weight_bytes", 0)) * weights


@cache
def _encoding(name: str) -> tuple[list[LayerWork], int, int]:
    """Return the layers of a trained backbone, its passes per image, and the length of its features."""
    network, card, _ = weights_file.load(trained.stem(name))
    record, _ = weights_file.read_card(trained.stem(name))
    layers = image_work(network, record, int(card["image_size"]))
    return layers, 1 + bool(card.get("mirror")), layers[-1].outputs * layers[-1].groups
