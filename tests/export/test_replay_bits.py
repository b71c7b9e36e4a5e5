"""Latents kept on the device are those of the Python reference, in equal shares of the classes."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from targets import HERE, TARGETS
from test_network_bits import frozen, images

from insitu.core import InsituError
from insitu.export import export_replay
from insitu.export.network import latent_words
from insitu.learners.integer_replay import ReplayBuffer

SOURCES = ["replay_store.c", "insitu_replay.c", "replay.c"]
RANGE = -15


@pytest.mark.parametrize("target", ["x86-64 gcc sanitizers", "cortex-m4", "riscv32", "s390x, big-endian"])
def test_every_latent_kept_and_drawn_is_equal(target: str, tmp_path: Path) -> None:
    TARGETS[target].require()
    rng, replay = np.random.default_rng(0), ReplayBuffer(40, 6, 7, seed=9)
    export_replay(replay, tmp_path)
    script, answers = [b"I" + struct.pack("<I", 9)], [b"\0"]
    for step in range(3000):
        label = int(rng.integers(9) if step % 50 == 0 else rng.choice(7, p=np.arange(1, 8) / 28))
        if rng.random() < 0.9:
            latent = rng.integers(0, 2**32, 6, dtype=np.uint32)
            script.append(b"A" + struct.pack("<H", label) + latent.astype("<u4").tobytes())
            if label < 7:
                replay.add(latent, label)
            answers.append(struct.pack("<b", 0 if label < 7 else RANGE))
            continue
        count = int(rng.integers(50))
        script.append(b"D" + struct.pack("<H", count))
        if count > replay.count:
            answers.append(struct.pack("<b", RANGE))
            continue
        answers.append(b"\0")
        for place in replay.draw(count):
            kept = replay.latents[place].astype("<u4").tobytes()
            answers.append(struct.pack("<HH", place, replay.of[place]) + kept)
    for name in ("replay_store.c", "script.h"):
        shutil.copy(HERE / name, tmp_path)
    (tmp_path / "script").write_bytes(b"".join(script))
    TARGETS[target].run(TARGETS[target].compile(tmp_path, SOURCES))
    assert (tmp_path / "answers").read_bytes() == b"".join(answers)


def test_classes_have_equal_shares_and_every_latent_the_same_chance() -> None:
    times = np.zeros(60)
    for seed in range(1, 400):
        replay = ReplayBuffer(12, 1, 3, seed)
        for number in range(60):
            replay.add(np.array([number], np.uint32), 0 if number < 40 else 1 if number < 52 else 2)
        assert replay.held.tolist() == [4, 4, 4]
        times[replay.latents[:, 0]] += 1
    for group, chance in ((slice(0, 40), 4 / 40), (slice(40, 52), 4 / 12), (slice(52, 60), 4 / 8)):
        spread = np.sqrt(399 * chance * (1 - chance))
        assert np.abs(times[group] - 399 * chance).max() < 4.5 * spread


def test_draws_are_different_places_and_all_alike() -> None:
    replay = ReplayBuffer(10, 1, 1)
    for number in range(10):
        replay.add(np.array([number], np.uint32), 0)
    times = np.zeros(10)
    for _ in range(2000):
        places = replay.draw(4)
        assert len(set(places)) == 4
        times[places] += 1
    assert np.abs(times - 800).max() < 4.5 * np.sqrt(2000 * 0.4 * 0.6)


def test_a_latent_of_the_network_has_so_many_words() -> None:
    for style, size in (("reactnet", 16), ("bireal", 20), ("quicknet", 20)):
        network = frozen(style, size)[1]
        assert (
            latent_words(network)
            == network.latents(images(size)[:1])[0].size * 2
            - (network.last.channels % 64 in range(1, 33)) * network.latents(images(size)[:1])[0][..., 0].size
        )


def test_mistakes_are_one_line() -> None:
    with pytest.raises(InsituError, match=r"1\.\.65535 latents"):
        ReplayBuffer(0, 1, 1)
    replay = ReplayBuffer(3, 1, 2)
    with pytest.raises(InsituError, match=r"classes are 0\.\.1; got 2"):
        replay.add(np.zeros(1, np.uint32), 2)
    with pytest.raises(InsituError, match="0 latents are kept; 1"):
        replay.draw(1)
