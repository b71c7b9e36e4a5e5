"""CWR*: the last layer learned on the device over a frozen network, one consolidated row per class, in integers.

Vorabbi, Maltoni and Santi, arXiv 2308.15308. In an experience with the classes K, ``cur`` examples each, the head
starts at zero but for the rows of those of K that are known; it is trained by softmax regression; m is the mean of all
entries of the rows of K. A class seen ``past`` times before becomes (r w + (t - m)) / (r + 1) with r = sqrt(past/cur),
of its row w and the trained row t; a new one becomes t - m. Rows of other classes stay as they were.

Hybrid quantisation: inputs, forward weights and probabilities have ``forward_bits``; errors, gradients, the update and
the weights kept have ``update_bits``. ``kernels/cwr.py`` has the step, in int8 to int64; float are softmax and the
factors between grids. The first experience is learned in float, by Adam; the largest and smallest values met in it set
all ranges for good.

Own choices: the head has ``outputs`` rows from the start and no bias; the update starts from the weights kept, since
one that started from their few forward bits would be lost in rounding; forward weights are those kept, shifted right
until the largest fits; the step of the weights doubles when they outgrow their bits; the range of inputs takes in the
calibration features of the base; consolidation is in integers, with r in steps of 2^-16.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from insitu.core import InsituError
from insitu.kernels import cwr, exact
from insitu.kernels.quantiser import Array, Codes, Grid, covering, symmetric
from insitu.learners import Learner
from insitu.learners._backpropagation import check_bits
from insitu.learners._softmax import Met, train_float
from insitu.ledger import Ledger
from insitu.protocols import Examples, Protocol, class_stream
from insitu.protocols.class_stream import StreamBase, check_inputs, check_stream_base
from insitu.protocols.vectors import check_labels


@dataclass(frozen=True)
class Grids:
    """The calibrated grids: of inputs, probabilities, errors p - y, gradients, and the weights kept."""

    inputs: Grid
    probabilities: Grid
    errors: Grid
    gradients: Grid
    weights: Grid


@dataclass(frozen=True, eq=False)
class State:
    """A consolidated row per class seen: codes once there are ``grids``, else float32."""

    base: StreamBase
    labels: NDArray[np.int64]  # (classes,)
    past: NDArray[np.int64]  # (classes,) examples seen
    weight: NDArray[Any]  # (classes, features)
    grids: Grids | None
    spent: Ledger


@dataclass(frozen=True)
class CwrStar(Learner[StreamBase, State]):
    """CWR* with quantised forward and update (Vorabbi 2023); 0 and 0 bits are float CWR*."""

    protocols: ClassVar[tuple[Protocol, ...]] = (class_stream.PROTOCOL,)

    forward_bits: int = 8  # bits of inputs, forward weights and probabilities; 0 computes in float
    update_bits: int = 16  # bits of errors, gradients and the weights kept; 0 computes in float
    outputs: int = 10  # rows of the head until more classes come; rows not learned start at zero and are dropped
    batch_size: int = 50  # examples per gradient step
    first_epochs: int = 10  # passes over the first experience, in float
    first_learning_rate: float = 0.0025  # step size of Adam in the first experience
    epochs: int = 5  # passes over every later experience
    learning_rate: float = 0.0025  # step size of plain gradient descent in every later experience

    def __post_init__(self) -> None:
        check_bits(self.forward_bits, self.update_bits)
        if self.outputs < 2 or min(self.batch_size, self.first_epochs, self.epochs) < 1:
            raise InsituError(
                "outputs are at least 2, batch_size and epochs at least 1; got "
                f"{self.outputs}, {self.batch_size}, {self.first_epochs} and {self.epochs}"
            )
        if not (0 < self.first_learning_rate < np.inf and 0 < self.learning_rate < np.inf):
            given = f"{self.first_learning_rate} and {self.learning_rate}"
            raise InsituError(f"learning rates are above 0 and finite; got {given}")

    def prepare(self, base: StreamBase, now_s: float, rng: np.random.Generator) -> State:
        """Return the state without any class."""
        check_stream_base(base)
        none = np.empty(0, np.int64)
        return State(base, none, none, np.empty((0, base.features), np.float32), None, Ledger())

    def learn(self, state: State, examples: Examples, now_s: float, rng: np.random.Generator) -> State:
        """Learn one experience: features (n, features) float32 or packed latents (n, bytes), labels (n,) from 0."""
        check_inputs(examples.x, state.base)
        check_labels(examples.labels, len(examples.x))
        x, labels = state.base.of(examples.x).numpy(), examples.labels.numpy()
        now, counts = np.unique(labels, return_counts=True)
        fresh = now[~np.isin(now, state.labels)]
        known = np.concatenate([state.labels, fresh])
        here = _positions(known, now)
        first = not len(state.labels)
        start = np.zeros((max(len(known), self.outputs), state.base.features), state.weight.dtype)
        old = here[here < len(state.labels)]
        start[old] = state.weight[old]
        order = np.stack([rng.permutation(len(x)) for _ in range(self.first_epochs if first else self.epochs)])
        rows = _positions(known, labels)
        kept = np.concatenate([state.weight, np.zeros((len(fresh), state.base.features), state.weight.dtype)])
        past = np.concatenate([state.past, np.zeros(len(fresh), np.int64)])
        spent = state.spent + self._steps(order.size, start.size, state.grids is not None)
        if state.grids is not None:
            trained, doubled = self._trained(state.grids, x, rows, order, start)
            step = replace(state.grids.weights, step=state.grids.weights.step * 2**doubled)
            grids: Grids | None = replace(state.grids, weights=step)
            kept = _halved(kept, doubled)
            kept[here] = _consolidated_codes(kept[here], trained[here], past[here], counts, step)
        else:
            rate = self.first_learning_rate if first else self.learning_rate
            weight, met = train_float(x, rows, order, self.batch_size, start, rate, adam=first)
            kept[here] = _consolidated(kept[here], weight[here], past[here], counts)
            grids = self._calibrated(met, state.base, np.concatenate([weight, kept])) if self.forward_bits else None
            kept = grids.weights.codes(kept) if grids else kept
        past[here] += counts
        return replace(state, labels=known, past=past, weight=kept, grids=grids, spent=spent)

    def predict(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return the classes (n,) of the largest outputs among those seen, of features or packed latents."""
        if not len(state.labels):
            raise InsituError("no class has been learned yet; learn an experience first")
        return torch.from_numpy(state.labels[self.scores(state, state.base.of(x).numpy()).argmax(1)])

    def scores(self, state: State, x: Array) -> NDArray[Any]:
        """Return outputs (n, classes seen) for features (n, features): int64 in units of the grids, or float32."""
        if state.grids is None:
            return exact.product(torch.from_numpy(x), torch.from_numpy(state.weight.T)).float().numpy()
        codes = state.grids.inputs.codes(x)
        weight, _ = cwr.forward_codes(state.weight, self.forward_bits)
        # exact in float64: sums stay below 2^53
        sums = codes.astype(np.float64) @ weight.T.astype(np.float64)
        return np.asarray(sums.astype(np.int64) - weight.sum(1) * state.grids.inputs.zero)

    def cost(self, state: State) -> Ledger:
        """Return the operations spent so far and the bytes that the rows and counts take now."""
        return state.spent + Ledger.of(held_bytes=state.weight.nbytes + state.past.nbytes)

    def query_cost(self, state: State) -> Ledger:
        """Return the multiplications of one prediction, without the network's."""
        return Ledger.of(**{_products(state.grids is not None): state.weight.size})

    # -- parts -------------------------------------------------------------------------------------------------------

    def _trained(
        self, grids: Grids, x: Array, rows: NDArray[np.int64], order: NDArray[np.int64], start: Codes
    ) -> tuple[Codes, int]:
        by = cwr.Factors(
            forward_bits=self.forward_bits,
            update_bits=self.update_bits,
            zero=grids.inputs.zero,
            logit=grids.inputs.step * grids.weights.step,
            p_step=grids.probabilities.step,
            p_zero=grids.probabilities.zero,
            error=1 / grids.errors.step,
            gradient=grids.inputs.step * grids.errors.step / grids.gradients.step,
            update=self.learning_rate * grids.gradients.step / grids.weights.step,
        )
        return cwr.train(grids.inputs.codes(x), rows, order, self.batch_size, start, by)

    def _calibrated(self, met: Met, base: StreamBase, weight: Array) -> Grids:
        given = base.calibration
        return Grids(
            inputs=covering(
                min(met.lowest, float(given.min())), max(met.highest, float(given.max())), self.forward_bits
            ),
            probabilities=covering(0.0, met.probability, self.forward_bits),
            errors=symmetric(met.error, self.update_bits),
            gradients=symmetric(met.gradient, self.update_bits),
            weights=symmetric(float(np.abs(weight).max()), self.update_bits),
        )

    def _steps(self, presented: int, weights: int, integer: bool) -> Ledger:
        """Return what training on ``presented`` examples spends with ``weights`` weights: forward and outer product."""
        updates = -(-presented // self.batch_size) * weights
        return Ledger.of(**{_products(integer): 2 * presented * weights, "weight_update": updates})


def _products(integer: bool) -> str:
    return "integer_multiply_accumulate" if integer else "float_multiply_accumulate"


def _positions(known: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the position of each label among the known ones."""
    order = np.argsort(known)
    return order[np.searchsorted(known, labels, sorter=order)]


def _consolidated(kept: Array, trained: Array, past: NDArray[np.int64], counts: NDArray[np.int64]) -> Array:
    r = np.sqrt(past / counts).astype(np.float32)[:, None]
    return np.asarray((r * kept + (trained - trained.mean(dtype=np.float64).astype(np.float32))) / (r + 1), np.float32)


def _halved(codes: Codes, times: int) -> Codes:
    return np.asarray((codes.astype(np.int64) + ((1 << times) >> 1)) >> times, codes.dtype)


def _consolidated_codes(
    kept: Codes, trained: Codes, past: NDArray[np.int64], counts: NDArray[np.int64], grid: Grid
) -> Codes:
    one = 1 << 16
    r = np.rint(one * np.sqrt(past / counts)).astype(np.int64)[:, None]
    total = int(trained.sum(dtype=np.int64))
    mean = (2 * total + trained.size) // (2 * trained.size)
    above, below = r * kept + one * (trained.astype(np.int64) - mean), r + one
    return np.asarray(np.clip((2 * above + below) // (2 * below), grid.lowest, grid.highest), grid.dtype)
