"""Meta-training of convolutions and a first head, so that a few delta-rule steps on the head learn a new task.

Ortner, Petschenig et al. (2025): inner loop of four steps on the head, rate 0.1; outer loop of Adam through those steps
(second order), 30 000 iterations of 32 to 40 tasks; quarter turns of a character are characters of their own. Since
only the head adapts, images are encoded once for all inner steps. Options of the paper: weights of b bits with random
rounding. Of others: noise on the weights, as a share of a layer's largest (Joshi et al., 2020); all layers adapt
(``layers="all"``, MAML as such, Finn et al., 2017).

Own choices: where there are as many queries as shots, each half of a task is once the support and once the queries,
which doubles the tasks at no cost; the rate of Adam falls to zero by half a cosine; bfloat16 convolutions; some
characters of the training are held out to see how unseen ones fare, no other set is looked at.
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
from torch.func import functional_call

from insitu.backbones.conv4 import Conv4Module
from insitu.core import InsituError, generator
from insitu.learners import _all_layers, _delta_rule
from insitu.learners.rounding import check_bits, rounded
from insitu.protocols import Examples
from insitu.scenarios.tasks import Pool, check_size, draw
from insitu.training import _checkpoint as checkpoint

HEAD = "head"
WATCHED = 40  # tasks of held-out classes that each line of progress is about


@dataclass(frozen=True)
class MetaTrain:
    """Tasks of training classes: adapt the head on the support, score it on the queries, descend through both."""

    iterations: int = 30_000
    tasks: int = 32  # of an iteration
    ways: int = 5
    shots: int = 5
    queries: int = 5  # per class
    steps: int = 4  # of the inner loop
    inner_rate: float = 0.1
    second_order: bool = True
    both_halves: bool = True  # each half of a task is once the support; only where queries are as many as shots
    rate: float = 1e-3  # of Adam, at first
    bits: int = 0  # of all weights, rounded at random; 0 is float
    noise: float = 0.0  # spread of weights in the forward pass, as a share of a layer's largest weight
    held_out: int = 64  # classes that are not trained on
    layers: Literal["head", "all"] = "head"  # what adapts; "all" with bits 0 and bfloat16 False
    at_once: int = 8  # tasks that go through the network together, so that they stay in the processor's cache
    bfloat16: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        check_bits(self.bits)
        for name in ("iterations", "tasks", "shots", "queries", "at_once"):
            if getattr(self, name) < 1:
                raise InsituError(f"{name} is at least 1; got {getattr(self, name)}")
        if self.ways < 2 or self.held_out < self.ways or self.steps < 0:
            raise InsituError(
                f"at least 2 ways, as many held_out classes, 0 steps; got {self.ways}, {self.held_out} and {self.steps}"
            )
        if self.layers not in ("head", "all"):
            raise InsituError(f"layers is head or all; got {self.layers!r}")
        if self.layers == "all" and (self.bits or self.bfloat16):  # bfloat16 spoils gradients of so many gradients
            raise InsituError(
                f"all layers adapt in float32 only; got bits {self.bits} and bfloat16 {self.bfloat16}: take 0 and False"
            )
        if not (0 < self.inner_rate < math.inf and 0 < self.rate < math.inf and 0 <= self.noise < math.inf):
            raise InsituError(
                f"rates are above 0, noise is 0 or more; got {self.inner_rate}, {self.rate} and {self.noise}"
            )


@dataclass(frozen=True)
class Progress:
    """What meta-training says after each logging interval."""

    step: int
    steps: int
    epoch: float  # share of the iterations that is done
    loss: float
    accuracy: float  # share of right answers on the queries of training tasks since the last line
    held_out: float  # share of right answers on tasks of classes that are not trained on
    images_per_s: float
    left_s: float


def train(
    recipe: MetaTrain,
    network: Conv4Module,
    head: nn.Parameter,
    pool: Pool,
    file: Path,
    every_s: float = 240.0,
    log_s: float = 15.0,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Progress]:
    """Train ``network`` and ``head`` (ways, features) in place on the classes of ``pool``; yield progress.

    As with ``pretrain.train``, a second call with the same arguments goes on from the checkpoint and ends with exactly
    the weights of an unbroken run; where ``stop()`` turns true the state is saved and the iterator ends.
    """
    trained, held_out = parts(recipe, pool)
    if head.shape != (recipe.ways, network.record.features):
        raise InsituError(f"the head is {recipe.ways} ways x {network.record.features}; got {tuple(head.shape)}")
    weights: dict[str, Tensor] = {**dict(network.named_parameters()), HEAD: head}
    optimiser = torch.optim.Adam(weights.values(), recipe.rate)
    fields = asdict(recipe)
    if recipe.layers == "head":
        del fields["layers"]  # as checkpoints have said since before there was a choice
    what = f"{network.record} {fields} {len(pool.pixels)} images"
    step = 0
    if state := checkpoint.load(file, what):
        with torch.no_grad():
            for name, value in weights.items():
                value.copy_(state["network"][name])
        optimiser.load_state_dict(state["optimiser"])
        step = state["step"]
    logged = saved = time.monotonic()
    seen, right, total = 0, 0.0, 0.0
    while step < recipe.iterations:
        for group in optimiser.param_groups:
            group["lr"] = 0.5 * recipe.rate * (1 + math.cos(math.pi * step / recipe.iterations))
        optimiser.zero_grad(set_to_none=True)
        loss, hits = _iteration(recipe, network, weights, trained, generator(recipe.seed, "iteration", step))
        if not math.isfinite(loss):
            raise checkpoint.diverged(file, step, f"the loss is {loss}")
        optimiser.step()
        step += 1
        seen, right, total = seen + 1, right + hits, total + loss
        now = time.monotonic()
        stopping, last = stop(), step == recipe.iterations  # asked once, so that what ends is what was saved
        if now - saved > every_s or last or stopping:
            kept = {name: value.detach() for name, value in weights.items()}
            checkpoint.save(file, what, {"network": kept, "optimiser": optimiser.state_dict(), "step": step})
            saved = time.monotonic()
        if now - logged > log_s or last:
            speed = seen / max(now - logged, 1e-9)
            images = speed * recipe.tasks * recipe.ways * (recipe.shots + recipe.queries)
            unseen = accuracy(recipe, network, weights, held_out, WATCHED)
            left = (recipe.iterations - step) / speed
            done = step / recipe.iterations
            yield Progress(step, recipe.iterations, done, total / seen, right / seen, unseen, images, left)
            logged, seen, right, total = time.monotonic(), 0, 0.0, 0.0
        if stopping:
            return


def parts(recipe: MetaTrain, pool: Pool) -> tuple[Pool, Pool]:
    """Return the classes that are trained on and those held out, drawn by the seed; the latter are never turned."""
    order = generator(recipe.seed, "held out").permutation(len(pool.counts))
    held_out, trained = np.sort(order[: recipe.held_out]), np.sort(order[recipe.held_out :])
    if not len(trained):
        raise InsituError(f"{recipe.held_out} classes are held out, but there are {len(order)}; hold out fewer")
    pools = pool.part(trained), pool.part(held_out).upright()
    for each in pools:
        check_size(each, recipe.ways, recipe.shots, recipe.queries)
    return pools


@torch.no_grad()
def accuracy(
    recipe: MetaTrain, network: Conv4Module, weights: dict[str, Tensor], pool: Pool, tasks: int, seed: int = 0
) -> float:
    """Return the share of right answers on tasks of ``pool``, always the same, with weights rounded to the nearest."""
    support, queries = draw(pool, tasks, recipe.ways, recipe.shots, recipe.queries, generator(seed, "held out tasks"))
    exact = {name: rounded(value, recipe.bits) for name, value in weights.items()}
    right = []
    for chunk in torch.arange(tasks).split(recipe.at_once):
        rng = generator(seed, "held out rounding", int(chunk[0]))
        learned = Examples(support.x[chunk], support.labels[chunk])
        (logits,) = _answers(recipe, network, exact, learned, Examples(queries.x[chunk], queries.labels[chunk]), 1, rng)
        right.append((logits.argmax(-1) == queries.labels[chunk]).float().mean((1,)))
    return float(torch.cat(right).mean())


def _iteration(
    recipe: MetaTrain, network: Conv4Module, weights: dict[str, Tensor], pool: Pool, rng: np.random.Generator
) -> tuple[float, float]:
    """Leave the gradient of one iteration in ``weights``; return loss and share of right answers."""
    support, queries = draw(pool, recipe.tasks, recipe.ways, recipe.shots, recipe.queries, rng)
    return descend(recipe, network, weights, support, queries, rng)


def descend(
    recipe: MetaTrain,
    network: Conv4Module,
    weights: dict[str, Tensor],
    support: Examples,
    queries: Examples,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Add the gradient of these tasks' mean loss to that of ``weights``; return loss and share of right answers."""
    total, right = 0.0, 0.0
    held = {name: _held(recipe, value, rng) for name, value in weights.items()}
    # chunks meet at the held weights, whose own graph is walked back once
    leaves = {name: value.detach().requires_grad_() for name, value in held.items()}
    halves = 2 if recipe.both_halves and recipe.shots == recipe.queries else 1
    for chunk in torch.arange(len(support.x)).split(recipe.at_once):
        learned, tested = (Examples(part.x[chunk], part.labels[chunk]) for part in (support, queries))
        share = len(chunk) / len(support.x) / halves
        losses = []
        answers = _answers(recipe, network, leaves, learned, tested, halves, rng)
        for logits, labels in zip(answers, (tested.labels, learned.labels), strict=False):
            losses.append(F.cross_entropy(logits.flatten(0, 1), labels.flatten()))
            right += share * float((logits.argmax(-1) == labels).float().mean())
        loss = share * torch.stack(losses).sum()
        loss.backward()
        total += loss.item()
    torch.autograd.backward([held[name] for name in held], [leaf.grad for leaf in leaves.values()])
    return total, right


