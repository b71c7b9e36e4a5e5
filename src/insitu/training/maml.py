"""Meta-training of convolutions and a first head, so that a few delta-rule steps on the head learn a new task.

Ortner, Petschenig et al. (2025): inner loop of four steps on the head, learning rate 0.1; outer loop of Adam through
those steps (second order), 30 000 iterations of 32 to 40 tasks; quarter turns of a character are characters of their
own. Since only the head adapts, images are encoded once for all inner steps. Options of the paper: weights of b bits
with random rounding. Of others: noise on the weights, as a share of a layer's largest (Joshi et al., 2020); all layers
adapt (``layers="all"``, MAML as such, Finn et al., 2017).

Own choices: where there are as many queries as shots, each half of a task is once the support and once the queries,
which doubles the tasks at no cost; the learning rate of Adam falls to zero by half a cosine; bfloat16 convolutions;
some characters of the training are held out to measure the accuracy on unseen ones, no other set is used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from insitu import compute_device
from insitu.backbones.conv4 import Conv4Module
from insitu.core import InsituError, generator
from insitu.learners import _all_layers, _delta_rule
from insitu.learners.rounding import check_bits, rounded
from insitu.protocols import Examples
from insitu.scenarios.tasks import Pool, check_size, draw
from insitu.training.loop import DivergedError, Report, Stage

HEAD = "head"
HELD_OUT_TASKS = 40  # tasks of held-out classes of each report


@dataclass(frozen=True)
class MetaTrain:
    """Tasks of training classes: adapt the head to the support, score it on the queries, descend through both."""

    iterations: int = 30_000  # steps of the outer loop
    tasks: int = 32  # tasks of one iteration
    ways: int = 5  # classes of a task
    shots: int = 5  # images per class that the head adapts to
    queries: int = 5  # images per class that the adapted head is scored on
    steps: int = 4  # steps of the inner loop
    inner_learning_rate: float = 0.1  # step size of the inner loop
    second_order: bool = True  # pass gradients through the inner steps
    both_halves: bool = True  # use each half of a task once as support; only where queries are as many as shots
    learning_rate: float = 1e-3  # of Adam at first; it falls to zero by half a cosine
    bits: int = 0  # bits of all weights, rounded at random; 0 is float
    noise: float = 0.0  # spread of weights in the forward pass, as a share of a layer's largest weight
    held_out: int = 64  # classes that are not trained on
    layers: Literal["head", "all"] = "head"  # layers that adapt; "all" with bits 0 and without bfloat16
    batch_size: int = 8  # tasks that go through the network together: those that fit the processor's cache
    bfloat16: bool = True  # run the convolutions in bfloat16: faster, less exact
    seed: int = 0  # seed of initial weights, tasks, rounding and noise

    def __post_init__(self) -> None:
        check_bits(self.bits)
        for name in ("iterations", "tasks", "shots", "queries", "batch_size"):
            if getattr(self, name) < 1:
                raise InsituError(f"{name} is at least 1; got {getattr(self, name)}")
        if self.ways < 2 or self.held_out < self.ways or self.steps < 0:
            raise InsituError(
                f"at least 2 ways, as many held_out classes, 0 steps; got {self.ways}, {self.held_out} and {self.steps}"
            )
        if self.layers not in ("head", "all"):
            raise InsituError(f"layers is head or all; got {self.layers!r}")
        # bfloat16 is too coarse for gradients of gradients through all layers
        if self.layers == "all" and (self.bits or self.bfloat16):
            raise InsituError(
                f"all layers adapt in float32 only; got bits {self.bits} and bfloat16 {self.bfloat16}: take 0 and False"
            )
        rates = self.inner_learning_rate, self.learning_rate
        if not (0 < min(rates) <= max(rates) < math.inf and 0 <= self.noise < math.inf):
            raise InsituError(
                f"learning rates are above 0, noise is 0 or more; got {rates[0]}, {rates[1]} and {self.noise}"
            )


class MetaTraining(Stage):
    """Trains ``network`` and ``head`` (ways, features) in place on the classes of ``pool``."""

    def __init__(self, recipe: MetaTrain, network: Conv4Module, head: nn.Parameter, pool: Pool) -> None:
        self.recipe, self.network = recipe, network
        self.trained, self.held_out = parts(recipe, pool)
        if head.shape != (recipe.ways, network.record.features):
            raise InsituError(f"the head is {recipe.ways} ways x {network.record.features}; got {tuple(head.shape)}")
        place = compute_device.chosen()
        if recipe.bits and place.type != "cpu":
            raise InsituError(
                f"weights of {recipe.bits} bits are rounded on the processor alone, and device is {place}: take cpu"
            )
        self.moved = nn.ModuleList([network, nn.ParameterList([head])]).to(place)
        self.weights: dict[str, Tensor] = {**dict(network.named_parameters()), HEAD: head}
        self.optimiser = torch.optim.Adam(self.weights.values(), recipe.learning_rate)
        self.steps, self.per_step = recipe.iterations, recipe.tasks * recipe.ways * (recipe.shots + recipe.queries)
        fields = asdict(recipe)
        if recipe.layers == "head":
            del fields["layers"]  # checkpoints written before there was a choice do not have it
        self.description = f"{network.record} {fields} {len(pool.pixels)} images"

    def state(self) -> dict[str, Any]:
        """See ``Stage.state``."""
        network = {name: value.detach() for name, value in self.weights.items()}
        return {"network": network, "optimiser": self.optimiser.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """See ``Stage.restore``."""
        with torch.no_grad():
            for name, value in self.weights.items():
                value.copy_(state["network"][name])
        self.optimiser.load_state_dict(state["optimiser"])

    def step(self, done: int) -> tuple[float, float]:
        """Descend once through tasks drawn at random."""
        recipe = self.recipe
        for group in self.optimiser.param_groups:
            group["lr"] = 0.5 * recipe.learning_rate * (1 + math.cos(math.pi * done / recipe.iterations))
        self.optimiser.zero_grad(set_to_none=True)
        rng = generator(recipe.seed, "iteration", done)
        support, queries = draw(self.trained, recipe.tasks, recipe.ways, recipe.shots, recipe.queries, rng)
        loss, right = descend(recipe, self.network, self.weights, support, queries, rng)
        if not math.isfinite(loss):
            raise DivergedError(f"the loss is {loss}")
        self.optimiser.step()
        return loss, right

    def finish(self) -> None:
        """See ``Stage.finish``."""
        self.moved.to("cpu")

    def report(self, done: int) -> Report:
        """Return the share of right answers on tasks of held-out classes."""
        unseen = accuracy(self.recipe, self.network, self.weights, self.held_out, HELD_OUT_TASKS)
        return Report(f"iteration {done}", held_out=unseen)


def parts(recipe: MetaTrain, pool: Pool) -> tuple[Pool, Pool]:
    """Return the classes that are trained on and those held out, drawn by the seed; the latter are never rotated."""
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
    """Return the share of right answers on tasks of ``pool``, the same for a seed, with weights rounded to nearest."""
    support, queries = draw(pool, tasks, recipe.ways, recipe.shots, recipe.queries, generator(seed, "held out tasks"))
    exact = {name: rounded(value, recipe.bits) for name, value in weights.items()}
    right = []
    for chunk in torch.arange(tasks).split(recipe.batch_size):
        rng = generator(seed, "held out rounding", int(chunk[0]))
        learned, tested = (_chunk(part, chunk, exact[HEAD]) for part in (support, queries))
        (logits,) = _answers(recipe, network, exact, learned, tested, 1, rng)
        right.append((logits.argmax(-1) == tested.labels).float().mean((1,)))
    return float(torch.cat(right).mean())


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
    # gradients of chunks add up at the held weights, whose own graph is traversed backwards once
    leaves = {name: value.detach().requires_grad_() for name, value in held.items()}
    halves = 2 if recipe.both_halves and recipe.shots == recipe.queries else 1
    for chunk in torch.arange(len(support.x)).split(recipe.batch_size):
        learned, tested = (_chunk(part, chunk, leaves[HEAD]) for part in (support, queries))
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
    """Yield the logits of the queries after learning the support; with two halves, then those of the reverse."""
    if recipe.layers == "all":
        inner = (recipe.inner_learning_rate, recipe.steps, recipe.second_order)
        for learned, tested in ((support, queries), (queries, support))[:halves]:
            final = _all_layers.adapted(network, weights, learned.x, learned.labels, *inner)[-1]
            yield _all_layers.scores(network, final, learned.x, tested.x)
        return
    x, of_queries = _encoded(recipe, network, weights, support.x, queries.x)
    encoded = Examples(x, support.labels), Examples(of_queries, queries.labels)
    for learned, tested in (encoded, encoded[::-1])[:halves]:
        heads = _adapted(recipe, weights[HEAD], learned.x, learned.labels, rng)
        yield tested.x @ heads.transpose(1, 2)


def _chunk(examples: Examples, tasks: Tensor, weight: Tensor) -> Examples:
    """Return the examples of some tasks, where ``weight`` is."""
    return Examples(examples.x[tasks].to(weight.device), examples.labels[tasks].to(weight.device))


def _held(recipe: MetaTrain, weight: Tensor, rng: np.random.Generator) -> Tensor:
    """Return a weight as the forward pass uses it: rounded at random and noisy; gradients pass straight through."""
    seen = rounded(weight, recipe.bits, rng) if recipe.bits else weight * 1.0
    if recipe.noise:
        drawn = torch.from_numpy(rng.standard_normal(tuple(weight.shape), dtype=np.float32))
        seen = seen + recipe.noise * weight.detach().abs().max() * drawn.to(weight.device)
    return seen


def _encoded(
    recipe: MetaTrain, network: Conv4Module, weights: dict[str, Tensor], support: Tensor, queries: Tensor
) -> tuple[Tensor, Tensor]:
    layers = {name: value for name, value in weights.items() if name != HEAD}
    inductive = network.record.statistics == "support"
    with compute_device.half_precision(support, recipe.bfloat16):
        x, statistics = functional_call(network, layers, (support,))
        of_queries, _ = functional_call(network, layers, (queries, statistics if inductive else None))
    return x, of_queries


def _adapted(recipe: MetaTrain, head: Tensor, x: Tensor, labels: Tensor, rng: np.random.Generator) -> Tensor:
    return _delta_rule.adapted(
        head,
        x,
        labels,
        recipe.inner_learning_rate,
        recipe.steps,
        recipe.second_order,
        lambda weights: rounded(weights, recipe.bits, rng),
    )[-1]
