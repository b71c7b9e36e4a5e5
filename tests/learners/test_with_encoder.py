"""A memory with its encoder learns as the memory does and counts every image that is encoded."""

from __future__ import annotations

import pytest
import torch

from blobs import base, draw, shots
from insitu.core import generator
from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.with_encoder import WithEncoder
from insitu.substrates import Substrate
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital

ENCODERS = [Digital(), Digital(bits=8), Crossbar(PcmHermes2022(), pairs=1)]
RNG = generator(0, "with encoder")


@pytest.mark.parametrize("encoder", ENCODERS, ids=["float", "8-bit", "crossbar"])
def test_learning_counts_the_shots_and_a_query_one_image(encoder: Substrate) -> None:
    memory = ExplicitMemory(dim=64)
    chain = WithEncoder(memory, encoder=encoder)
    before = chain.prepare(base(), 0.0, RNG)
    after = chain.learn(before, shots([8, 9], each=3), 1.0, RNG)
    alone, image = memory.cost(after.memory) - memory.cost(before.memory), chain.encoding_cost()
    assert chain.cost(after) - chain.cost(before) == alone + image * 6
    assert chain.cost(before) == memory.cost(before.memory)
    assert chain.query_cost(after) == memory.query_cost(after.memory) + image


def test_predictions_are_those_of_the_memory() -> None:
    memory, x = ExplicitMemory(dim=64), draw([0, 3, 8]).x
    chain = WithEncoder(memory)
    rngs = [generator(1, "chain") for _ in range(2)]
    held = chain.learn(chain.prepare(base(), 0.0, rngs[0]), shots([8]), 1.0, rngs[0])
    alone = memory.learn(memory.prepare(base(), 0.0, rngs[1]), shots([8]), 1.0, rngs[1])
    assert torch.equal(chain.predict(held, x, 2.0, rngs[0]), memory.predict(alone, x, 2.0, rngs[1]))


def test_weights_come_from_dram_only_where_they_do_not_fit_the_chip() -> None:
    small, large = (WithEncoder(encoder=Digital(bits=8), on_chip_bytes=size) for size in (2**30, 2**10))
    weights = large.kept(large.prepare(base(), 0.0, RNG)).counts["encoder_bytes"]
    assert "dram_byte" not in small.encoding_cost().counts
    assert (large.encoding_cost() - small.encoding_cost()).counts == {"dram_byte": weights}


def test_less_precision_takes_less_and_cells_move_no_weights() -> None:
    floats, whole, cells = (WithEncoder(encoder=encoder) for encoder in ENCODERS)
    state = floats.prepare(base(), 0.0, RNG)
    assert floats.kept(state).counts["encoder_bytes"] == 4 * whole.kept(state).counts["encoder_bytes"]
    assert floats.encoding_cost().energy_pj() > whole.encoding_cost().energy_pj()
    assert "encoder_bytes" not in cells.kept(state).counts
    assert {"core_product", "sram_byte"} <= set(cells.encoding_cost().counts)
    assert "dram_byte" not in cells.encoding_cost().counts


def test_operations_are_those_of_encoder_projection_and_search() -> None:
    chain = WithEncoder(ExplicitMemory(dim=64))
    few, many = chain.complexity(10), chain.complexity(30)
    assert many.dense - few.dense == many.effective_macs - few.effective_macs == 20 * 64
    assert many.devices - few.devices == 20 * 64 * 2 * 2
    binary = ExplicitMemory(projection="identity", support="bipolar")
    bits = WithEncoder(binary, backbone="binary").complexity(10)
    assert bits.effective_acs > 10 * bits.effective_macs > 0
    assert bits.footprint_bytes < few.footprint_bytes
