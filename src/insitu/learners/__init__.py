"""Learners: prepare slowly once, learn from a few examples many times, predict, while time passes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from insitu.ledger import Ledger


@dataclass(frozen=True)
class Examples:
    """Inputs and their class numbers: ``x`` is (n, features) float32, ``labels`` is (n,) int64."""

    x: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Base:
    """What a learner is prepared with, off the device.

    ``means`` (classes, features) holds the mean activation of every base class over all of its training images,
    ``examples`` a few of those images. ``weight`` (dim, features) and ``bias`` (dim,) are the backbone's last linear
    layer, from activations to the vector the memory holds.
    """

    means: Tensor
    examples: Examples
    weight: Tensor
    bias: Tensor


@dataclass(frozen=True)
class Learner(ABC):
    """A record with three verbs; state goes in and comes out, and predict never changes it."""

    @abstractmethod
    def prepare(self, base: Base, now_s: float, rng: np.random.Generator) -> Any:
        """Return the state that knows the base classes 0..classes-1."""

    @abstractmethod
    def learn(self, state: Any, examples: Examples, now_s: float, rng: np.random.Generator) -> Any:
        """Return the state that has learned ``examples`` too; labels may be new or known."""

    @abstractmethod
    def predict(self, state: Any, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return class numbers (n,) for x (n, features), only of classes learned so far."""

    def cost(self, state: Any) -> Ledger:
        """Return what learning has spent so far; nothing is counted unless the learner says so."""
        return Ledger()

    def query_cost(self, state: Any) -> Ledger:
        """Return what one prediction spends."""
        return Ledger()
