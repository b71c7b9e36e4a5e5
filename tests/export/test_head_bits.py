"""The exported CWR* head gives the bits of the integer reference, which stays close to the quantised learner."""

from __future__ import annotations

import shutil
import struct
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from targets import HERE, TARGETS
from torch import Tensor, nn

from insitu.core import InsituError
from insitu.export import export_head
from insitu.learners.cwr_star import CwrStar, State
from insitu.learners.integer_cwr import IntegerHead, integer_head
from insitu.protocols import Examples
from insitu.protocols.class_stream import StreamBase

SOURCES = ["replay_head.c", "insitu_head.c", "head.c"]
FEATURES, STEP, EACH, BATCH = 21, 0.001, 40, 16
LEARNER = CwrStar(outputs=7, learning_rate=0.05, batch_size=BATCH)
MEANS = np.random.default_rng(0).standard_normal((6, FEATURES)) * 0.8


def experience(classes: list[int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return features (n, features) on the network's grid and their classes (n,)."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(classes, EACH))
    return np.rint((MEANS[labels] + rng.standard_normal((len(labels), FEATURES)) * 0.5) / STEP), labels


def as_examples(features: np.ndarray, labels: np.ndarray) -> Examples:
    return Examples(torch.from_numpy((features * STEP).astype(np.float32)), torch.from_numpy(labels))


@cache
def first() -> State:
    """Return the state after an experience of classes 0 and 1, learned in float."""
    calibration: Tensor = as_examples(*experience([0, 1, 2, 3, 4, 5], 99)).x
    base = StreamBase(nn.Identity().eval(), (FEATURES, 1, 1), FEATURES, calibration)
    rng = np.random.default_rng(0)
    return LEARNER.learn(LEARNER.prepare(base, 0.0, rng), as_examples(*experience([0, 1], 0)), 0.0, rng)


EXPERIENCES = [[2, 3], [1, 2], [4, 5], [0, 1, 2, 3, 4, 5], [3]]


def learn(head: IntegerHead, classes: list[int], number: int, script: list[bytes], answers: list[bytes]) -> None:
    """Learn one experience by the reference; append its operations and answers."""
    features, labels = experience(classes, number)
    codes, rng = head.codes(features.astype(np.int64)), np.random.default_rng(number)
    named = struct.pack(f"<I{len(classes)}I", len(classes), *classes)
    script.append(b"B" + named)
    head.begin(np.array(classes))
    for _ in range(5):
        order = rng.permutation(len(labels))
        for start in range(0, len(order), BATCH):
            taken = order[start : start + BATCH]
            script.append(b"S" + struct.pack(f"<I{len(taken)}I", len(taken), *labels[taken]))
            script.append(features[taken].astype("<i2").tobytes())
            head.step(codes[taken], labels[taken])
            answers.append(b"\0")
    script.append(b"E" + named + struct.pack(f"<{len(classes)}I", *[EACH] * len(classes)))
    head.end(np.array(classes), np.array([EACH] * len(classes)))
    tests = experience([0, 1, 2, 3, 4, 5], 1000 + number)[0]
    script += [b"P" + row.astype("<i2").tobytes() for row in tests]
    answers += [b"\0\0"]
    answers += [struct.pack("<bH", 0, row) for row in head.predict(head.codes(tests.astype(np.int64)))]
    script.append(b"W")
    answers.append(b"\0" + head.weight.astype("<i2").tobytes())


@pytest.mark.parametrize("target", TARGETS)
def test_every_prediction_and_weight_is_equal(target: str, tmp_path: Path) -> None:
    TARGETS[target].require()
    head = integer_head(LEARNER, first(), STEP)
    export_head(head, tmp_path, BATCH)
    script: list[bytes] = []
    answers: list[bytes] = []
    for number, classes in enumerate(EXPERIENCES, 1):
        learn(head, classes, number, script, answers)
    assert head.doublings > 0
    for name in ("replay_head.c", "script.h"):
        shutil.copy(HERE / name, tmp_path)
    (tmp_path / "script").write_bytes(b"".join(script))
    TARGETS[target].run(TARGETS[target].compile(tmp_path, SOURCES))
    assert (tmp_path / "answers").read_bytes() == b"".join(answers)


def test_integers_learn_as_the_quantised_learner_does() -> None:
    state, head = first(), integer_head(LEARNER, first(), STEP)
    x, y = experience([0, 1, 2, 3, 4, 5], 500)
    for number, classes in enumerate(EXPERIENCES, 1):
        features, labels = experience(classes, number)
        state = LEARNER.learn(state, as_examples(features, labels), 0.0, np.random.default_rng(number))
        learn(head, classes, number, [], [])
        guess = LEARNER.predict(state, as_examples(x, y).x, 0.0, np.random.default_rng()).numpy()
        assert np.mean(head.predict(head.codes(x.astype(np.int64))) == guess) > 0.98
    assert np.mean(guess == y) > 0.6


def test_what_cannot_be_exported_says_so(tmp_path: Path) -> None:
    base = first().base
    unlearned = LEARNER.prepare(base, 0.0, np.random.default_rng(0))
    with pytest.raises(InsituError, match="after a first experience"):
        integer_head(LEARNER, unlearned, STEP)
    with pytest.raises(InsituError, match="room for its 2 classes"):
        integer_head(LEARNER, first(), STEP, capacity=1)
    with pytest.raises(InsituError, match=r"1\.\.128 examples"):
        export_head(integer_head(LEARNER, first(), STEP), tmp_path, batch=129)
