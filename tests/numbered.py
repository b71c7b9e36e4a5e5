"""A data set as vectors of which each carries a number of its own, so that a test can follow every one of them."""

from __future__ import annotations

import numpy as np
import torch

from insitu.scenarios.embeddings import Embedded
from insitu.scenarios.own_folder import OwnItems

OLD, SESSIONS, WAYS, LISTED, TESTS, FEATURES = 6, 3, 2, 4, 7, 3


def numbered(old: int = OLD, sessions: int = SESSIONS, ways: int = WAYS, listed: int = LISTED) -> Embedded:
    """Return old classes, then sessions of ``ways`` classes with ``listed`` shots each; no vector is there twice."""
    new = torch.arange(old, old + sessions * ways)
    shot_labels = new.repeat_interleave(listed)
    test_labels = torch.arange(old + sessions * ways).repeat(TESTS)
    numbers = torch.arange(1.0, 1 + len(shot_labels) + len(test_labels))
    x = numbers[:, None] * torch.ones(FEATURES)
    return Embedded(
        means=torch.zeros(old, FEATURES),
        examples=-torch.ones(old, FEATURES),
        example_labels=torch.arange(old),
        shots=x[: len(shot_labels)],
        shot_labels=shot_labels,
        shot_sessions=(shot_labels - old) // ways + 1,
        test=x[len(shot_labels) :],
        test_labels=test_labels,
        weight=torch.zeros(5, FEATURES),
        bias=torch.zeros(5),
        note="numbered vectors",
    )


def numbered_items() -> OwnItems:
    """Return a folder of six classes with 7, 6, 5, 4, 3 and 2 examples; none has the number of a base vector."""
    labels = np.repeat(np.arange(6), np.arange(7, 1, -1))
    names = tuple("abcdef")
    x = torch.arange(100.0, 100.0 + len(labels))[:, None] * torch.ones(FEATURES)
    files = tuple(f"{names[label]}/{number}" for number, label in enumerate(labels))
    return OwnItems(names, labels, files, x, "numbered vectors")


def numbers(x: torch.Tensor) -> list[int]:
    """Return the numbers that the vectors of ``numbered`` carry."""
    return [int(value) for value in x[:, 0]]
