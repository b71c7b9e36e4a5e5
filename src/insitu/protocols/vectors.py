"""Examples that are vectors: ``x`` is (n, features) float32 and ``labels`` (n,) int64 from 0. What else is refused."""

from __future__ import annotations

import torch
from torch import Tensor

from insitu.core import InsituError
from insitu.protocols import Examples


def check_queries(x: Tensor, features: int) -> None:
    """Raise ``InsituError`` unless ``x`` is a non-empty, finite float32 (n, features)."""
    if not isinstance(x, Tensor) or x.ndim != 2 or x.shape[1] != features or x.dtype != torch.float32:
        raise InsituError(f"x is a float32 tensor (n, {features}); got {described(x)}; convert or reshape it")
    if not len(x):
        raise InsituError(f"x is empty; give at least one vector of {features} numbers")
    if not torch.isfinite(x).all():
        row = int((~torch.isfinite(x)).any(1).nonzero()[0])
        raise InsituError(f"x holds NaN or infinity, first in row {row}; drop such rows")


def check_examples(examples: Examples, features: int) -> None:
    """Raise ``InsituError`` unless ``examples`` are finite vectors with one int64 label >= 0 each."""
    check_queries(examples.x, features)
    check_labels(examples.labels, len(examples.x))


def check_labels(labels: Tensor, count: int) -> None:
    """Raise ``InsituError`` unless ``labels`` are int64 (count,) from 0."""
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64 or labels.shape != (count,):
        raise InsituError(f"labels are int64 ({count},), one per example; got {described(labels)}")
    if int(labels.min()) < 0:
        raise InsituError(f"labels are class numbers from 0; got {int(labels.min())}")


def described(value: object) -> str:
    """Return shape and type of a tensor, or the type of anything else, for errors."""
    return f"{tuple(value.shape)} of {value.dtype}" if isinstance(value, Tensor) else type(value).__name__
