"""An image goes through the binary network into the memory on the device as in Python."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from targets import HERE, TARGETS
from test_network_bits import frozen, images

from insitu.core import InsituError
from insitu.export import export_memory, export_network, integer_memory, network_of
from insitu.memory import Memory

SOURCES = ["replay_chain.c", "insitu.c", "insitu_save.c", "model.c", "insitu_network.c", "network.c"]
TAUGHT = 3


@pytest.mark.parametrize("target", ["x86-64 gcc sanitizers", "cortex-m4", "riscv32", "s390x, big-endian"])
def test_the_device_learns_images(target: str, tmp_path: Path) -> None:
    TARGETS[target].require()
    network, pixels = frozen("reactnet", 16)[1], images(16)
    codes = network.codes(pixels)
    memory = integer_memory(Memory("digital", dim=64).fit(codes[-4:], ["x", "y", "x", "y"]), 8, input_step=1.0)
    export_memory(memory, tmp_path)
    export_network(network, tmp_path)
    shutil.copy(HERE / "replay_chain.c", tmp_path)
    (tmp_path / "script").write_bytes(pixels.tobytes())
    for row, label in zip(codes[:TAUGHT], "abc", strict=True):
        memory.teach(row, label)
    expected = [f"{each.slot} {each.score}" for each in memory.predict(codes[TAUGHT:])]
    TARGETS[target].run(TARGETS[target].compile(tmp_path, SOURCES, (f"-DTAUGHT={TAUGHT}",)))
    assert (tmp_path / "answers").read_text().split("\n")[:-1] == expected
    assert len(set(expected)) > len(expected) // 2


def test_the_backbone_of_a_memory_is_exported_where_it_is_binary() -> None:
    rng = np.random.default_rng(0)
    memory = Memory("digital", dim=16).fit(rng.choice([-1.0, 1.0], (4, 512)), ["a", "b", "a", "b"])
    assert network_of(memory) is None
    settings, model = memory.settings, memory._fitted()
    memory._set_model(replace(model, encoder="binary 0123"), settings)
    network = network_of(memory)
    assert network is not None
    assert network.last.weight.out == 512
    for name in ("omniglot", "efficientnet-lite0"):
        memory._set_model(replace(model, encoder=f"{name} 0123"), settings)
        with pytest.raises(InsituError, match=f"{name}, is not a binary network"):
            network_of(memory)
