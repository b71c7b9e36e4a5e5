"""Stage 2: episodes that push classes towards quasi-orthogonal vectors, for the last layer or the whole network.

C-FSCIL (Hersche et al., CVPR 2022): key = sum of the support vectors (no gradient), similarity = cosine of tanh's,
sharpened by softabs(x) = sigmoid(10 (x - 1/2)) + sigmoid(10 (-x - 1/2)) and normalised over classes, binary
cross-entropy against one-hot. O-FSCIL (2024): multi-margin loss on rectified cosines.
Own choice: with ``layers="projection"`` the convolutions are frozen and activations are computed once.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from insitu import compute_device
from insitu.core import InsituError, generator
from insitu.data import Images
from insitu.training import augment
from insitu.training.loop import DivergedError, Report, Stage


@dataclass(frozen=True)
class Metalearn:
    """Episodes of base classes: keys from a few supports, queries pulled to their key and away from all others."""

    episodes: int = 2000  # steps of the training
    ways: int = 60  # classes of an episode
    support: int = 5  # images per class that make its key
    query: int = 10  # images per class that are compared with the keys
    learning_rate: float = 0.01  # of SGD at first; it falls to zero by half a cosine
    momentum: float = 0.9  # momentum of SGD
    weight_decay: float = 5e-4  # L2 penalty
    loss: Literal["softabs", "margin"] = "margin"  # that of C-FSCIL or that of O-FSCIL
    margin: float = 0.5  # margin of the multi-margin loss
    layers: Literal["projection", "all"] = "projection"  # layers that are trained
    views: int = 4  # random crops of every base image whose activations are kept, with layers="projection"
    size: int = 40  # pixels per side of an image
    area: float = 0.35  # smallest share of the image that a random crop covers
    flip: bool = True  # mirror half of the crops
    bfloat16: bool = True  # run the network in bfloat16: faster, less exact
    seed: int = 0  # seed of episodes and augmentation

    def __post_init__(self) -> None:
        if min(self.episodes, self.ways, self.support, self.query, self.views) < 1:
            raise InsituError("episodes, ways, support, query and views are at least 1")
        if self.loss not in ("softabs", "margin") or self.layers not in ("projection", "all"):
            raise InsituError(f"loss is softabs or margin, layers projection or all; got {self.loss}, {self.layers}")


class MetaLearning(Stage):
    """Trains ``network`` in place by episodes over ``data``, with labels 0 to classes - 1."""

    def __init__(self, recipe: Metalearn, network: nn.Module, data: Images) -> None:
        self.recipe, self.network, self.data = recipe, network, data
        if not len(data):
            raise InsituError("episodes need images of base classes; the data holds none")
        self.rows_of = [np.flatnonzero(data.labels == c) for c in range(int(data.labels.max()) + 1)]
        short = min(len(rows) for rows in self.rows_of)
        self.images = recipe.support + recipe.query  # per class of an episode
        if recipe.ways > len(self.rows_of) or self.images > short:
            raise InsituError(
                f"episodes of {recipe.ways} ways and {recipe.support}+{recipe.query} images need as much; "
                f"the data has {len(self.rows_of)} classes of at least {short} images"
            )
        self.frozen = recipe.layers == "projection"
        if self.frozen and not hasattr(network, "project"):
            raise InsituError(f"{type(network).__name__} has no last linear layer 'project'; take layers all")
        network.to(compute_device.chosen())
        trained: Any = network.project if self.frozen else network
        self.optimiser = torch.optim.SGD(
            list(trained.parameters()),
            recipe.learning_rate,
            recipe.momentum,
            weight_decay=recipe.weight_decay,
            nesterov=True,
        )
        self.steps, self.per_step = recipe.episodes, recipe.ways * self.images
        self.description = f"{asdict(recipe)} {[tuple(p.shape) for p in network.parameters()]} {len(data)} images"
        # episodes use the statistics of the base, as the memory will
        network.eval()

    def state(self) -> dict[str, Any]:
        """See ``Stage.state``."""
        return {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """See ``Stage.restore``."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])

    def step(self, done: int) -> tuple[float, float]:
        """Train on one episode of classes drawn at random."""
        recipe = self.recipe
        rng = generator(recipe.seed, "episode", done)
        classes = rng.permutation(len(self.rows_of))[: recipe.ways]
        rows = np.stack([rng.permutation(self.rows_of[c])[: self.images] for c in classes])  # (ways, support + query)
        for group in self.optimiser.param_groups:
            # a plain float: a NumPy number in a checkpoint would not be read again
            group["lr"] = float(recipe.learning_rate * 0.5 * (1 + np.cos(np.pi * done / recipe.episodes)))
        vectors = self._vectors(rows.reshape(-1), rng).view(recipe.ways, self.images, -1)
        if not torch.isfinite(vectors).all():  # the loss would complain of probabilities instead
            raise DivergedError("vectors hold NaN or infinity")
        loss, right = _loss(recipe, vectors)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return loss.item(), right

    def report(self, done: int) -> Report:
        """See ``Stage.report``."""
        return Report(f"episode {done}")

    def finish(self) -> None:
        """See ``Stage.finish``."""
        self.network.to("cpu")

    def _vectors(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        recipe, network = self.recipe, self.network
        if self.frozen:
            view = torch.from_numpy(rng.integers(0, recipe.views, len(rows)))
            return network.project(self._activations[view, torch.from_numpy(rows)])  # type: ignore[operator,no-any-return]
        batch = augment.random_crops(self.data.pixels[rows], recipe.size, rng, (recipe.area, 1.0), recipe.flip)
        batch = batch.to(next(network.parameters()).device)
        with compute_device.half_precision(batch, recipe.bfloat16):
            return network(batch).float()  # type: ignore[no-any-return]

    @cached_property
    def _activations(self) -> Tensor:
        """Mean-pooled activations (views, n, features) of random crops of every image."""
        recipe, out = self.recipe, []
        for view in range(recipe.views):
            parts = []
            for start in range(0, len(self.data), 250):
                rng = generator(recipe.seed, "view", view, start)
                pixels = self.data.pixels[start : start + 250]
                batch = augment.random_crops(pixels, recipe.size, rng, (recipe.area, 1.0), recipe.flip)
                batch = batch.to(next(self.network.parameters()).device)
                with torch.no_grad(), compute_device.half_precision(batch, recipe.bfloat16):
                    parts.append(self.network.features(batch).float())  # type: ignore[operator]
            out.append(torch.cat(parts))
        return torch.stack(out)


def _loss(recipe: Metalearn, vectors: Tensor) -> tuple[Tensor, float]:
    """Loss and share of right answers of one episode; ``vectors`` is (ways, support + query, dim) before tanh."""
    keys = vectors[:, : recipe.support].detach().sum(1)
    queries = vectors[:, recipe.support :].flatten(0, 1)
    cosine = F.normalize(torch.tanh(queries)) @ F.normalize(torch.tanh(keys)).T
    target = torch.arange(recipe.ways, device=vectors.device).repeat_interleave(recipe.query)
    if recipe.loss == "margin":
        loss = F.multi_margin_loss(F.relu(cosine), target, margin=recipe.margin)
    else:
        sharp = torch.sigmoid(10 * (cosine - 0.5)) + torch.sigmoid(10 * (-cosine - 0.5))
        share = sharp / sharp.sum(1, keepdim=True)
        loss = F.binary_cross_entropy(share, F.one_hot(target, recipe.ways).float())
    return loss, float((cosine.argmax(1) == target).float().mean())
