"""Learners: prepare slowly once, learn from a few examples many times, predict, while time passes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from insitu.core import InsituError
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

    protocols: ClassVar[
        tuple[str, ...]
    ] = ()  # as ``Scenario.session_kind`` names them; empty: not stated

    def check(self, protocol: str) -> None:
        """Raise ``InsituError`` where it cannot learn sessions of ``protocol``, or its parts do not go together.

        Called before anything is computed; '' is a protocol that a scenario does not state.
        """
        if protocol and self.protocols and protocol not in self.protocols:
            raise InsituError(f"{type(self).__name__} learns {' or '.join(self.protocols)}, not {protocol}")

    @abstractmethod
    def prepare(self, base: Any, now_s: float, rng: np.random.Generator) -> Any:
        """Return the state before the first session.

        ``base`` is what the scenario gives: a ``Base``, and the state knows its classes 0..classes-1; or, of a class
        stream, a ``StreamBase`` (``learners/stream.py``), and the state knows no class.
        """

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


def check_queries(x: Tensor, features: int) -> None:
    """Raise ``InsituError`` unless ``x`` is a non-empty, finite float32 (n, features)."""
    if not isinstance(x, Tensor) or x.ndim != 2 or x.shape[1] != features or x.dtype != torch.float32:
        raise InsituError(f"x is a float32 tensor (n, {features}); got {_given(x)}; convert or reshape it")
    if not len(x):
        raise InsituError(f"x is empty; give at least one vector of {features} numbers")
    if not torch.isfinite(x).all():
        row = int((~torch.isfinite(x)).any(1).nonzero()[0])
        raise InsituError(f"x holds NaN or infinity, first in row {row}; drop such rows")


def check_examples(examples: Examples, features: int) -> None:
    """Raise ``InsituError`` unless ``examples`` are finite vectors with one int64 label >= 0 each."""
    check_queries(examples.x, features)
    labels = examples.labels
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64 or labels.shape != (len(examples.x),):
        raise InsituError(f"labels are int64 ({len(examples.x)},), one per example; got {_given(labels)}")
    if int(labels.min()) < 0:
        raise InsituError(f"labels are class numbers from 0; got {int(labels.min())}")


def check_base(base: Base) -> None:
    """Raise ``InsituError`` unless means, examples and last layer of ``base`` are finite and fit together."""
    means = base.means
    if not isinstance(means, Tensor) or means.ndim != 2 or not means.numel() or means.dtype != torch.float32:
        raise InsituError(f"means of the base are float32 (classes, features), at least (1, 1); got {_given(means)}")
    classes, features = means.shape
    for name, value, shape in (
        ("means", means, (classes, features)),
        ("weight", base.weight, (len(base.bias), features)),
        ("bias", base.bias, (len(base.bias),)),
    ):
        if value.shape != shape or value.dtype != torch.float32:
            raise InsituError(f"{name} of the base is float32 {shape}; got {_given(value)}")
        if not torch.isfinite(value).all():
            raise InsituError(f"{name} of the base holds NaN or infinity; make it anew")
    check_examples(base.examples, features)
    if (top := int(base.examples.labels.max())) >= classes:
        raise InsituError(f"examples of the base are of its {classes} classes, 0 to {classes - 1}; got class {top}")


def _given(value: object) -> str:
    return f"{tuple(value.shape)} of {value.dtype}" if isinstance(value, Tensor) else type(value).__name__
