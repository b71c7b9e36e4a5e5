"""Stage 1: train a backbone on the base classes with a cosine classifier over the vectors the memory will hold.

C-FSCIL (Hersche et al., 2022) trains a linear classifier with cross-entropy; O-FSCIL (2024) adds CutMix and mixup.
Own choices, not from either paper: the vector passes tanh before the cosine, so that its signs, which are what a
phase-change memory stores, carry the class; quarter turns count as classes of their own; image size grows during the
run, which buys epochs; bfloat16 convolutions.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from insitu import compute_device
from insitu.backbones.inputs import to_batch
from insitu.core import InsituError, generator, seed_of
from insitu.data import Images
from insitu.training import augment
from insitu.training.loop import DivergedError, Report, Stage


@dataclass(frozen=True)
class Pretrain:
    """Cross-entropy on base classes: one cycle of SGD or Adam, random crops, CutMix and mixup, rotations as classes."""

    epochs: int = 60  # epochs of the whole one-cycle schedule
    cut: int = 0  # epoch at which the schedule is left for a linear fall to zero; 0 runs all of it
    tail: int = 0  # epochs of that fall
    batch_size: int = 128  # images of one step
    optimiser: Literal["sgd", "adam"] = "sgd"  # Adam suits latent weights of 1-bit layers, of which only signs count
    learning_rate: float = 0.1  # peak of the schedule
    momentum: float = 0.9  # momentum of SGD
    weight_decay: float = 5e-4  # L2 penalty with SGD; with Adam decoupled from the gradient (AdamW)
    first_size: int = 28  # pixels per side of an image in the first epoch
    last_size: int = 40  # pixels per side of an image in the last epoch
    area: float = 0.25  # smallest share of the image that a random crop covers
    warp: float = 0.0  # spread of random rotations, shears, scales and bends; 0 keeps the shape
    colours: float = 0.3  # largest relative change of brightness, contrast and saturation
    mix: float = 0.5  # share of batches that are mixed, half with CutMix and half with mixup
    rotations: float = 0.0  # share of images rotated by quarter turns into further classes; 0 adds no classes
    head: Literal["cosine", "linear"] = "cosine"  # classifier over the vectors
    scale: float = 16.0  # factor on the cosines before the softmax
    flip: bool = True  # mirror half of the crops
    bfloat16: bool = True  # run the network in bfloat16: faster, less exact
    seed: int = 0  # seed of initial weights, order and augmentation

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 2:
            raise InsituError(
                f"pretraining needs epochs >= 1 and batch_size >= 2; got {self.epochs} and {self.batch_size}"
            )
        if not 0 <= self.cut <= self.epochs or (self.cut > 0) != (self.tail > 0):
            raise InsituError(
                f"cut and tail are both 0, or cut is within the {self.epochs} epochs and tail at least 1; "
                f"got {self.cut} and {self.tail}"
            )
        if self.optimiser not in ("sgd", "adam"):
            raise InsituError(f"optimiser is sgd or adam; got {self.optimiser!r}")
        if self.head not in ("cosine", "linear"):
            raise InsituError(f"head is cosine or linear; got {self.head!r}")
        if not 0 < self.area <= 1 or min(self.first_size, self.last_size) < 1:
            raise InsituError(
                f"0 < area <= 1, and sizes are at least 1 pixel; "
                f"got {self.area}, {self.first_size} and {self.last_size}"
            )

    @property
    def length(self) -> int:
        """Number of epochs that are run."""
        return self.cut + self.tail if self.cut else self.epochs


class Pretraining(Stage):
    """Trains ``network``, which maps (n, c, h, w) to (n, dim), in place on ``data`` with labels 0 to classes - 1."""

    def __init__(self, recipe: Pretrain, network: nn.Module, data: Images) -> None:
        self.recipe, self.network, self.data = recipe, network, data
        self.per_epoch, self.per_step = len(data) // recipe.batch_size, recipe.batch_size
        if self.per_epoch == 0:
            raise InsituError(
                f"{len(data)} images are fewer than one batch of {recipe.batch_size}; make batch_size smaller"
            )
        self.steps = recipe.length * self.per_epoch
        self.classes = int(data.labels.max()) + 1
        network.to(compute_device.chosen())
        self.head = _head(network, data, self.classes * (4 if recipe.rotations else 1), recipe.seed)
        parameters = [*network.parameters(), self.head]
        self.optimiser = _optimiser(recipe, parameters)
        self.description = (
            f"{network.__class__.__name__} {[tuple(p.shape) for p in parameters]} {asdict(recipe)} {len(data)} images"
        )
        self.epoch, self.order = -1, np.empty(0, np.int64)
        network.train()

    def state(self) -> dict[str, Any]:
        """See ``Stage.state``."""
        return {
            "network": self.network.state_dict(),
            "head": self.head.detach(),
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """See ``Stage.restore``."""
        self.network.load_state_dict(state["network"])
        with torch.no_grad():
            self.head.copy_(state["head"])
        self.optimiser.load_state_dict(state["optimiser"])

    def step(self, done: int) -> tuple[float, float]:
        """Train on one batch; an epoch has every image at most once, in an order of its own."""
        recipe = self.recipe
        epoch, within = divmod(done, self.per_epoch)
        if epoch != self.epoch:
            self.epoch, self.order = epoch, generator(recipe.seed, "order", epoch).permutation(len(self.data))
        rows = np.sort(self.order[within * recipe.batch_size : (within + 1) * recipe.batch_size])
        for group in self.optimiser.param_groups:
            group["lr"] = _learning_rate(recipe, done, self.per_epoch)
        loss, right = _loss(recipe, self.network, self.head, self.data.take(rows), self.classes, epoch, done)
        if not math.isfinite(loss.item()):
            raise DivergedError(f"the loss is {loss.item()}")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return loss.item(), right / recipe.batch_size

    def report(self, done: int) -> Report:
        """See ``Stage.report``."""
        return Report(f"epoch {done / self.per_epoch:.2f}")

    def saves(self, done: int) -> bool:
        """Return whether an epoch ends."""
        return done % self.per_epoch == 0

    def steps_left(self, done: int) -> float:
        """Return the steps left, each weighed by its pixels relative to one of the present epoch."""
        epoch, within = divmod(done, self.per_epoch)
        present = size_at(self.recipe, min(epoch, self.recipe.length - 1)) ** 2
        ahead = [size_at(self.recipe, later) ** 2 / present for later in range(epoch, self.recipe.length)]
        return sum(ahead) * self.per_epoch - (ahead[0] * within if ahead else 0.0)

    def finish(self) -> None:
        """See ``Stage.finish``."""
        self.network.eval().to("cpu")


def _optimiser(recipe: Pretrain, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    if recipe.optimiser == "adam":
        return torch.optim.AdamW(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    return torch.optim.SGD(
        parameters, lr=recipe.learning_rate, momentum=recipe.momentum, weight_decay=recipe.weight_decay, nesterov=True
    )


def _head(network: nn.Module, data: Images, classes: int, seed: int) -> nn.Parameter:
    with torch.no_grad():
        network.eval()
        place = next(network.parameters()).device
        dim = network(to_batch(data.pixels[:1], 32).to(place)).shape[1]
    draw = torch.Generator().manual_seed(seed_of(seed, "head"))
    return nn.Parameter((torch.randn(classes, dim, generator=draw) / math.sqrt(dim)).to(place))


def size_at(recipe: Pretrain, epoch: int) -> int:
    """Return the image size of an epoch: a ramp from first to last size in steps of 4 over the first three quarters."""
    share = min(1.0, epoch / max(1.0, 0.75 * recipe.epochs))
    return int(round((recipe.first_size + share * (recipe.last_size - recipe.first_size)) / 4)) * 4


def _learning_rate(recipe: Pretrain, step: int, steps_per_epoch: int) -> float:
    """One cycle: linear warm-up over a tenth of it, then half a cosine; from ``cut`` on, a straight fall to zero."""
    steps = recipe.epochs * steps_per_epoch
    warm, cut = max(1, steps // 10), recipe.cut * steps_per_epoch
    if cut and step >= cut:
        return _learning_rate(recipe, cut - 1, steps_per_epoch) * (1 - (step - cut) / (recipe.tail * steps_per_epoch))
    if step < warm:
        return recipe.learning_rate * (step + 1) / warm
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def _loss(
    recipe: Pretrain, network: nn.Module, head: Tensor, images: Images, classes: int, epoch: int, step: int
) -> tuple[Tensor, float]:
    rng = generator(recipe.seed, "step", step)
    batch = augment.random_crops(images.pixels, size_at(recipe, epoch), rng, (recipe.area, 1.0), recipe.flip)
    if recipe.warp:
        batch = augment.warp(batch, rng, recipe.warp)
    if recipe.colours:
        batch = augment.jitter_colours(batch, rng, recipe.colours)
    labels = torch.from_numpy(images.labels)
    if recipe.rotations:
        labels = augment.rotate(batch, labels, classes, rng, recipe.rotations)
    partner, kept = torch.arange(len(batch)), 1.0
    if rng.random() < recipe.mix:
        mix = augment.cut_mix if rng.random() < 0.5 else augment.mix_up
        batch, partner, kept = mix(batch, rng)
    batch = batch.contiguous(memory_format=torch.channels_last).to(head.device)
    labels, others = (part.to(head.device) for part in (labels, labels[partner]))
    with compute_device.half_precision(batch, recipe.bfloat16):
        vectors = network(batch)
    if recipe.head == "cosine":
        logits = recipe.scale * F.normalize(torch.tanh(vectors.float())) @ F.normalize(head).T
    else:
        logits = vectors.float() @ head.T
    loss = kept * F.cross_entropy(logits, labels) + (1 - kept) * F.cross_entropy(logits, others)
    return loss, float((logits.argmax(1) == labels).sum())