def _answers(
    recipe: MetaTrain,
    network: Conv4Module,
    weights: dict[str, Tensor],
    support: Examples,
    queries: Examples,
    halves: int,
    rng: np.random.Generator,
) -> Iterator[Tensor]:
    """Yield the logits of the queries after learning the support, then, with two halves, the other way round."""
    if recipe.layers == "all":
        inner = (recipe.inner_rate, recipe.steps, recipe.second_order)
        for learned, tested in ((support, queries), (queries, support))[:halves]:
            final = _all_layers.adapted(network, weights, learned.x, learned.labels, *inner)[-1]
            yield _all_layers.scores(network, final, learned.x, tested.x)
        return
    x, asked = _encoded(recipe, network, weights, support.x, queries.x)
    encoded = Examples(x, support.labels), Examples(asked, queries.labels)
    for learned, tested in (encoded, encoded[::-1])[:halves]:
        heads = _adapted(recipe, weights[HEAD], learned.x, learned.labels, rng)
        yield tested.x @ heads.transpose(1, 2)


def _held(recipe: MetaTrain, weight: Tensor, rng: np.random.Generator) -> Tensor:
    """Return a weight as the forward pass sees it: rounded at random and noisy; gradients pass straight through."""
    seen = rounded(weight, recipe.bits, rng) if recipe.bits else weight * 1.0
    if recipe.noise:
        drawn = torch.from_numpy(rng.standard_normal(tuple(weight.shape), dtype=np.float32))
        seen = seen + recipe.noise * weight.detach().abs().max() * drawn
    return seen


def _encoded(
    recipe: MetaTrain, network: Conv4Module, weights: dict[str, Tensor], support: Tensor, queries: Tensor
) -> tuple[Tensor, Tensor]:
    layers = {name: value for name, value in weights.items() if name != HEAD}
    inductive = network.record.statistics == "support"
    with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
        x, statistics = functional_call(network, layers, (support,))
        asked, _ = functional_call(network, layers, (queries, statistics if inductive else None))
    return x, asked


def _adapted(recipe: MetaTrain, head: Tensor, x: Tensor, labels: Tensor, rng: np.random.Generator) -> Tensor:
    return _delta_rule.adapted(
        head,
        x,
        labels,
        recipe.inner_rate,
        recipe.steps,
        recipe.second_order,
        lambda weights: rounded(weights, recipe.bits, rng),
    )[-1]
