"""Latent replay: the last binary layers go on learning, from new latents and a few kept ones of one bit each.

Vorabbi, Maltoni, Borghi and Santi, arXiv 2401.09916: activations before the last binary layers are kept as bits, 300
of 4 x 4 x 512 in 300 KiB, and are mixed into the mini-batches of every experience; the layers behind them and the head
are trained by back-propagation in few bits. Weights and activations of the binary layers are signs, whose gradients
pass straight through; batch norm keeps the statistics of the pretraining. Features, head and probabilities have
``forward_bits``; gradients and the weights kept have ``update_bits``, each over the largest of its tensor.

Own choices: of the binary weights only the signs ship, so that all start with the same magnitude; each tensor of the
tail is kept on a fixed grid over twice its largest starting value, where it saturates, so that 16 bits start binary
weights at half of their largest code; a step is in proportion to the largest gradient of its tensor and to the mean
magnitude that the tensor started with, and shrinks to nothing towards the end of an experience, so that rates do not
depend on the network. Gradients are rounded where they enter the tail and once more per tensor of weights, and computed
in float64 from values of these grids, so that no order of sums decides a rounding. A mini-batch is half new, half kept;
its loss gives all classes the same weight; the store holds equal shares of all classes. Bits of latents are flipped at
random in training, of new and kept ones alike: noise on kept ones alone would tell them from new ones.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from insitu.backbones.binary.layers import BinaryConv
from insitu.core import InsituError
from insitu.kernels import exact
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


@dataclass(frozen=True, eq=False)
class Trained:
    """A tensor that is trained, its first step, and where its grid ends; None: at its largest weight."""

    tensor: Tensor
    step: float
    top: float | None = None


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
    tail_learning_rate: float = 0.3  # the same of the tail's binary weights, in their magnitude at the start; 0 freezes
    affine_learning_rate: float = 0.0  # the same of every other tensor of the tail, in its mean magnitude at the start
    noise: float = 0.1  # share of the bits of latents that are flipped at random in training, new and kept ones alike

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
        rates = self.learning_rate, self.tail_learning_rate, self.affine_learning_rate
        if not (0 < rates[0] < np.inf and all(0 <= rate < np.inf for rate in rates)):
            raise InsituError(f"learning rates are finite and not negative, that of the head above 0; got {rates}")
        if not 0 <= self.noise < 0.5:
            raise InsituError(f"noise is a share of bits, from 0 to below 0.5, where nothing is left; got {self.noise}")

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
        trained = [Trained(head, self.learning_rate), *self._trained(tail, state.base.tail)]
        parts = [part for _ in range(self.epochs) for part in self._parts(len(examples), self.batch_size - old, rng)]
        for number, part in enumerate(parts):
            kept = rng.choice(len(store), min(old, len(store)), replace=False)
            x = torch.cat([examples.x[part], store.latents[kept]])
            rows = _positions(labels, torch.cat([examples.labels[part], store.labels[kept]]))
            logits = self._logits(tail, head, self._noisy(unpacked(x, state.base.latent), rng))
            self._step(logits, trained, rows, weights[rows], 1 - number / len(parts))
        presented = self.epochs * len(examples) + len(parts) * min(old, len(store))
        return replace(
            state,
            tail=tail,
            head=head.detach(),
            labels=labels,
            store=refilled(store, examples, self.replay, rng),
            spent=state.spent
            + self._spent(state.base, trained, len(labels), presented, len(parts))
            + Ledger.of(sign_flip=_flips(state.tail, tail)),
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
        return _products(state.base, len(state.labels))

    # -- parts -------------------------------------------------------------------------------------------------------

    def _logits(self, tail: nn.Module, head: Tensor, latents: Tensor) -> Tensor:
        features = RoundedBackward.apply(tail(latents), self.update_bits)  # type: ignore[no-untyped-call]
        coarse = (Rounded.apply(value, self.forward_bits) for value in (features, head))  # type: ignore[no-untyped-call]
        return F.linear(*coarse)

    def _noisy(self, latents: Tensor, rng: np.random.Generator) -> Tensor:
        """Flip bits: with noise, a tail that is trained cannot learn the few kept latents by heart."""
        if not self.noise:
            return latents
        flipped = torch.from_numpy(rng.random(tuple(latents.shape), np.float32) < self.noise)
        return torch.where(flipped, -latents, latents)

    def _trained(self, tail: nn.Module, base: nn.Module) -> list[Trained]:
        """Return the tensors of ``tail`` that are trained, scaled by those of the base."""
        binary = {f"{name}.weight" for name, layer in base.named_modules() if isinstance(layer, BinaryConv)}
        found = []
        for name, tensor in tail.named_parameters():
            rate = self.tail_learning_rate if name in binary else self.affine_learning_rate
            size = base.get_parameter(name).detach().double().abs()
            if rate:
                found.append(Trained(tensor, rate * float(exact.mean(size.flatten(), 0)), 2 * float(size.max())))
        return found

    def _step(self, logits: Tensor, trained: list[Trained], rows: Tensor, weights: Tensor, left: float) -> None:
        """Take one step of ``trained``, in place; ``left`` is the share of the first step that is left."""
        p = rounded(logits.detach().softmax(1), self.forward_bits, 1.0)
        errors = (p - F.one_hot(rows, logits.shape[1])) * weights[:, None] / weights.sum()
        slopes = torch.autograd.grad(logits, [each.tensor for each in trained], rounded(errors, self.update_bits))
        with torch.no_grad():
            for each, slope in zip(trained, slopes, strict=True):
                largest = float(slope.abs().max())
                if largest > 0:
                    moved = each.tensor - each.step * left / largest * rounded(slope, self.update_bits)
                    each.tensor.copy_(rounded(moved, self.update_bits, each.top))

    def _parts(self, count: int, size: int, rng: np.random.Generator) -> tuple[Tensor, ...]:
        parts: tuple[Tensor, ...] = torch.from_numpy(rng.permutation(count)).split(size)
        return parts

    def _weights(self, labels: Tensor, examples: Examples, store: Store, old: int) -> Tensor:
        """Return the weight (classes,) of an example, one over how many of its class are expected in a mini-batch."""
        expected = (self.batch_size - old) * _shares(labels, examples.labels)
        if old:
            expected += min(old, len(store)) * _shares(labels, store.labels)
        return 1 / expected.double()

    def _spent(self, base: StreamBase, trained: list[Trained], classes: int, presented: int, steps: int) -> Ledger:
        """Return what training on ``presented`` latents spends: forward, gradients of inputs and of weights."""
        once = _products(base, classes).counts
        through_tail = 2 * once["binary_multiply_accumulate"] if len(trained) > 1 else 0
        return Ledger.of(
            binary_multiply_accumulate=presented * once["binary_multiply_accumulate"],
            integer_multiply_accumulate=presented * (through_tail + 3 * once["integer_multiply_accumulate"]),
            weight_update=steps * sum(each.tensor.numel() for each in trained),
        )


def _flips(before: nn.Module, after: nn.Module) -> int:
    """Return how many binary weights have changed their sign."""
    pairs = zip(before.modules(), after.modules(), strict=True)
    return sum(
        int(((one.weight >= 0) != (other.weight >= 0)).sum())
        for one, other in pairs
        if isinstance(one, BinaryConv) and isinstance(other, BinaryConv)
    )


def _products(base: StreamBase, classes: int) -> Ledger:
    """Return the products of one latent through the tail's convolutions and the head."""
    _, height, width = base.latent
    binary = sum(height * width * m.weight.numel() for m in base.tail.modules() if isinstance(m, nn.Conv2d))
    return Ledger.of(binary_multiply_accumulate=binary, integer_multiply_accumulate=classes * base.features)


def _positions(labels: Tensor, wanted: Tensor) -> Tensor:
    """Return the position of each of ``wanted`` in ``labels``."""
    return (wanted[:, None] == labels).int().argmax(1)


def _shares(labels: Tensor, given: Tensor) -> Tensor:
    return (given[:, None] == labels).float().mean(0)
