"""Latent replay: the last binary layers go on learning, from new latents and a few kept ones of one bit each.

Vorabbi, Maltoni, Borghi and Santi, arXiv 2401.09916: activations before the last binary layers are kept as bits, 300
of 4 x 4 x 512 in 300 KiB, and are mixed into the mini-batches of every experience; the layers behind them and the head
are trained by back-propagation in few bits. Weights and activations of the binary layers are signs, whose gradients
pass straight through; batch norm keeps the statistics of the pretraining. Features, head and probabilities have
``forward_bits``; gradients and the weights kept have ``update_bits``, each over the largest of its tensor.

Own choices: gradients are rounded where they enter the tail and once more per tensor of weights, and computed in
float64 from values of these grids, so that no order of sums decides a rounding; a weight's step is in proportion to
the largest gradient of its tensor, and shrinks to nothing towards the end of an experience, so that rates do not depend
on the network; a mini-batch is half new, half kept; its loss gives all classes the same weight; the store holds equal
shares of all classes.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from insitu.core import InsituError
from insitu.learners import Learner
from insitu.learners._backpropagation import Rounded, RoundedBackward, check_bits, rounded
from insitu.learners._replay import Store, refilled
from insitu.ledger import Ledger
from insitu.protocols import Examples, Inputs, Protocol, class_stream
from insitu.protocols.class_stream import CHUNK, StreamBase, check_latents, check_stream_base, unpacked
from insitu.protocols.vectors import check_labels


@dataclass(frozen=True, eq=False)
class State:
    """The tail as trained so far, a row of the head per class seen, both in float64, and the latents kept."""

    base: StreamBase
    tail: nn.Module
    head: Tensor  # (classes, features)
    labels: Tensor  # (classes,)
    store: Store
    spent: Ledger


@dataclass(frozen=True)
class LatentReplay(Learner[StreamBase, State]):
    """Replay of packed 1-bit latents through trained last layers (Vorabbi 2024)."""

    protocols: ClassVar[tuple[Protocol, ...]] = (class_stream.PROTOCOL,)
    inputs: ClassVar[tuple[Inputs, ...]] = (Inputs.LATENTS,)

    replay: int = 300  # latents kept for replay, all classes together
    forward_bits: int = 8  # bits of features, head and probabilities; 0 computes in float
    update_bits: int = 16  # bits of gradients and of the weights kept; 0 computes in float
    batch_size: int = 64  # latents per gradient step, half of them replayed once there are any
    epochs: int = 1  # passes over the new latents of an experience
    learning_rate: float = 0.05  # first step of the head's weight with the largest gradient
    tail_learning_rate: float = 0.001  # the same of every tensor of the tail; more undid what the pretraining learned

    def __post_init__(self) -> None:
        check_bits(self.forward_bits, self.update_bits)
        if 1 in (self.forward_bits, self.update_bits):
            raise InsituError(
                f"latent replay needs 2 bits or more (0: float), as its grids hold 0; "
                f"got {self.forward_bits} and {self.update_bits}"
            )
        if min(self.replay, self.epochs) < 1 or self.batch_size < 2:
            raise InsituError(
                "replay and epochs are at least 1, batch_size at least 2; "
                f"got {self.replay}, {self.epochs} and {self.batch_size}"
            )
        if not (0 < self.learning_rate < np.inf and 0 <= self.tail_learning_rate < np.inf):
            raise InsituError(
                "learning rates are finite, that of the head above 0; "
                f"got {self.learning_rate} and {self.tail_learning_rate}"
            )

    def prepare(self, base: StreamBase, now_s: float, rng: np.random.Generator) -> State:
        """Return the state without any class, with a tail of its own."""
        check_stream_base(base)
        nothing = Store(torch.empty(0, base.latent_bytes, dtype=torch.uint8), torch.empty(0, dtype=torch.int64), {})
        head, labels = torch.zeros(0, base.features, dtype=torch.float64), torch.empty(0, dtype=torch.int64)
        return State(base, copy.deepcopy(base.tail).double(), head, labels, nothing, Ledger())

    def learn(self, state: State, examples: Examples, now_s: float, rng: np.random.Generator) -> State:
        """Learn one experience of packed latents (n, bytes) uint8 with labels (n,) from 0."""
        check_latents(examples.x, state.base)
        check_labels(examples.labels, len(examples.x))
        now = examples.labels.unique()
        labels = torch.cat([state.labels, now[~torch.isin(now, state.labels)]])
        if len(labels) > self.replay:
            raise InsituError(
                f"replay keeps at least one latent per class; got {self.replay} for {len(labels)} classes: raise it"
            )
        tail = copy.deepcopy(state.tail)
        head = F.pad(state.head, (0, 0, 0, len(labels) - len(state.head))).requires_grad_()
        store = state.store
        old = self.batch_size // 2 if len(store) else 0
        weights = self._weights(labels, examples, store, old)
        parts = [part for _ in range(self.epochs) for part in self._parts(len(examples), self.batch_size - old, rng)]
        for number, part in enumerate(parts):
            kept = rng.choice(len(store), min(old, len(store)), replace=False)
            x = torch.cat([examples.x[part], store.latents[kept]])
            rows = _positions(labels, torch.cat([examples.labels[part], store.labels[kept]]))
            self._step(tail, head, unpacked(x, state.base.latent), rows, weights[rows], 1 - number / len(parts))
        presented = self.epochs * len(examples) + len(parts) * min(old, len(store))
        return replace(
            state,
            tail=tail,
            head=head.detach(),
            labels=labels,
            store=refilled(store, examples, self.replay, rng),
            spent=state.spent + self._spent(state.base, tail, len(labels), presented, len(parts)),
        )

    def predict(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return the classes (n,) of the largest outputs among those seen, of packed latents (n, bytes)."""
        if not len(state.labels):
            raise InsituError("no class has been learned yet; learn an experience first")
        check_latents(x, state.base)
        with torch.no_grad():
            logits = [
                self._logits(state.tail, state.head, unpacked(part, state.base.latent)) for part in x.split(CHUNK)
            ]
        return state.labels[torch.cat(logits).argmax(1)]

    def cost(self, state: State) -> Ledger:
        """Return the operations spent so far, and the bytes that latents and trained weights take now."""
        bits = self.update_bits or 32
        trained = sum(p.numel() for p in state.tail.parameters()) + state.head.numel()
        held = {"replay_bytes": state.store.latents.nbytes, "trained_bytes": trained * bits // 8}
        return state.spent + Ledger.of(**held)

    def query_cost(self, state: State) -> Ledger:
        """Return the multiplications of one prediction behind the latent."""
        return _products(state.base, state.tail, len(state.labels))

    # -- parts -------------------------------------------------------------------------------------------------------

    def _logits(self, tail: nn.Module, head: Tensor, latents: Tensor) -> Tensor:
        features = RoundedBackward.apply(tail(latents), self.update_bits)  # type: ignore[no-untyped-call]
        coarse = (Rounded.apply(value, self.forward_bits) for value in (features, head))  # type: ignore[no-untyped-call]
        return F.linear(*coarse)

    def _step(self, tail: nn.Module, head: Tensor, latents: Tensor, rows: Tensor, weights: Tensor, left: float) -> None:
        """Take one step of tail and head, in place, on latents of ±1 (n, channels, height, width)."""
        logits = self._logits(tail, head, latents)
        p = rounded(logits.detach().softmax(1), self.forward_bits, 1.0)
        errors = (p - F.one_hot(rows, len(head))) * weights[:, None] / weights.sum()
        trained = [p for p in tail.parameters() if p.requires_grad] if self.tail_learning_rate else []
        slopes = torch.autograd.grad(logits, [head, *trained], rounded(errors, self.update_bits))
        with torch.no_grad():
            for weight, slope, rate in zip(
                [head, *trained], slopes, [self.learning_rate] + [self.tail_learning_rate] * len(trained), strict=True
            ):
                top = float(slope.abs().max())
                if top > 0:
                    moved = weight - rate * left / top * rounded(slope, self.update_bits)
                    weight.copy_(rounded(moved, self.update_bits))

    def _parts(self, count: int, size: int, rng: np.random.Generator) -> tuple[Tensor, ...]:
        parts: tuple[Tensor, ...] = torch.from_numpy(rng.permutation(count)).split(size)
        return parts

    def _weights(self, labels: Tensor, examples: Examples, store: Store, old: int) -> Tensor:
        """Return the weight (classes,) of an example, one over how many of its class are expected in a mini-batch."""
        expected = (self.batch_size - old) * _shares(labels, examples.labels)
        if old:
            expected += min(old, len(store)) * _shares(labels, store.labels)
        return 1 / expected.double()

    def _spent(self, base: StreamBase, tail: nn.Module, classes: int, presented: int, steps: int) -> Ledger:
        """Return what training on ``presented`` latents spends: forward, gradients of inputs and of weights."""
        once = _products(base, tail, classes).counts
        trained = sum(p.numel() for p in tail.parameters()) + classes * base.features
        return Ledger.of(
            binary_multiply_accumulate=presented * once["binary_multiply_accumulate"],
            integer_multiply_accumulate=presented
            * (2 * once["binary_multiply_accumulate"] + 3 * once["integer_multiply_accumulate"]),
            weight_update=steps * trained,
        )


def _products(base: StreamBase, tail: nn.Module, classes: int) -> Ledger:
    """Return the products of one latent through the tail's convolutions and the head."""
    _, height, width = base.latent
    binary = sum(height * width * m.weight.numel() for m in tail.modules() if isinstance(m, nn.Conv2d))
    return Ledger.of(binary_multiply_accumulate=binary, integer_multiply_accumulate=classes * base.features)


def _positions(labels: Tensor, wanted: Tensor) -> Tensor:
    """Return the position of each of ``wanted`` in ``labels``."""
    return (wanted[:, None] == labels).int().argmax(1)


def _shares(labels: Tensor, given: Tensor) -> Tensor:
    return (given[:, None] == labels).float().mean(0)
