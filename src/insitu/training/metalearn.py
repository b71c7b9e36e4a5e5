"""Stage 2: episodes that push classes towards quasi-orthogonal vectors, for the last layer or the whole network.

C-FSCIL (Hersche et al., CVPR 2022): key = sum of the support vectors (no gradient), similarity = cosine of tanh's,
sharpened by softabs(x) = sigmoid(10 (x - 1/2)) + sigmoid(10 (-x - 1/2)) and normalised over classes, binary
cross-entropy against one-hot. O-FSCIL (2024): multi-margin loss on rectified cosines.
Own choice: with ``layers="projection"`` the convolutions are frozen and activations are computed once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from insitu.core import InsituError, generator
from insitu.data.images import Images
from insitu.training import _augment as augment
from insitu.training import _checkpoint as checkpoint
from insitu.training.pretrain import Progress


@dataclass(frozen=True)
class Metalearn:
    """Episodes of base classes: keys from a few supports, queries pulled to their key and off all others."""

    episodes: int = 2000
    ways: int = 60
    support: int = 5
    query: int = 10
    rate: float = 0.01
    momentum: float = 0.9
    decay: float = 5e-4
    loss: Literal["softabs", "margin"] = "margin"
    margin: float = 0.5  # of the margin loss
    layers: Literal["projection", "all"] = "projection"
    views: int = 4  # random crops of every base image whose activations are kept, for layers="projection"
    size: int = 40
    area: float = 0.35
    flip: bool = True
    bfloat16: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.episodes, self.ways, self.support, self.query, self.views) < 1:
            raise InsituError("episodes, ways, support, query and views are at least 1")
        if self.loss not in ("softabs", "margin") or self.layers not in ("projection", "all"):
            raise InsituError(f"loss is softabs or margin, layers projection or all; got {self.loss}, {self.layers}")


def train(
    recipe: Metalearn,
    network: nn.Module,
    data: Images,
    file: Path,
    every_s: float = 240.0,
    log_s: float = 15.0,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Progress]:
    """Train ``network`` in place by episodes over ``data``; yields, checkpoints and resumes like ``pretrain.train``."""
    if not len(data):
        raise InsituError("episodes need images of base classes; the data holds none")
    rows_of = [np.flatnonzero(data.labels == c) for c in range(int(data.labels.max()) + 1)]
    short = min(len(rows) for rows in rows_of)
    if recipe.ways > len(rows_of) or recipe.support + recipe.query > short:
        raise InsituError(
            f"episodes of {recipe.ways} ways and {recipe.support}+{recipe.query} images need as much; "
            f"the data has {len(rows_of)} classes of at least {short} images"
        )
    frozen = recipe.layers == "projection"
    trained = list(network.project.parameters()) if frozen else list(network.parameters())  # type: ignore[union-attr]
    optimiser = torch.optim.SGD(trained, recipe.rate, recipe.momentum, weight_decay=recipe.decay, nesterov=True)
    what = f"{asdict(recipe)} {[tuple(p.shape) for p in network.parameters()]} {len(data)} images"
    step = 0
    if state := checkpoint.load(file, what):
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        step = state["step"]
    # episodes use the statistics of the base, as the memory will
    network.eval()
    kept = _activations(recipe, network, data) if frozen else None

    logged = saved = time.monotonic()
    seen, right, total = 0, 0.0, 0.0
    while step < recipe.episodes:
        rng = generator(recipe.seed, "episode", step)
        classes = rng.permutation(len(rows_of))[: recipe.ways]
        size = recipe.support + recipe.query
        rows = np.stack([rng.permutation(rows_of[c])[:size] for c in classes])  # (ways, support + query)
        for group in optimiser.param_groups:
            # a plain float: a NumPy number in a checkpoint would not be read again
            group["lr"] = float(recipe.rate * 0.5 * (1 + np.cos(np.pi * step / recipe.episodes)))
        vectors = _vectors(recipe, network, data, kept, rows.reshape(-1), rng).view(recipe.ways, size, -1)
        if not torch.isfinite(vectors).all():  # the loss would speak of probabilities instead
            raise checkpoint.diverged(file, step, "vectors hold NaN or infinity")
        loss, hits = _loss(recipe, vectors)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        step += 1
        seen, right, total = seen + 1, right + hits, total + loss.item()
        now = time.monotonic()
        stopping = stop()  # asked once, so that what ends is what was saved
        if now - saved > every_s or step == recipe.episodes or stopping:
            state = {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "step": step}
            checkpoint.save(file, what, state)
            saved = time.monotonic()
        if now - logged > log_s or step == recipe.episodes:
            speed = seen / max(now - logged, 1e-9)
            images = speed * recipe.ways * size
            yield Progress(
                step, recipe.episodes, step, total / seen, right / seen, images, (recipe.episodes - step) / speed
            )
            logged, seen, right, total = time.monotonic(), 0, 0.0, 0.0
        if stopping:
            return


def _activations(recipe: Metalearn, network: nn.Module, data: Images) -> Tensor:
    """Return the mean-pooled activations (views, n, features) of random crops of every image."""
    out = []
    for view in range(recipe.views):
        parts = []
        for start in range(0, len(data), 250):
            rng = generator(recipe.seed, "view", view, start)
            pixels = data.pixels[start : start + 250]
            batch = augment.random_crops(pixels, recipe.size, rng, (recipe.area, 1.0), recipe.flip)
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
                parts.append(network.features(batch).float())  # type: ignore[operator]
        out.append(torch.cat(parts))
    return torch.stack(out)


def _vectors(
    recipe: Metalearn,
    network: nn.Module,
    data: Images,
    kept: Tensor | None,
    rows: np.ndarray,
    rng: np.random.Generator,
) -> Tensor:
    if kept is not None:
        view = torch.from_numpy(rng.integers(0, recipe.views, len(rows)))
        return network.project(kept[view, torch.from_numpy(rows)])  # type: ignore[operator,no-any-return]
    batch = augment.random_crops(data.pixels[rows], recipe.size, rng, (recipe.area, 1.0), recipe.flip)
    with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
        return network(batch).float()  # type: ignore[no-any-return]


def _loss(recipe: Metalearn, vectors: Tensor) -> tuple[Tensor, float]:
    """Loss and share of right answers of one episode; ``vectors`` is (ways, support + query, dim) before tanh."""
    keys = vectors[:, : recipe.support].detach().sum(1)
    queries = vectors[:, recipe.support :].flatten(0, 1)
    cosine = F.normalize(torch.tanh(queries)) @ F.normalize(torch.tanh(keys)).T
    target = torch.arange(recipe.ways).repeat_interleave(recipe.query)
    if recipe.loss == "margin":
        loss = F.multi_margin_loss(F.relu(cosine), target, margin=recipe.margin)
    else:
        sharp = torch.sigmoid(10 * (cosine - 0.5)) + torch.sigmoid(10 * (-cosine - 0.5))
        share = sharp / sharp.sum(1, keepdim=True)
        loss = F.binary_cross_entropy(share, F.one_hot(target, recipe.ways).float())
    return loss, float((cosine.argmax(1) == target).float().mean())
