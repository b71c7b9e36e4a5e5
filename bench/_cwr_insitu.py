"""Our side of the CWR* benchmark. Started by cwr_vs_avalanche.py."""

from __future__ import annotations

import platform
from typing import Any

import numba
import numpy as np
import torch

from _cwr_stream import BATCH, EPOCHS, FEATURES, FIRST_EPOCHS, RATE, parts
from insitu.core import generator
from insitu.learners.cwr_star import CwrStar
from insitu.protocols import Examples
from insitu.protocols.class_stream import StreamBase
from rounds import THREADS, serve

torch.set_num_threads(THREADS)
HEADS = {
    bits: CwrStar(
        *bits, batch_size=BATCH, epochs=EPOCHS, first_epochs=FIRST_EPOCHS, learning_rate=RATE, first_learning_rate=RATE
    )
    for bits in ((0, 0), (8, 16))
}


def examples(part: Any) -> Examples:
    return Examples(torch.from_numpy(part[0]), torch.from_numpy(part[1]))


def base(x: np.ndarray) -> StreamBase:
    return StreamBase(torch.nn.Identity().eval(), (64, 1, 1), FEATURES, torch.from_numpy(x[:100]))


EXPERIENCES, _ = parts("nc", 0)
SECOND = examples(EXPERIENCES[1])
STATES = {
    bits: head.learn(
        head.prepare(base(EXPERIENCES[0][0]), 0.0, generator(0)), examples(EXPERIENCES[0]), 0.0, generator(0)
    )
    for bits, head in HEADS.items()
}


def second(*bits: int) -> int:
    """Learn the second experience of the NC stream; return the number of mini-batches."""
    HEADS[bits].learn(STATES[bits], SECOND, 0.0, generator(1))  # type: ignore[index]
    return EPOCHS * -(-len(SECOND) // BATCH)


def accuracy(stream: str, seed: int, *bits: int) -> float:
    """Return the final accuracy in percent."""
    head: CwrStar = HEADS[bits]  # type: ignore[index]
    experiences, test = parts(stream, seed)
    rng = generator(seed, "head")
    state = head.prepare(base(experiences[0][0]), 0.0, rng)
    for part in experiences:
        state = head.learn(state, examples(part), 0.0, rng)
    guess = head.predict(state, torch.from_numpy(test[0]), 0.0, rng).numpy()
    return 100 * float((guess == test[1]).mean())


if __name__ == "__main__":
    facts = {
        "numpy": np.__version__,
        "numba": numba.__version__,
        "python": platform.python_version(),
    }
    serve(
        {
            "second_quantised": lambda: second(8, 16),
            "second_float": lambda: second(0, 0),
            "accuracy": accuracy,
        },
        facts,
    )
