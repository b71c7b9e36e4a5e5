"""Accuracies of exported integers against the float forms; see ``device.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

import _memory_data as data
from insitu.backbones import weights_file
from insitu.backbones.binary.frozen import as_bytes
from insitu.backbones.binary.integer import IntegerNetwork, integer_network
from insitu.backbones.inputs import to_batch
from insitu.export import integer_memory
from insitu.learners.cwr_star import CwrStar
from insitu.learners.integer_cwr import IntegerHead, integer_head
from insitu.memory import Memory
from insitu.memory.integer_memory import IntegerMemory
from insitu.memory.model import Model
from insitu.memory.operations import Operations
from insitu.memory.settings import make_settings
from insitu.memory.space import space_of_base
from insitu.scenarios.class_stream import ClassStream
from insitu.scenarios.few_shot_sessions import FewShotSessions
from memory_accuracy import NEW_PEOPLE, draws

STEP = 0.0018  # of the network's features, as its integer form has it


def answers(memory: IntegerMemory, x: np.ndarray) -> np.ndarray:
    """Return the labels of inputs x, which are numbers."""
    return np.array([int(memory.labels[each.slot]) for each in memory.predict(memory.space.codes(x))])


def sessions(data_set: str, dim: int) -> dict[str, float]:
    """Teach the new classes of all sessions, in the space of the backbone's base; test on their tests."""
    scenario = FewShotSessions(data_set=data_set)
    base = scenario.base("package")
    settings = make_settings("digital", None, dim)
    operations = Operations(settings.learner(), dim, space_of_base(base, dim))
    model, rng = Model(base.means.shape[1]), np.random.default_rng(0)
    whole: IntegerMemory | None = None
    taught: Any = None
    for session in scenario.sessions("package", 0):
        taught = session
        if session.train is None:
            continue
        x, labels = session.train.x.double().numpy(), session.train.labels.tolist()
        model = operations.teach(model, x, [str(label) for label in labels], rng)
        memory = Memory("digital", dim=dim)
        memory._set_model(model, settings)
        if whole is None:  # the first session is learned before the export, the others on the device
            whole = integer_memory(memory, capacity=512)
        else:
            for codes, label in zip(whole.space.codes(x), labels, strict=True):
                whole.teach(codes, str(label))
    assert whole is not None
    x, y = taught.test.x.double().numpy(), taught.test.labels.numpy()
    new = np.isin(y, [int(label) for label in model.labels])
    exact = memory.predict(x[new]).astype(int)
    return compared(y[new], exact, answers(whole, x[new])) | {"classes": len(model.labels), "rows": dim}


def digits(seeds: int) -> dict[str, float]:
    """Ten examples of each digit, exported at once; the rest are tests."""
    x, y = load_digits(return_X_y=True)
    rows = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        first = np.concatenate([rng.permutation(np.flatnonzero(y == label))[:10] for label in range(10)])
        rest = np.setdiff1d(np.arange(len(x)), first)
        memory = Memory("digital", dim=256).fit(x[first], y[first])
        rows.append(compared(y[rest], memory.predict(x[rest]), answers(integer_memory(memory), x[rest])))
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]} | {"seeds": seeds}


def motions(seeds: int) -> dict[str, float]:
    """Five windows of each exercise by some people; windows by others are tests, up to 100 of each."""
    x, y, who = data.motions()
    new, rows = np.isin(who, NEW_PEOPLE), []
    for given, labels, tests, known in draws(x, y, seeds, ~new, new):
        memory = Memory("digital").fit(given, labels)
        rows.append(compared(known, memory.predict(tests), answers(integer_memory(memory), tests)))
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]} | {"seeds": seeds}


