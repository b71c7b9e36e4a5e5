"""An image goes through the binary network into the memory on the device as in Python."""

from __future__ import annotations

import shutil
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from targets import HERE, TARGETS
from test_network_bits import frozen, images
from torch import nn

from insitu.backbones.binary.integer import words32
from insitu.core import InsituError
from insitu.export import export_head, export_memory, export_network, export_replay, integer_memory, network_of
from insitu.learners.cwr_star import CwrStar
from insitu.learners.integer_cwr import integer_head
from insitu.learners.integer_replay import ReplayBuffer
from insitu.memory import Memory
from insitu.protocols import Examples
from insitu.protocols.class_stream import StreamBase

SOURCES = ["replay_chain.c", "insitu.c", "insitu_save.c", "model.c", "insitu_network.c", "network.c"]
DENSE = [*SOURCES, "insitu_dense.c"]
TAUGHT = 3
BATCH, STEPS = 8, 20


@pytest.mark.parametrize(
    ("target", "style", "size", "sources"),
    [
        ("x86-64 gcc sanitizers", "reactnet", 16, SOURCES),
        ("cortex-m4", "reactnet", 16, SOURCES),
        ("cortex-m4", "quicknet", 20, DENSE),
        ("riscv32", "quicknet", 20, DENSE),
        ("s390x, big-endian", "reactnet", 16, SOURCES),
    ],
)
def test_the_device_learns_images(target: str, style: str, size: int, sources: list[str], tmp_path: Path) -> None:
    TARGETS[target].require()
    network, pixels = frozen(style, size)[1], images(size)
    codes = network.codes(pixels)
    memory = integer_memory(Memory("digital", dim=64).fit(codes[-4:], ["x", "y", "x", "y"]), 8, input_step=1.0)
    export_memory(memory, tmp_path)
    export_network(network, tmp_path)
    shutil.copy(HERE / "replay_chain.c", tmp_path)
    (tmp_path / "script").write_bytes(pixels.tobytes())
    for row, label in zip(codes[:TAUGHT], "abc", strict=True):
        memory.teach(row, label)
    expected = [f"{each.slot} {each.score}" for each in memory.predict(codes[TAUGHT:])]
    TARGETS[target].run(TARGETS[target].compile(tmp_path, sources, (f"-DTAUGHT={TAUGHT}",)))
    assert (tmp_path / "answers").read_text().split("\n")[:-1] == expected
    assert len(set(expected)) > len(expected) // 3


@pytest.mark.parametrize("target", ["x86-64 clang sanitizers", "cortex-m4"])
@pytest.mark.parametrize("style", ["reactnet", "quicknet"])
def test_the_device_learns_kept_latents(target: str, style: str, tmp_path: Path) -> None:
    TARGETS[target].require()
    network, pixels = frozen(style, 20)[1], images(20)
    bits = network.latents(pixels)
    latents, features = words32(bits, network.last.channels).reshape(len(pixels), -1), network.from_latents(bits)
    centred = features - features.mean(0)
    classes = 2 + (centred @ np.linalg.svd(centred)[2][0] > 0)  # sides of their largest direction
    base = StreamBase(nn.Identity().eval(), (80, 1, 1), 80, torch.from_numpy(features * network.step).float())
    learner, rng = CwrStar(outputs=4, learning_rate=0.002, batch_size=BATCH), np.random.default_rng(0)
    first = Examples(base.calibration[:16], torch.arange(16) % 2)
    head = integer_head(learner, learner.learn(learner.prepare(base, 0.0, rng), first, 0.0, rng), network.step)
    replay = ReplayBuffer(12, latents.shape[1], 4, seed=5)
    export_network(network, tmp_path)
    export_head(head, tmp_path, BATCH)
    export_replay(replay, tmp_path)
    for name in ("replay_head_chain.c", "script.h"):
        shutil.copy(HERE / name, tmp_path)
    script = (bytes([label]) + image.tobytes() for label, image in zip(classes, pixels, strict=True))
    (tmp_path / "script").write_bytes(b"".join(script))
    sources = [path.name for path in tmp_path.glob("*.c") if path.name != "example.c"]
    TARGETS[target].run(TARGETS[target].compile(tmp_path, sources))

    of_latent = {row.tobytes(): codes for row, codes in zip(latents, head.codes(features), strict=True)}
    for row, label in zip(latents, classes, strict=True):
        replay.add(row, int(label))
    head.begin(np.array([2, 3]))
    for _ in range(STEPS):
        places = replay.draw(BATCH)
        head.step(np.stack([of_latent[replay.latents[place].tobytes()] for place in places]), replay.of[places])
    head.end(np.array([2, 3]), np.bincount(classes)[2:])
    predicted = head.predict(head.codes(features))
    expected = [bytes(len(pixels) + 2 + 2 * STEPS), head.weight.astype("<i2").tobytes()]
    expected += [struct.pack("<bH", 0, row) for row in predicted]
    assert (tmp_path / "answers").read_bytes() == b"".join(expected)
    assert np.mean(predicted == classes) > 0.7


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
