"""Our side of the MAML benchmark. Started by maml_vs_learn2learn.py."""

from __future__ import annotations

import platform
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from _maml_tasks import (
    QUERIES,
    RATE,
    SHOTS,
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
from insitu.backbones.conv4 import Conv4
from insitu.core import generator
from insitu.learners import _delta_rule
from insitu.protocols import Examples
from insitu.training import maml
from rounds import THREADS, serve

torch.set_num_threads(THREADS)
BARE = maml.MetaTrain(
    tasks=TASKS,
    ways=WAYS,
    shots=SHOTS,
    queries=QUERIES,
    steps=STEPS,
    inner_learning_rate=RATE,
    both_halves=False,
    bfloat16=False,
)
NETWORK = Conv4(width=WIDTH).build()
X, LABELS, ASKED, WANTED = tasks()
OUTCOME: dict[str, Tensor] = {}


def laid_out(weight: Tensor) -> Tensor:
    """Return a weight in the memory layout that ``Conv4.build`` gives it."""
    return weight.to(memory_format=torch.channels_last) if weight.ndim == 4 else weight  # type: ignore[call-overload,no-any-return]


def meta_step(**changes: Any) -> float:
    """Return the loss of one iteration of ``training/maml.py`` without drawing tasks and without Adam."""
    recipe = replace(BARE, **changes)
    leaves = {name: laid_out(value).requires_grad_() for name, value in weights().items()}
    loss, _ = maml.descend(recipe, NETWORK, leaves, Examples(X, LABELS), Examples(ASKED, WANTED), generator(0))
    OUTCOME.clear()
    OUTCOME.update({name: value.grad for name, value in leaves.items() if value.grad is not None})
    return loss


def inner_loop() -> float:
    """Adapt heads to features that are at hand; the loss and the gradient of the first head and of all features."""
    x, asked = (value.requires_grad_() for value in vectors())
    head = weights()["head"].requires_grad_()
    heads = _delta_rule.adapted(head, x, LABELS, RATE, STEPS)[-1]
    logits = asked @ heads.transpose(1, 2)
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), WANTED.flatten())
    loss.backward()
    OUTCOME.clear()
    OUTCOME.update({name: value.grad for name, value in (("head", head), ("x", x), ("asked", asked))})
    return loss.item()


RUNS: dict[str, Any] = {
    "every_layer": lambda: meta_step(layers="all", batch_size=4),
    "head_only": meta_step,
    "head_only_as_it_comes": lambda: meta_step(both_halves=True, bfloat16=True),
    "inner_loop": inner_loop,
}

if __name__ == "__main__":
    others = {
        "save": lambda file: torch.save(OUTCOME, file),
        "matrix_product": matrix_product,
        "operations": lambda name: operations(RUNS[name]),
    }
    serve(RUNS | others, {"torch": torch.__version__, "python": platform.python_version()})
