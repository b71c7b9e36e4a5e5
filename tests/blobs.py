"""Gaussian classes in 24 dimensions: a base and shots that any learner learns in milliseconds."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from insitu.core import generator
from insitu.protocols import Examples
from insitu.protocols.few_shot_sessions import FewShotBase
from insitu.rows import Rows

FEATURES, DIM, OLD = 24, 16, 8
CENTRES = torch.from_numpy(generator(0, "blobs").standard_normal((400, FEATURES))).float()


def draw(labels: list[int] | Tensor, seed: int = 0, spread: float = 0.3) -> Examples:
    """Return one vector near the centre of each label."""
    labels = torch.as_tensor(labels)
    noise = generator(seed, "draw").standard_normal((len(labels), FEATURES))
    return Examples(CENTRES[labels] + spread * torch.from_numpy(noise).float(), labels)


def shots(classes: list[int], each: int = 5, seed: int = 1, spread: float = 0.3) -> Examples:
    return draw(torch.tensor(classes).repeat_interleave(each), seed, spread)


def base(old: int = OLD, each: int = 10, spread: float = 0.3) -> FewShotBase:
    examples = shots(list(range(old)), each, seed=2, spread=spread)
    weight = torch.from_numpy(generator(0, "last layer").standard_normal((DIM, FEATURES))).float() / FEATURES**0.5
    return FewShotBase(CENTRES[:old].clone(), examples, weight, 0.01 * torch.arange(DIM).float())


def tasks(count: int, each: int, seed: int = 0, ways: int = 3) -> Examples:
    """Return tasks of classes that no other task has: x (count, ways each, features), labels from 0 to ways - 1."""
    classes = OLD + torch.arange(count * ways).repeat_interleave(each)
    drawn = draw(classes, seed)
    return Examples(drawn.x.view(count, ways * each, -1), (classes - OLD).view(count, -1) % ways)


def accuracy(learner: Any, state: Any, classes: list[int], now_s: float = 100.0, spread: float = 0.3) -> float:
    """Return the share of fresh vectors of ``classes`` that are recognised."""
    asked = shots(classes, 20, seed=3, spread=spread)
    guess = learner.predict(state, asked.x, now_s, generator(4, "ask"))
    return float((guess == asked.labels).float().mean())


def same(a: object, b: object) -> bool:
    """Compare two states to the last bit: records, lists, tables, arrays and tensors in them."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, Rows):
        return same(np.asarray(a), np.asarray(b))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if is_dataclass(a):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b
