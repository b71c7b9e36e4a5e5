"""The rivals' side of the MAML benchmark: learn2learn, and plain ``torch.func``. Needs PyTorch and learn2learn's files.

The modules that hold ``MAML`` are imported without the package's own first file, which asks for gym, torchvision,
Lightning and three compiled extensions of data loaders. Everything is in the rivals' favour: images lie in memory as
tensors, no accuracy is computed, no optimiser steps.
"""

from __future__ import annotations

import platform
import sys
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from _maml_tasks import (
    EPSILON,
    HEAD,
    RATE,
    STEPS,
    TASKS,
    WAYS,
    WIDTH,
    matrix_product,
    operations,
    tasks,
    vectors,
    weights,
)
from rounds import THREADS, serve

for name in ("learn2learn", "learn2learn.algorithms"):
    parent = sys.modules.get(name.rpartition(".")[0])
    found = PathFinder.find_spec(name, getattr(parent, "__path__", None))
    if found is None or found.submodule_search_locations is None:
        raise SystemExit(f"{name} is not installed; see bench/README.md")
    sys.modules[name] = ModuleType(name)
    sys.modules[name].__path__ = list(found.submodule_search_locations)

from learn2learn._version import __version__  # noqa: E402
from learn2learn.algorithms.maml import MAML  # noqa: E402

torch.set_num_threads(THREADS)
LAYOUTS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}
X, LABELS, ASKED, WANTED = tasks()
OUTCOME: dict[str, Tensor] = {}


class Network(nn.Module):
    """Four times convolution, ReLU, batch norm by the batch alone; pool and head, as learn2learn's own networks are."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(i, WIDTH, 3, 2, 1, bias=False) for i in (1, WIDTH, WIDTH, WIDTH))
        self.norm = nn.BatchNorm2d(WIDTH, EPSILON, affine=False, track_running_stats=False)
        self.head = nn.Linear(WIDTH, WAYS, bias=False)

    def features(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = self.norm(F.relu(conv(x)))
        return F.max_pool2d(x, 2).flatten(1)

    def forward(self, x: Tensor, of_head: bool = False) -> Tensor:
        return self.features(x) if of_head else self.head(self.features(x))


def network(layout: str) -> Network:
    out = Network()
    out.load_state_dict({f"{HEAD}.weight" if name == HEAD else name: value for name, value in weights().items()})
    return out.to(memory_format=LAYOUTS[layout])  # type: ignore[call-overload,no-any-return]


def keep(model: Network, **others: Tensor) -> None:
    """Hold on to the gradient, by the names of our side."""
    named = {**dict(model.named_parameters()), **others}
    OUTCOME.clear()
    OUTCOME.update({HEAD if n == f"{HEAD}.weight" else n: p.grad for n, p in named.items() if p.grad is not None})


def every_layer(layout: str, double: bool = False) -> float:
    """learn2learn's MAML example: clone and adapt task by task, second order; in float64 it is what is right."""
    dtype = torch.float64 if double else torch.float32
    model, x, asked = network(layout).to(dtype), X.to(dtype), ASKED.to(dtype)
    maml = MAML(model, lr=RATE)
    total = 0.0
    for task in range(TASKS):
        learner = maml.clone()
        for _ in range(STEPS):
            learner.adapt(F.cross_entropy(learner(x[task]), LABELS[task]))
        loss = F.cross_entropy(learner(asked[task]), WANTED[task]) / TASKS
        loss.backward()
        total += loss.item()
    keep(model)
    return total


def head_only(layout: str, double: bool = False) -> float:
    """learn2learn's ANIL example: features once, then a clone of the head; support and queries normalised apart."""
    dtype = torch.float64 if double else torch.float32
    model, x, asked = network(layout).to(dtype), X.to(dtype), ASKED.to(dtype)
    maml = MAML(model.head, lr=RATE)
    total = 0.0
    for task in range(TASKS):
        loss = of_a_head(maml, model.features(x[task]), model.features(asked[task]), task)
        loss.backward()
        total += loss.item()
    keep(model)
    return total


def inner_loop() -> float:
    """The same given the features: 32 clones of the head, and the gradient of all features."""
    model = network("contiguous")
    maml = MAML(model.head, lr=RATE)
    x, asked = (value.requires_grad_() for value in vectors())
    total = 0.0
    for task in range(TASKS):
        loss = of_a_head(maml, x[task], asked[task], task)
        loss.backward()
        total += loss.item()
    keep(model, x=x, asked=asked)
    return total


def of_a_head(maml: MAML, x: Tensor, asked: Tensor, task: int) -> Tensor:
    learner = maml.clone()
    for _ in range(STEPS):
        learner.adapt(F.cross_entropy(learner(x), LABELS[task]))
    return F.cross_entropy(learner(asked), WANTED[task]) / TASKS


def mapped(of_head: bool, layout: str, chunk: int) -> float:
    """The same in plain ``torch.func``: the loss of one task, mapped over ``chunk`` tasks at once."""
    model = network(layout)

    def task(given: dict[str, Tensor], x: Tensor, labels: Tensor, asked: Tensor, wanted: Tensor) -> Tensor:
        if of_head:
            x, asked = (functional_call(model, given, (images, True)) for images in (x, asked))

        def loss(adapted: dict[str, Tensor], x: Tensor, labels: Tensor) -> Tensor:
            logits = x @ adapted[f"{HEAD}.weight"].T if of_head else functional_call(model, adapted, (x,))
            return F.cross_entropy(logits, labels)

        adapted = {name: w for name, w in given.items() if not of_head or name.startswith(HEAD)}
        for _ in range(STEPS):
            change = grad(loss)(adapted, x, labels)
            adapted = {name: w - RATE * change[name] for name, w in adapted.items()}
        return loss(adapted, asked, wanted)

    parameters, total = dict(model.named_parameters()), 0.0
    for rows in torch.arange(TASKS).split(chunk):
        losses = vmap(task, (None, 0, 0, 0, 0))(parameters, X[rows], LABELS[rows], ASKED[rows], WANTED[rows])
        loss = losses.sum() / TASKS
        loss.backward()
        total += loss.item()
    keep(model)
    return total


WAYS_TO_RUN: dict[str, Any] = {}
for layout in LAYOUTS:
    WAYS_TO_RUN[f"every_layer, {layout}"] = lambda layout=layout: every_layer(layout)
    WAYS_TO_RUN[f"head_only, {layout}"] = lambda layout=layout: head_only(layout)
# channels last is slower under a map over weights, and 32 tasks at once are twice as slow as few
for chunk in (1, 4):
    WAYS_TO_RUN[f"mapped every_layer, {chunk} at once"] = lambda chunk=chunk: mapped(False, "contiguous", chunk)
    WAYS_TO_RUN[f"mapped head_only, {chunk} at once"] = lambda chunk=chunk: mapped(True, "contiguous", chunk)

if __name__ == "__main__":
    serve(
        WAYS_TO_RUN
        | {
            "inner_loop": inner_loop,
            "right every_layer": lambda: every_layer("contiguous", double=True),
            "right head_only": lambda: head_only("contiguous", double=True),
            "save": lambda file: torch.save(OUTCOME, file),
            "matrix_product": matrix_product,
            "operations": lambda name: operations(WAYS_TO_RUN[name]),
        },
        {"learn2learn": __version__, "torch": torch.__version__, "python": platform.python_version()},
    )
