"""Exported C gives the bits of the Python reference on every processor, over ten thousand inputs and all verbs."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from replaying import Replay
from sklearn.datasets import load_digits
from targets import HERE, TARGETS

from insitu.export import export_memory, integer_memory
from insitu.memory import Memory
from insitu.memory.integer_memory import IntegerMemory

SOURCES = ["replay.c", "insitu.c", "insitu_save.c", "model.c"]
INPUTS = 10_000


@cache
def digits(dim: int, features: int) -> tuple[Memory, np.ndarray, list[str]]:
    """Return a memory of five digits, and all images, of which so many pixels are used."""
    x, y = load_digits(return_X_y=True)
    x, labels = x[:, :features], [f"digit {label}" for label in y]
    first = [k for k in range(100) if y[k] < 5]
    return Memory("digital", dim=dim).fit(x[first], [labels[k] for k in first]), x, labels


def run_replay(folder: Path, target: str, memory: IntegerMemory, replay: Replay) -> bytes:
    """Export ``memory`` as it is, run the script of ``replay`` on the target, and return the answers."""
    (folder / "script").write_bytes(b"".join(replay.script))
    for name in ("replay.c", "script.h", "flash.h"):
        shutil.copy(HERE / name, folder)
    export_memory(memory, folder)
    program = TARGETS[target].compile(folder, SOURCES, ("-DINSITU_FLOAT",))
    TARGETS[target].run(program)
    return (folder / "answers").read_bytes()


def long_replay(memory: IntegerMemory, x: np.ndarray, labels: list[str]) -> Replay:
    """Predict real and random inputs, teach, forget, save and load in between."""
    rng = np.random.default_rng(5)
    replay, codes, predicted = Replay(memory), memory.space.codes(x), 0
    while predicted < INPUTS:
        op, row = rng.random(), int(rng.integers(len(codes)))
        wild = (rng.integers(-32768, 32768, memory.space.features) >> int(rng.integers(16))).astype(np.int16)
        if op < 0.86:
            replay.predict(codes[row] if rng.random() < 0.5 else wild)
            predicted += 1
        elif op < 0.97:
            replay.teach(wild if rng.random() < 0.2 else codes[row], labels[row])
        elif op < 0.985:
            replay.forget(f"digit {rng.integers(10)}")
        elif op < 0.99:
            replay.teach(wild, "x" * int(rng.integers(memory.label_bytes + 1)))
        elif op < 0.995:
            replay.save()
        elif replay.saved:
            replay.load()
    for _ in range(300):  # until sums of 16 bits have been halved
        replay.teach(codes[0], labels[0])
    replay.save()
    return replay


@pytest.mark.parametrize("target", TARGETS)
def test_every_prediction_and_stored_word_is_equal(target: str, tmp_path: Path) -> None:
    TARGETS[target].require()
    # sizes that no step of a loop divides
    memory, x, labels = digits(67, 61)
    exported = integer_memory(memory, capacity=9, label_bytes=10)
    replay = long_replay(integer_memory(memory, capacity=9, label_bytes=10), x, labels)
    assert max(replay.memory.exponents) > 0
    expected = replay.expected()
    assert run_replay(tmp_path, target, exported, replay) == expected


@pytest.mark.parametrize("target", ["x86-64 gcc sanitizers", "cortex-m4", "s390x, big-endian"])
def test_floats_become_the_same_codes_and_are_checked(target: str, tmp_path: Path) -> None:
    TARGETS[target].require()
    memory = integer_memory(digits(32, 64)[0])
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((200, 64)) * 10.0 ** rng.integers(-3, 7, (200, 1))).astype(np.float32)
    x[0], x[1, 3], x[2, 5] = memory.space.offset, np.nan, -np.inf
    replay = Replay(memory)
    replay.script = [b"C" + row.astype("<f4").tobytes() for row in x]
    answers = run_replay(tmp_path, target, memory, replay)
    size = len(answers) // len(x)
    got = [np.frombuffer(answers[k * size + 11 : (k + 1) * size], "<i2") for k in range(len(x))]
    status = [int.from_bytes(answers[k * size : k * size + 1], "little", signed=True) for k in range(len(x))]
    fine = [k for k in range(len(x)) if k != 1]
    codes = memory.space.codes(x[fine])
    assert np.array_equal([got[k] for k in fine], codes)
    assert status[1] == -5
    saturated = [int((np.abs(row) == 32767).any()) for row in codes]
    assert [status[k] for k in fine] == saturated
    assert 0 < sum(saturated) < len(fine)
