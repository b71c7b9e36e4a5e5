"""Explicit memory in phase-change devices: classes superposed by SET pulses, found by analog similarity search.

Karunaratne et al., ESSCIRC 2022. A class is one column of a crossbar. Each shot, encoded by a frozen backbone, is added
to the column in place by partial-SET pulses (superposition); an unseen class takes fresh columns (expansion); one
analog product compares a query with all classes (search). Erasing a class is a RESET of its column.

Own choices, none of them stated in the paper: how a component of the vector becomes pulses (``support``), that cells
may be read and pulsed until a column holds the mean of its shots (``rounds``), the projection, an old class as several
superposed shots of its mean, and the calibration of every column (``column_calibration.py``) with base examples.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from insitu.core import InsituError
from insitu.kernels import exact
from insitu.learners import Learner
from insitu.learners._calibration_set import calibration_set, size
from insitu.learners._prototypes import adapt, shares
from insitu.learners.array_columns import FREE, State, locate, put_entries, ranks, with_columns, with_statistics
from insitu.learners.base_mixing import BASE_SHOTS, base_and_new, check_mixing, mixed
from insitu.learners.column_calibration import corrected, fitted, scaled
from insitu.learners.projections import Kind, Projection, fit, scatter
from insitu.ledger import Ledger
from insitu.protocols import Examples, Inputs, Protocol, few_shot_sessions, shot_by_shot
from insitu.protocols.few_shot_sessions import FewShotBase, check_base
from insitu.protocols.vectors import check_examples, check_queries
from insitu.rows import Rows
from insitu.substrates import Substrate
from insitu.substrates.analog.probes import probes
from insitu.substrates.crossbar import Crossbar

PROBES = 512  # vectors of random signs that columns are scaled by where they are not fitted
SUPERPOSED = 10  # shots that a column takes before it is full: twice 10 pulses, as far as crystallisation was measured


@dataclass(frozen=True)
class ExplicitMemory(Learner[FewShotBase, State]):
    """Few-shot memory on a crossbar: shots superposed by SET pulses, classes appended, queries compared at once."""

    protocols: ClassVar[tuple[Protocol, ...]] = (few_shot_sessions.PROTOCOL, shot_by_shot.PROTOCOL)

    substrate: Substrate = field(default_factory=Crossbar)  # holds the prototypes
    projection: Kind = "whitened"  # from activations to the vectors that the memory holds
    dim: int = 512  # rows of the array where activations are whitened; other projections have a size of their own
    shrink: float = 1.0  # shrinkage of the whitening covariance, in units of its mean variance
    support: Literal["bipolar", "magnitude", "program"] = "magnitude"  # pulses by sign, by magnitude, or programming
    pulses: int = 2  # largest number of SET pulses that one shot gives one device
    base_shots: int = 5  # number of shots of its mean as which a base class is written
    clip: float = 0.95  # quantile of |component| from which on a component gets all pulses
    correction: float = 0.5  # fraction of the excess length of few-shot means that is removed
    calibrate: bool = True  # fit every column to exact prototypes; otherwise scale it to the length the array shows
    rounds: int = 0  # times that cells are read and pulsed towards their prototype; 0: shots are pulsed unread
    mode: Literal[1, 2, 3] = 1  # prototypes of C-FSCIL: means (1), bipolar (2), or pushed apart by gradient steps (3)
    base_mix: float = 0.0  # share of the scores of a new class that comes from base classes similar to it; 0 is off
    base_sharpness: float = 16.0  # factor of the similarities to base classes in the softmax that weighs them

    def __post_init__(self) -> None:
        if self.pulses < 1 or self.base_shots < 1 or self.dim < 1 or self.rounds < 0:
            raise InsituError("pulses, base_shots and dim are at least 1, and rounds at least 0")
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
        check_mixing(self.base_mix, self.base_sharpness)

    def check(self, protocol: Protocol, inputs: Inputs) -> None:
        """See ``Learner.check``."""
        super().check(protocol, inputs)
        self.check_device()

    def check_device(self) -> None:
        """Raise ``InsituError`` where shots are superposed on a device without a model of single SET pulses."""
        # not in the constructor: by flags, the device is swapped before the way of writing is read
        if self.support != "program" and not self.substrate.superposes:
            raise InsituError(
                "this substrate's device has no model of single SET pulses; use support='program', "
                "or a device that crystallises step by step (pcm_nandakumar2018, ideal)"
            )

    def prepare(self, base: FewShotBase, now_s: float, rng: np.random.Generator) -> State:
        """Return the memory that holds the base classes, each written as its mean; empty if they are not known."""
        self.check_device()
        check_base(base)
        projection = fit(base, self.projection, self.dim, self.shrink)
        state = self.start(projection, base.examples, now_s, rng)
        if not base.known:
            return state
        before = state.held
        state, columns = with_columns(self.substrate, state, list(range(len(base.means))), now_s, rng)
        means = projection.vectors(base.means)
        sums, shots = Rows.of((means * BASE_SHOTS).numpy()), torch.full((len(means),), BASE_SHOTS)
        state = replace(state, activations=Rows.of(base.means.numpy()), sums=sums, shots=shots)
        if self._verifies:
            return self._verified(state, before, columns, now_s, rng)
        amounts = self._pulses(means, size(means, self.clip), self.pulses * self.base_shots)
        held = self.substrate.add(state.held, columns, amounts.T, now_s, rng)
        return self._calibrated(replace(state, held=held), before, columns, now_s, rng)

    def start(self, projection: Projection, cohort: Examples, now_s: float, rng: np.random.Generator) -> State:
        """Return a memory that holds no class yet; ``cohort`` (n, features), n >= 1, is what it is calibrated with."""
        dim, features = projection.weight.shape
        return State(
            held=self.substrate.blank(dim, 0, now_s, rng),
            projection=projection,
            labels=torch.zeros(0, dtype=torch.int64),
            shots=torch.zeros(0),
            activations=Rows.empty(features, np.float32),
            sums=Rows.empty(dim, np.float32),
            slope=torch.zeros(0),
            offset=torch.zeros(0),
            cohort=cohort,
        )

    def learn(self, state: State, examples: Examples, now_s: float, rng: np.random.Generator) -> State:
        """Superpose examples (n, features) on the columns of their classes; unseen classes take fresh columns."""
        check_examples(examples, state.activations.shape[1])
        vectors, before = state.projection.vectors(examples.x), state.held
        classes, index, count = examples.labels.unique(return_inverse=True, return_counts=True)
        state, columns = with_columns(self.substrate, state, classes.tolist(), now_s, rng)
        total = state.shots[columns] + count
        sums, means = (torch.from_numpy(each[columns]) for each in (state.sums, state.activations))
        means = means * (state.shots[columns] / total)[:, None]
        means.index_add_(0, index, examples.x / total[index, None])
        state = with_statistics(state, columns, total, sums.index_add_(0, index, vectors), means)
        if self._verifies:
            return self._verified(state, before, columns, now_s, rng)
        largest = calibration_set(state.projection, state.cohort.x).size(self.clip)
        amounts = torch.zeros(int(count.max()), vectors.shape[1], len(columns))
        amounts[torch.from_numpy(ranks(index.numpy())), :, index] = self._pulses(vectors, largest, self.pulses)
        held = self.substrate.add(state.held, columns, amounts, now_s, rng)
        return self._calibrated(replace(state, held=held), before, columns, now_s, rng)

    def imprint(
        self,
        state: State,
        classes: list[int],
        sums: Tensor,
        shots: Tensor,
        means: Tensor,
        now_s: float,
        rng: np.random.Generator,
    ) -> State:
        """Add to each class ``shots`` (k,) examples learned elsewhere: their summed unit vectors ``sums`` (k, dim).

        ``means`` (k, features) are their mean activations. The sum is superposed on the column as a few shots of its
        mean; a column that would hold more than ``SUPERPOSED`` is RESET and written with all its examples.
        """
        written = state.held
        state, columns = with_columns(self.substrate, state, classes, now_s, rng)
        before = state.shots[columns]
        total, share = before + shots, (before / (before + shots))[:, None]
        known = torch.from_numpy(state.sums[columns])
        moved = torch.from_numpy(state.activations[columns]) * share + means * (1 - share)
        state = with_statistics(state, columns, total, known + sums, moved)
        full = (total > SUPERPOSED) & (before > 0) & (self.support != "program")
        held = self.substrate.erase(state.held, np.array(columns)[full.numpy()].tolist(), now_s, rng)
        if self._verifies:
            return self._verified(replace(state, held=held), written, columns, now_s, rng)
        vectors = exact.unit(torch.where(full[:, None], known + sums, sums)).float()
        strength = torch.where(full, total, shots).clamp(1, self.base_shots)
        largest = calibration_set(state.projection, state.cohort.x).size(self.clip)
        amounts = self._pulses(vectors, largest, self.pulses * strength.int()[:, None])
        held = self.substrate.add(held, columns, amounts.T, now_s, rng)
        return self._calibrated(replace(state, held=held), written, columns, now_s, rng)

    def predict(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return class numbers (n,) for activations x (n, features), only of classes the memory holds."""
        classes, scores = self.similarities(state, x, now_s, rng)
        return classes[scores.argmax(1)]

    def similarities(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return the classes (columns,) and the similarities (n, columns) of activations x (n, features) to them."""
        held = state.labels != FREE
        return state.labels[held], self.scores(state, x, now_s, rng)[:, held]

    def scores(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return similarities (n, columns), calibrated per class; free columns are -inf."""
        check_queries(x, state.activations.shape[1])
        if not (state.labels != FREE).any():
            raise InsituError("the memory holds no class yet; learn some examples first")
        return self.compare(state, state.projection.queries(x), now_s, rng)

    def compare(self, state: State, vectors: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return what ``scores`` does, for unit vectors (n, dim) instead of activations."""
        raw = self.substrate.multiply(state.held, vectors, now_s, rng)
        scores = (raw - state.offset) / state.slope
        if self.base_mix:
            scores = mixed(scores, self.prototypes(state), state.shots, self.base_mix, self.base_sharpness)
        return scores.masked_fill(state.labels == FREE, -torch.inf)

    def prototypes(self, state: State, columns: slice | list[int] = slice(None)) -> Tensor:
        """Return the exact prototypes (columns, dim) that scores are similarities to; zeros for free columns."""
        sums = torch.from_numpy(state.sums[columns])
        return corrected(sums, state.shots[columns], state.projection.scatter, self.correction)

    def erase(self, state: State, classes: list[int], now_s: float, rng: np.random.Generator) -> State:
        """RESET the columns of these classes; they are free for classes to come."""
        columns = locate(state, classes)
        cleared = {"labels": FREE, "shots": 0, "slope": 1, "offset": 0}
        entries: Any = {name: put_entries(getattr(state, name), columns, value) for name, value in cleared.items()}
        erased = self.substrate.erase(state.held, columns, now_s, rng)
        given = calibration_set(state.projection, state.cohort.x).vectors
        held = self.substrate.calibrate(erased, given, now_s, [], state.held)
        activations, sums = (rows.put(columns, 0) for rows in (state.activations, state.sums))
        return replace(state, held=held, activations=activations, sums=sums, **entries)

    def cost(self, state: State) -> Ledger:
        """Return the pulses, RESETs and programmings spent on the array so far."""
        return self.substrate.written(state.held)

    def wear(self, state: State) -> dict[str, int]:
        """See ``Learner.wear``."""
        return self.substrate.endurance(state.held)

    def kept(self, state: State) -> Ledger:
        """Return the bytes that this configuration keeps next to the array."""
        exact_prototypes = self.calibrate or self._verifies or self.base_mix > 0
        return Ledger.of(
            exact_prototype_bytes=state.sums.nbytes if exact_prototypes else 0,
            mean_activation_bytes=state.activations.nbytes if self.mode > 1 else 0,
            calibration_example_bytes=state.cohort.x.nbytes,
            column_bytes=sum(each.nbytes for each in (state.labels, state.shots, state.slope, state.offset)),
        )

    def query_cost(self, state: State) -> Ledger:
        """Return what comparing one query with all classes spends."""
        base, new = base_and_new(state.shots)
        mixing = len(new) * (len(base) + 1) if self.base_mix else 0
        spent = self.substrate.product_cost(state.held, 1) + self.substrate.compensation_cost(state.held)
        return spent + Ledger.of(float_multiply_accumulate=mixing)

    def _pulses(self, vectors: Tensor, largest: float, most: int | Tensor) -> Tensor:
        """Turn vectors (n, dim) into signed pulse counts; a component of size ``largest`` gets ``most`` (or (n, 1))."""
        return torch.round((vectors.sign() if self.support == "bipolar" else (vectors / largest).clamp(-1, 1)) * most)

    @property
    def _verifies(self) -> bool:
        """Whether columns are written from exact sums and read while they are, so that no error adds up over shots."""
        return self.support == "program" or self.rounds > 0

    def _verified(self, state: State, before: Any, columns: list[int], now_s: float, rng: np.random.Generator) -> State:
        """Pulse the given columns towards their means, or program them; in modes 2 and 3, program every class."""
        if self.mode > 1:
            columns = (state.labels != FREE).nonzero()[:, 0].tolist()
            projection, means = state.projection, torch.from_numpy(state.activations[columns])
            weight, bias, moved = adapt(projection.weight, projection.bias, means, self.mode)
            projection = replace(projection, weight=weight, bias=bias)
            written = exact.unit(torch.tanh(moved.double()).float() - projection.centre).float()
            written *= state.shots[columns, None]
            state = replace(state, projection=projection, sums=state.sums.put(columns, written.numpy()))
        sums = torch.from_numpy(state.sums[columns])
        if self.support == "program":
            held = self.substrate.write(state.held, columns, exact.unit(sums).float().T, now_s, rng)
        else:
            largest = calibration_set(state.projection, state.cohort.x).size(self.clip)
            target = shares(sums, state.shots[columns], self.base_shots, largest)
            held = self.substrate.approach(state.held, columns, target.T, self.rounds, now_s, rng)
        return self._calibrated(replace(state, held=held), before, columns, now_s, rng)

    def _calibrated(
        self, state: State, before: Any, columns: list[int], now_s: float, rng: np.random.Generator
    ) -> State:
        """Set converter ranges and the digital slope and offset of columns written since the array was ``before``.

        Other columns keep theirs, until the clock has moved: then all are calibrated.
        """
        known = calibration_set(state.projection, state.cohort.x).vectors
        if now_s == state.calibrated_s:
            held = self.substrate.calibrate(state.held, known, now_s, columns, before)
        else:
            columns = list(range(len(state.labels)))
            held = self.substrate.calibrate(state.held, known, now_s)
        given = known if self.calibrate else probes(known.shape[1], PROBES)
        measured = self.substrate.multiply_columns(held, columns, given, now_s, rng).double()
        if self.calibrate:
            slope, offset = fitted(measured, known, self.prototypes(state, columns))
        else:
            spread = state.projection.scatter
            if self.support == "bipolar":  # signs of few shots are scattered more widely
                spread = scatter(exact.unit(known.sign()).float(), state.cohort.labels)
            slope, offset = scaled(measured, state.shots[columns], spread, self.correction)
        slope, offset = put_entries(state.slope, columns, slope), put_entries(state.offset, columns, offset)
        return replace(state, held=held, slope=slope, offset=offset, calibrated_s=now_s)
