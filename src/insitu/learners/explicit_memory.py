"""Explicit memory in phase-change devices: classes superposed by SET pulses, recalled by analog similarity search.

Karunaratne et al., ESSCIRC 2022. A class is one column of a crossbar. Each shot, encoded by a frozen backbone, is added
to the column in place by partial-SET pulses (superposition); an unseen class takes fresh columns (expansion); one
analog product compares a query with all classes (search). Erasing a class is a RESET of its column.

Own choices, none of them readable in the paper: what a component of the vector becomes in pulses (``support``), the
projection, that an old class is written as so many superposed shots of its mean, the correction of few-shot means
and the per-class calibration. For calibration, known vectors (examples of the base, kept beside the core) are searched
after each session; slope and offset of every column against the exact similarities are stored and undone in digital,
as the per-column affine correction of the chip does. A few-shot mean is longer than the true mean by the scatter of the
shots, which lowers its cosine to every query; ``correction`` is the share of that excess which is taken out.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from insitu.core import InsituError
from insitu.learners import Base, Examples, Learner, check_base, check_examples, check_queries
from insitu.learners._projection import Kind, Projection, fit
from insitu.learners._prototypes import adapt
from insitu.ledger import Ledger
from insitu.substrates import Substrate
from insitu.substrates.crossbar import Crossbar

FREE = -1  # label of a column that holds no class


@dataclass(frozen=True, eq=False)
class State:
    """The array and the digital numbers beside it; one entry, row or column per column of the array."""

    held: Any
    projection: Projection
    labels: Tensor  # (columns,) class number, or FREE
    shots: Tensor  # (columns,) how many examples the column's mean is over
    activations: Tensor  # (columns, features) mean activation, kept off the core as C-FSCIL does
    sums: Tensor  # (columns, dim) exact sum of the unit vectors written, which calibration compares with
    slope: Tensor  # (columns,)
    offset: Tensor  # (columns,)
    cohort: Examples  # base examples, for calibration


@dataclass(frozen=True)
class ExplicitMemory(Learner):
    """Few-shot memory on a crossbar: shots superposed by SET pulses, classes appended, queries compared at once."""

    substrate: Substrate = field(default_factory=Crossbar)
    projection: Kind = "whitened"
    dim: int = 512  # rows of the array, where activations are whitened; the other projections have their own
    shrink: float = 1.0  # of the whitening covariance
    support: Literal["bipolar", "magnitude", "program"] = "magnitude"
    pulses: int = 2  # most SET pulses that one shot gives one device
    base_shots: int = 5  # an old class is written as so many shots of its mean
    clip: float = 0.95  # quantile of |component| that gets all pulses
    correction: float = 0.5  # share of the few-shot excess length that is taken out
    calibrate: bool = True  # slope and offset per class; without, columns are scaled to their mean rms
    mode: Literal[1, 2, 3] = 1  # prototypes of C-FSCIL

    def __post_init__(self) -> None:
        if self.pulses < 1 or self.base_shots < 1 or self.dim < 1:
            raise InsituError("pulses, base_shots and dim are at least 1")
        if not 0 < self.clip <= 1 or not 0 <= self.correction < 1:
            raise InsituError(f"0 < clip <= 1 and 0 <= correction < 1; got {self.clip} and {self.correction}")
        if not self.shrink > 0:
            raise InsituError(f"shrink is above 0, so that few examples suffice; got {self.shrink}")
        if self.projection not in ("trained", "whitened", "identity"):
            raise InsituError(f"projection is trained, whitened or identity; got {self.projection!r}")
        if self.support not in ("bipolar", "magnitude", "program"):
            raise InsituError(f"support is bipolar, magnitude or program; got {self.support!r}")
        if self.mode not in (1, 2, 3):
            raise InsituError(f"mode is 1, 2 or 3; got {self.mode}")
        if self.mode > 1 and (self.support != "program" or self.projection != "trained"):
            raise InsituError(
                "modes 2 and 3 move every prototype after each session: use support='program' and projection='trained'"
            )

    def prepare(self, base: Base, now_s: float, rng: np.random.Generator) -> State:
        """Return the memory that holds the base classes, each written as its mean."""
        check_base(base)
        device = getattr(self.substrate, "device", None)
        # not in the constructor: by flags, the device is swapped before the way of writing is read
        if self.support != "program" and device is not None and not device.crystallises:
            raise InsituError(
                f"{type(device).__name__} has no model of single SET pulses; use support='program', "
                "or a device that crystallises step by step (pcm_nandakumar2018, ideal)"
            )
        projection = fit(base, self.projection, self.dim, self.shrink)
        dim, classes = len(projection.weight), len(base.means)
        state = State(
            held=self.substrate.blank(dim, 0, now_s, rng),
            projection=projection,
            labels=torch.zeros(0, dtype=torch.int64),
            shots=torch.zeros(0),
            activations=torch.zeros(0, base.means.shape[1]),
            sums=torch.zeros(0, dim),
            slope=torch.zeros(0),
            offset=torch.zeros(0),
            cohort=base.examples,
        )
        state, columns = self._columns(state, list(range(classes)), now_s, rng)
        means = projection.vectors(base.means)
        many = torch.full((classes,), 1e6)  # base means are over hundreds of images: as good as exact
        state = replace(state, activations=base.means.clone(), sums=means * many[:, None], shots=many)
        if self.support == "program":
            return self._finished(self._programmed(state, columns, now_s, rng), now_s, rng)
        amounts = self._pulses(means, means, self.pulses * self.base_shots)
        held = self.substrate.add(state.held, columns, amounts.T, now_s, rng)
        return self._finished(replace(state, held=held), now_s, rng)

    def learn(self, state: State, examples: Examples, now_s: float, rng: np.random.Generator) -> State:
        """Superpose examples (n, features) on the columns of their classes; unseen classes take fresh columns."""
        check_examples(examples, state.activations.shape[1])
        vectors = state.projection.vectors(examples.x)
        classes = [int(label) for label in examples.labels.unique()]
        state, columns = self._columns(state, classes, now_s, rng)
        column_of = dict(zip(classes, columns, strict=True))
        where = torch.tensor([column_of[int(label)] for label in examples.labels])
        count = torch.zeros(len(state.shots)).index_add_(0, where, torch.ones(len(where)))
        total = state.shots + count
        sums = state.sums.index_add(0, where, vectors)
        moved = state.activations * (state.shots / total.clamp_min(1))[:, None]
        moved = moved.index_add(0, where, examples.x / total[where, None])
        state = replace(state, shots=total, sums=sums, activations=moved)
        if self.support == "program":
            return self._finished(self._programmed(state, columns, now_s, rng), now_s, rng)
        # one image after the other, as it is seen: the j-th shots of all classes are one round of pulses
        rounds: dict[int, list[int]] = defaultdict(list)
        seen: dict[int, int] = defaultdict(int)
        for row, column in enumerate(where.tolist()):
            rounds[seen[column]].append(row)
            seen[column] += 1
        spread = state.projection.vectors(state.cohort.x)
        for rows in rounds.values():
            amounts = self._pulses(vectors[rows], spread, self.pulses)
            held = self.substrate.add(state.held, where[rows].tolist(), amounts.T, now_s, rng)
            state = replace(state, held=held)
        return self._finished(state, now_s, rng)

    def predict(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return class numbers (n,) for activations x (n, features), only of classes the memory holds."""
        return state.labels[self.scores(state, x, now_s, rng).argmax(1)]

    def scores(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return similarities (n, columns), calibrated per class; free columns are -inf."""
        check_queries(x, state.activations.shape[1])
        if not (state.labels != FREE).any():
            raise InsituError("the memory holds no class yet; learn some examples first")
        raw = self.substrate.multiply(state.held, state.projection.vectors(x), now_s, rng)
        return ((raw - state.offset) / state.slope).masked_fill(state.labels == FREE, -torch.inf)

    def erase(self, state: State, classes: list[int], now_s: float, rng: np.random.Generator) -> State:
        """RESET the columns of these classes; they are free for classes to come."""
        known = {int(label): column for column, label in enumerate(state.labels) if label != FREE}
        if missing := [c for c in classes if c not in known]:
            held = ", ".join(map(str, sorted(known)[:20])) + (", ..." if len(known) > 20 else "")
            raise InsituError(f"the memory does not hold class {missing[0]}; it holds {held or 'no class'}")
        columns = [known[c] for c in dict.fromkeys(classes)]
        cleared = {name: getattr(state, name).clone() for name in ("labels", "shots", "activations", "sums")}
        for name, value in cleared.items():
            value[columns] = FREE if name == "labels" else 0
        erased = self.substrate.erase(state.held, columns, now_s, rng)
        return self._finished(replace(state, held=erased, **cleared), now_s, rng)

    def cost(self, state: State) -> Ledger:
        """Return the pulses, RESETs and programmings spent on the array so far."""
        return self.substrate.written(state.held)

    def query_cost(self, state: State) -> Ledger:
        """Return what comparing one query with all classes spends."""
        return self.substrate.product_cost(state.held, 1)

    # -- parts -------------------------------------------------------------------------------------------------------

    def _columns(
        self, state: State, classes: list[int], now_s: float, rng: np.random.Generator
    ) -> tuple[State, list[int]]:
        """Return the column of each class; classes without one take free columns, then columns appended."""
        known = {int(label): column for column, label in enumerate(state.labels)}
        fresh = [c for c in classes if c not in known]
        free = [column for column, label in enumerate(state.labels.tolist()) if label == FREE][: len(fresh)]
        more = len(fresh) - len(free)
        start = len(state.labels)
        if more:
            state = replace(
                state,
                held=self.substrate.expand(state.held, more, now_s, rng),
                labels=F.pad(state.labels, (0, more), value=FREE),
                shots=F.pad(state.shots, (0, more)),
                activations=F.pad(state.activations, (0, 0, 0, more)),
                sums=F.pad(state.sums, (0, 0, 0, more)),
                slope=F.pad(state.slope, (0, more), value=1.0),
                offset=F.pad(state.offset, (0, more)),
            )
        labels = state.labels.clone()
        for label, column in zip(fresh, [*free, *range(start, start + more)], strict=True):
            labels[column] = label
            known[label] = column
        return replace(state, labels=labels), [known[c] for c in classes]

    def _pulses(self, vectors: Tensor, spread: Tensor, most: int) -> Tensor:
        """Turn vectors (n, dim) into signed pulse counts; the clip quantile of ``spread`` is what gets ``most``."""
        if self.support == "bipolar":
            return torch.sign(vectors) * most
        size = np.quantile(spread.abs().numpy(), self.clip)
        return torch.round(vectors / max(float(size), 1e-12) * most).clamp(-most, most)

    def _programmed(self, state: State, columns: list[int], now_s: float, rng: np.random.Generator) -> State:
        """Write prototypes by iterative programming: the given columns, or in modes 2 and 3 every class anew."""
        if self.mode > 1:
            columns = (state.labels != FREE).nonzero()[:, 0].tolist()
            projection = state.projection
            weight, bias, moved = adapt(projection.weight, projection.bias, state.activations[columns], self.mode)
            projection = replace(projection, weight=weight, bias=bias)
            sums = state.sums.clone()
            sums[columns] = F.normalize(torch.tanh(moved) - projection.centre) * state.shots[columns, None]
            state = replace(state, projection=projection, sums=sums)
        target = F.normalize(state.sums[columns]).T
        return replace(state, held=self.substrate.write(state.held, columns, target, now_s, rng))

    def _finished(self, state: State, now_s: float, rng: np.random.Generator) -> State:
        """Set converter ranges and the digital slope and offset of every column, after the array has changed."""
        known = state.projection.vectors(state.cohort.x)
        held = self.substrate.calibrate(state.held, known, now_s)
        state = replace(state, held=held)
        measured = self.substrate.multiply(held, known, now_s, rng)
        prototypes = corrected(state, self.correction)
        if not self.calibrate:
            # the longer a column, the larger all of its outputs: scale by their rms
            slope = measured.square().mean(0).sqrt() / prototypes.norm(dim=1).clamp_min(1e-6)
            return replace(state, slope=slope.clamp_min(1e-9), offset=torch.zeros(len(slope)))
        exact = known @ prototypes.T
        varying = exact - exact.mean(0)
        slope = (varying * measured).sum(0) / varying.square().sum(0).clamp_min(1e-12)
        # a column without a positive slope tells nothing; leave its output as it is
        slope = torch.where(slope > 1e-9, slope, torch.ones(()))
        return replace(state, slope=slope, offset=measured.mean(0) - slope * exact.mean(0))


def corrected(state: State, correction: float) -> Tensor:
    """Return exact prototypes (columns, dim): unit means, longer by the few-shot correction; zero for free columns."""
    mean = state.sums / state.shots.clamp_min(1)[:, None]
    square = mean.square().sum(1)
    excess = correction * state.projection.scatter / state.shots.clamp_min(1)
    return F.normalize(mean) * (square / (square - excess).clamp_min(0.1 * square).clamp_min(1e-12)).sqrt()[:, None]
