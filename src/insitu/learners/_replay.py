"""A store of packed latents with equal shares for all classes, refilled after each experience."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from insitu.protocols import Examples


@dataclass(frozen=True, eq=False)
class Store:
    """Latents (n, bytes) uint8, their labels (n,), and how many examples of each class have been seen."""

    latents: Tensor
    labels: Tensor
    seen: dict[int, int]

    def __len__(self) -> int:
        return len(self.labels)


def refilled(store: Store, given: Examples, budget: int, rng: np.random.Generator) -> Store:
    """Return a store of at most ``budget`` latents after the experience ``given``.

    Every class has the same share, or one more; of a class seen before, old and new latents remain in the proportion
    in which they came, so that a share is a fair sample of all that was seen. ``budget`` is at least the number of
    classes.
    """
    counts = {int(c): int(n) for c, n in zip(*np.unique(given.labels.numpy(), return_counts=True), strict=True)}
    seen = store.seen | {c: store.seen.get(c, 0) + n for c, n in counts.items()}
    x, labels = [], []
    for place, (c, total) in enumerate(seen.items()):
        share = budget // len(seen) + (place < budget % len(seen))
        old = (store.labels == c).nonzero()[:, 0].numpy()
        new = (given.labels == c).nonzero()[:, 0].numpy()
        share = min(share, len(old) + len(new))
        fresh = share * len(new) / total  # rounded at random, since one latent of a share of one is old or new
        take = int(fresh + rng.random())
        take = min(max(take, share - len(old)), len(new), share)
        x += [store.latents[_some(old, share - take, rng)], given.x[_some(new, take, rng)]]
        labels += [c] * share
    return Store(torch.cat(x), torch.tensor(labels), seen)


def _some(rows: NDArray[np.int64], count: int, rng: np.random.Generator) -> Tensor:
    return torch.from_numpy(np.sort(rng.choice(rows, count, replace=False)))