def compared(y: np.ndarray, exact: np.ndarray, whole: np.ndarray) -> dict[str, float]:
    """Return both accuracies, how far the integers are below, and how often both agree, in percent."""
    return {
        "float": 100 * float(np.mean(exact == y)),
        "integer": 100 * float(np.mean(whole == y)),
        "below": 100 * float(np.mean(exact == y) - np.mean(whole == y)),
        "agree": 100 * float(np.mean(exact == whole)),
        "tests": len(y),
    }


def network(stem: Path, count: int) -> dict[str, float]:
    """Nearest class means of the features of CIFAR-10 images, of the float network and of the integers."""
    from insitu.data.cifar10 import Cifar10

    frozen, card, _ = weights_file.load(stem)
    whole: IntegerNetwork = integer_network(frozen, int(card["image_size"]))
    held, rng = Cifar10().read(), np.random.default_rng(0)
    train = held.train.take(rng.permutation(len(held.train))[:count])
    test = held.test.take(rng.permutation(len(held.test))[:count])

    def guesses(encode: Any) -> np.ndarray:
        known, tests = encode(train.pixels), encode(test.pixels)
        means = np.stack([known[train.labels == label].mean(0) for label in range(10)])
        return np.asarray(((tests[:, None] - means) ** 2).sum(2).argmin(1))

    def floats(pixels: np.ndarray) -> np.ndarray:
        return np.concatenate([frozen.features(to_batch(part, 32)).numpy() for part in np.array_split(pixels, 8)])

    def integers(pixels: np.ndarray) -> np.ndarray:
        return np.concatenate([whole.features(part) * whole.step for part in np.array_split(pixels, 8)])

    bits = [
        as_bytes(whole.latents(part)) ^ frozen.packed(to_batch(part, 32)) for part in np.array_split(test.pixels, 8)
    ]
    signs = len(test) * whole.sides[-1] ** 2 * whole.last.channels
    differing = sum(int(np.bitwise_count(part).sum()) for part in bits) / signs
    return compared(test.labels, guesses(floats), guesses(integers)) | {"latent_bits_differ": 100 * differing}


def head(seeds: int) -> dict[str, float]:
    """CIFAR-10 as five experiences of two classes, shipped latents: the quantised learner and the integer head."""
    scenario, learner = ClassStream(data_set="cifar10", kind="nc", experiences=5), CwrStar(learning_rate=0.04)
    base, rows = scenario.base("package"), []
    for seed in range(seeds):
        state, whole, labels = learner.prepare(base, 0.0, np.random.default_rng(0)), None, []
        for number, session in enumerate(scenario.sessions("package", seed)):
            assert session.train is not None
            x, y = base.of(session.train.x).numpy(), session.train.labels.numpy()
            state = learner.learn(state, session.train, 0.0, np.random.default_rng((seed, number)))
            if whole is None:
                whole = integer_head(learner, state, STEP)
            labels += [label for label in np.unique(y).tolist() if label not in labels]
            if number:
                _experience(whole, learner, np.rint(x / STEP).astype(np.int64), y, labels, (seed, number))
        tests = np.rint(base.of(session.test.x).numpy() / STEP).astype(np.int64)
        exact = learner.predict(state, session.test.x, 0.0, np.random.default_rng()).numpy()
        assert whole is not None
        rows.append(compared(session.test.labels.numpy(), exact, np.array(labels)[whole.predict(whole.codes(tests))]))
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]} | {"seeds": seeds}


def _experience(
    whole: IntegerHead, learner: CwrStar, x: np.ndarray, y: np.ndarray, labels: list[int], seed: tuple[int, int]
) -> None:
    rows, codes, rng = np.array([labels.index(label) for label in y]), whole.codes(x), np.random.default_rng(seed)
    classes, counts = np.unique(rows, return_counts=True)
    whole.begin(classes)
    for order in np.stack([rng.permutation(len(x)) for _ in range(learner.epochs)]):
        for start in range(0, len(x), learner.batch_size):
            taken = order[start : start + learner.batch_size]
            whole.step(codes[taken], rows[taken])
    whole.end(classes, counts)
