"""Stage 1: train a backbone on the base classes with a cosine classifier over the vectors the memory will hold.

C-FSCIL (Hersche et al., 2022) trains a linear classifier with cross-entropy; O-FSCIL (2024) adds CutMix and mixup.
Own choices, not from either paper: the vector passes tanh before the cosine, so that its signs, which are what a
phase-change memory stores, carry the class; quarter turns count as classes of their own; image size grows during the
run, which buys epochs; bfloat16 convolutions.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from insitu.backbones.inputs import to_batch
from insitu.core import InsituError, generator, seed_of
from insitu.data.images import Images
from insitu.training import _augment as augment
from insitu.training import _checkpoint as checkpoint


@dataclass(frozen=True)
class Pretrain:
    """Cross-entropy on base classes: one cycle of SGD or Adam, random crops, CutMix and mixup, turns as classes."""

    epochs: int = 60  # of the one-cycle schedule
    cut: int = 0  # epoch after which the cycle is left and the rate falls straight to zero; 0 runs it whole
    tail: int = 0  # epochs of that fall
    batch: int = 128
    optimiser: Literal["sgd", "adam"] = "sgd"  # Adam suits latent weights of 1-bit layers: only their signs count
    rate: float = 0.1  # peak learning rate
    momentum: float = 0.9  # of SGD
    decay: float = 5e-4  # of the weights; Adam's is decoupled from the gradient (AdamW)
    first_size: int = 28  # pixels per side in the first epoch
    last_size: int = 40  # pixels per side in the last epoch
    area: float = 0.25  # smallest share of the image that a crop covers
    warp: float = 0.0  # spread of random turns, shears, scales and bends; 0 leaves the shape alone
    colours: float = 0.3
    mix: float = 0.5  # share of batches mixed, half CutMix and half mixup
    turns: float = 0.0  # share of images turned; 0 trains on the classes alone
    head: Literal["cosine", "linear"] = "cosine"
    scale: float = 16.0  # of the cosine
    flip: bool = True
    bfloat16: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 2:
            raise InsituError(f"pretraining needs epochs >= 1 and batch >= 2; got {self.epochs} and {self.batch}")
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


@dataclass(frozen=True)
class Progress:
    """What a training says after each logging interval."""

    step: int
    steps: int
    epoch: float
    loss: float
    accuracy: float  # share of right answers on the (augmented, mixed) training batches since the last line
    images_per_s: float
    left_s: float


def train(
    recipe: Pretrain,
    network: nn.Module,
    data: Images,
    file: Path,
    every_s: float = 240.0,
    log_s: float = 15.0,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Progress]:
    """Train ``network`` in place on ``data``; yield progress; checkpoint at ``file`` each epoch and every ``every_s``.

    ``network`` maps (n, c, h, w) to (n, dim). A second call with the same arguments continues from the checkpoint and
    ends with exactly the weights of an uninterrupted run: every draw is derived from (seed, epoch, step).
    Labels are 0..classes-1. Where ``stop()`` turns true, the state is saved and the iterator ends.
    """
    steps_per_epoch = len(data) // recipe.batch
    if steps_per_epoch == 0:
        raise InsituError(f"{len(data)} images are fewer than one batch of {recipe.batch}; make the batch smaller")
    classes = int(data.labels.max()) + 1
    steps = recipe.length * steps_per_epoch
    head = _head(network, data, classes * (4 if recipe.turns else 1), recipe.seed)
    parameters = [*network.parameters(), head]
    optimiser = _optimiser(recipe, parameters)
    what = f"{network.__class__.__name__} {[tuple(p.shape) for p in parameters]} {asdict(recipe)} {len(data)} images"
    step = 0
    if state := checkpoint.load(file, what):
        network.load_state_dict(state["network"])
        with torch.no_grad():
            head.copy_(state["head"])
        optimiser.load_state_dict(state["optimiser"])
        step = state["step"]

    def save() -> None:
        checkpoint.save(
            file,
            what,
            {
                "network": network.state_dict(),
                "head": head.detach(),
                "optimiser": optimiser.state_dict(),
                "step": step,
            },
        )

    network.train()
    logged = saved = time.monotonic()
    seen, right, total = 0, 0.0, 0.0
    while step < steps:
        epoch, within = divmod(step, steps_per_epoch)
        if within == 0 or seen == 0:
            order = generator(recipe.seed, "order", epoch).permutation(len(data))
        rows = np.sort(order[within * recipe.batch : (within + 1) * recipe.batch])
        for group in optimiser.param_groups:
            group["lr"] = _rate(recipe, step, steps_per_epoch)
        loss, hits = _step(recipe, network, head, data.take(rows), classes, epoch, step)
        if not math.isfinite(loss.item()):
            raise checkpoint.diverged(file, step, f"the loss is {loss.item()}")
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        step += 1
        seen, right, total = seen + recipe.batch, right + hits, total + loss.item() * recipe.batch
        now = time.monotonic()
        stopping = stop()  # asked once, so that what ends is what was saved
        if step % steps_per_epoch == 0 or now - saved > every_s or stopping:
            save()
            saved = time.monotonic()
        if now - logged > log_s or step == steps:
            speed = seen / max(now - logged, 1e-9)
            ahead = _images_ahead(recipe, step, steps_per_epoch) / speed
            yield Progress(step, steps, step / steps_per_epoch, total / seen, right / seen, speed, ahead)
            logged, seen, right, total = time.monotonic(), 0, 0.0, 0.0
        if stopping:
            return
    network.eval()


def _optimiser(recipe: Pretrain, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    if recipe.optimiser == "adam":
        return torch.optim.AdamW(parameters, lr=recipe.rate, weight_decay=recipe.decay)
    return torch.optim.SGD(
        parameters, lr=recipe.rate, momentum=recipe.momentum, weight_decay=recipe.decay, nesterov=True
    )


def _head(network: nn.Module, data: Images, classes: int, seed: int) -> nn.Parameter:
    with torch.no_grad():
        network.eval()
        dim = network(to_batch(data.pixels[:1], 32)).shape[1]
    draw = torch.Generator().manual_seed(seed_of(seed, "head"))
    return nn.Parameter(torch.randn(classes, dim, generator=draw) / math.sqrt(dim))


def size_at(recipe: Pretrain, epoch: int) -> int:
    """Return the image size of an epoch: a ramp from first to last size in steps of 4 over the first three quarters."""
    share = min(1.0, epoch / max(1.0, 0.75 * recipe.epochs))
    return int(round((recipe.first_size + share * (recipe.last_size - recipe.first_size)) / 4)) * 4


def _images_ahead(recipe: Pretrain, step: int, steps_per_epoch: int) -> float:
    """Count the images still to come, each weighed by its pixels relative to one of the present epoch."""
    present = size_at(recipe, min(step // steps_per_epoch, recipe.length - 1)) ** 2
    within = step % steps_per_epoch
    ahead = [size_at(recipe, e) ** 2 / present for e in range(step // steps_per_epoch, recipe.length)]
    return recipe.batch * (sum(ahead) * steps_per_epoch - (ahead[0] * within if ahead else 0.0))


def _rate(recipe: Pretrain, step: int, steps_per_epoch: int) -> float:
    """One cycle: linear warm-up over a tenth of it, then half a cosine; from ``cut`` on, a straight fall to zero."""
    steps = recipe.epochs * steps_per_epoch
    warm, cut = max(1, steps // 10), recipe.cut * steps_per_epoch
    if cut and step >= cut:
        return _rate(recipe, cut - 1, steps_per_epoch) * (1 - (step - cut) / (recipe.tail * steps_per_epoch))
    if step < warm:
        return recipe.rate * (step + 1) / warm
    return recipe.rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def _step(
    recipe: Pretrain, network: nn.Module, head: Tensor, images: Images, classes: int, epoch: int, step: int
) -> tuple[Tensor, float]:
    rng = generator(recipe.seed, "step", step)
    batch = augment.random_crops(images.pixels, size_at(recipe, epoch), rng, (recipe.area, 1.0), recipe.flip)
    if recipe.warp:
        batch = augment.warp(batch, rng, recipe.warp)
    if recipe.colours:
        batch = augment.jitter_colours(batch, rng, recipe.colours)
    labels = torch.from_numpy(images.labels)
    if recipe.turns:
        labels = augment.quarter_turns(batch, labels, classes, rng, recipe.turns)
    partner, kept = torch.arange(len(batch)), 1.0
    if rng.random() < recipe.mix:
        mix = augment.cut_mix if rng.random() < 0.5 else augment.mix_up
        batch, partner, kept = mix(batch, rng)
    batch = batch.contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
        vectors = network(batch)
    if recipe.head == "cosine":
        logits = recipe.scale * F.normalize(torch.tanh(vectors.float())) @ F.normalize(head).T
    else:
        logits = vectors.float() @ head.T
    loss = kept * F.cross_entropy(logits, labels) + (1 - kept) * F.cross_entropy(logits, labels[partner])
    return loss, float((logits.argmax(1) == labels).sum())
