"""What heads of scikit-learn share: every example is kept, and a fit gives one linear score per class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from insitu.core import InsituError
from insitu.protocols import Examples
from insitu.protocols.few_shot_sessions import FewShotBase, check_base
from insitu.protocols.vectors import check_examples, check_queries

# from vectors (n, features) and labels (n,) to weights (rows, features) and offsets (rows,)
Fit = Callable[[NDArray[np.float64], NDArray[np.int64]], tuple[NDArray[Any], NDArray[Any]]]


@dataclass(frozen=True, eq=False)
class State:
    """All examples so far and the scores x W^T + b that were fitted to them, in float64."""

    kept: Examples
    classes: Tensor  # (classes,)
    weight: Tensor  # (classes, features)
    bias: Tensor  # (classes,)


def prepared(base: FewShotBase, fit: Fit) -> State:
    check_base(base)
    known = slice(None if base.known else 0)
    return _fitted(Examples(base.examples.x[known], base.examples.labels[known]), fit)


def learned(state: State, examples: Examples, fit: Fit) -> State:
    check_examples(examples, state.weight.shape[1])
    x, labels = torch.cat([state.kept.x, examples.x]), torch.cat([state.kept.labels, examples.labels])
    return _fitted(Examples(x, labels), fit)


def predicted(state: State, x: Tensor) -> Tensor:
    return state.classes[scored(state, x).argmax(1)]


def scored(state: State, x: Tensor) -> Tensor:
    check_queries(x, state.weight.shape[1])
    if not len(state.classes):
        raise InsituError("no class is learned yet; learn some examples first")
    return x.double() @ state.weight.T + state.bias


def _fitted(kept: Examples, fit: Fit) -> State:
    classes = kept.labels.unique()
    weight, bias = np.zeros((1, kept.x.shape[1])), np.zeros(1)
    if len(classes) > 1:  # one class alone needs no fit, and scikit-learn refuses it
        weight, bias = fit(kept.x.double().numpy(), kept.labels.numpy())
    if len(classes) == 2 and len(weight) == 1:  # scikit-learn gives one row for two classes, that of the second
        weight, bias = np.concatenate([-weight, weight]), np.concatenate([-bias, bias])
    return State(kept, classes, torch.from_numpy(weight).double(), torch.from_numpy(bias).double())
