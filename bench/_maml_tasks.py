"""Weights and tasks of the MAML benchmark, the same numbers on every side. Needs NumPy and PyTorch only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

TASKS, WAYS, SHOTS, QUERIES = 32, 5, 5, 5
STEPS, RATE = 4, 0.1  # of the inner loop
WIDTH, SIDE, EPSILON = 56, 28, 1e-5
HEAD = "head"
SHAPES = {f"convs.{layer}.weight": (WIDTH, WIDTH if layer else 1, 3, 3) for layer in range(4)} | {HEAD: (WAYS, WIDTH)}


def weights() -> dict[str, Tensor]:
    """Return convolutions and a head (ways, features), uniform with variance 2 / fan-in."""
    rng = np.random.default_rng(0)
    bounds = {name: (6 / np.prod(shape[1:])) ** 0.5 for name, shape in SHAPES.items()}
    return {name: torch.from_numpy(rng.uniform(-bounds[name], bounds[name], SHAPES[name])).float() for name in SHAPES}


def tasks() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return images (tasks, n, 1, 28, 28) and labels (tasks, n) of the support, and of the queries.

    A class is a pattern of 7 x 7 blocks, of which every image shows four fifths; paper is 1, as in Omniglot.
    """
    rng = np.random.default_rng(1)
    blocks = rng.random((TASKS, WAYS, 1, 7, 7)) < 0.3
    seen = blocks & (rng.random((TASKS, WAYS, SHOTS + QUERIES, 7, 7)) < 0.8)
    drawn = 1 - seen.repeat(4, 3).repeat(4, 4) * rng.uniform(0.7, 1, (TASKS, WAYS, SHOTS + QUERIES, 1, 1))
    grey = drawn + rng.normal(0, 0.05, drawn.shape)  # else areas of one tone tie in the pool, and rounding picks
    images = torch.from_numpy(grey).float()[:, :, :, None]

    def part(x: Tensor) -> tuple[Tensor, Tensor]:
        labels = torch.arange(WAYS).repeat_interleave(x.shape[2]).expand(TASKS, -1).contiguous()
        return x.flatten(1, 2).contiguous(), labels

    return *part(images[:, :, :SHOTS]), *part(images[:, :, SHOTS:])


def vectors() -> tuple[Tensor, Tensor]:
    """Return features of the support and of the queries (tasks, n, 56), at random, for a head alone."""
    rng = np.random.default_rng(2)
    support, queries = (rng.standard_normal((TASKS, WAYS * each, WIDTH)) for each in (SHOTS, QUERIES))
    return torch.from_numpy(support).float(), torch.from_numpy(queries).float()


LARGE = 1536  # rows and columns of the product whose rate is measured


def matrix_product() -> int:
    """Multiply two large float32 matrices; return the number of operations."""
    torch.mm(*FACTORS)
    return 2 * LARGE**3


FACTORS = torch.randn(LARGE, LARGE), torch.randn(LARGE, LARGE)


def operations(task: Callable[[], Any]) -> int:
    """Return how many operations the products and convolutions of a task are."""
    with FlopCounterMode(display=False) as counter:
        task()
    return int(counter.get_total_flops())
