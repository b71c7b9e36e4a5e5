"""Natural e-prop: a spiking network learns a movement from one demonstration, by the signals of another one.

Ortner, Petschenig et al., Nat. Commun. 16 (2025): a trainee runs from a clock alone; a learning-signal generator sees
where the hand should be and gives each of its neurons a learning signal; one update of its input and recurrent weights
(``kernels/eprop.py``), and the trainee makes the movement when it runs again. Both were meta-trained for this. On a
crossbar, increments are rounded to 1/16 of the weights' range and only devices whose target changed are programmed
again; generator, traces and readouts are computed in software, as in the paper. Movements come many at once
(``protocols/trajectories.py``); each begins from the meta-trained weights.

On devices, clock and neurons are the 255 rows of one core: in each step the rows that spike give a whole pulse, with
read noise drawn for every step and movement and 8-bit conversion (``kernels/noisy_spiking.py``). Drift goes on
from the writing of the weights; cells written by an update are as young as the update
(``substrates/analog/delta_crossbar.py``).
Own choices: rounding is to the nearest; weights stay within -1..1 wherever increments are rounded; movements share the
devices of the meta-trained weights, and each has its own of what its update has changed; converters are fitted to
movements of meta-training.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from insitu.core import InsituError
from insitu.devices.pcm_hermes2022 import PcmHermes2022
from insitu.kernels.quantiser import on_steps
from insitu.kernels.spiking import Run
from insitu.learners import Learner
from insitu.learners._networks import Networks, move_on_devices, networks_of, parted, pulses_of
from insitu.ledger import Ledger
from insitu.protocols import Examples, Protocol, trajectories
from insitu.protocols.tasks import StepAnswers
from insitu.protocols.trajectories import ArmBase, check_arm_base, check_clock, check_demonstrations
from insitu.substrates import Substrate
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital

BATCH = 50  # movements that run together, which bounds the memory they take


@dataclass(frozen=True, eq=False)
class State:
    """The trainee as it is held, and its updates by the movements learned last."""

    base: ArmBase
    networks: Networks
    held: Any  # the base that the substrate holds; None where it is exact
    prepared_s: float
    demonstrated: Tensor | None = None  # (n, steps, 3) m, the movements learned last
    after: Any = None  # the matrices (n, clock + size, size) of their updates: floats, or deltas on the substrate
    generator_hz: float = 0.0  # mean firing rate of the signal generator during the demonstrations
    changed: int = 0  # weights that updates have changed, in all movements together
    spent: Ledger = field(default_factory=Ledger)


@dataclass(frozen=True)
class Eprop(Learner[ArmBase, State]):
    """One update of a spiking network from one demonstration, by the signals of another (natural e-prop)."""

    protocols: ClassVar[tuple[Protocol, ...]] = (trajectories.PROTOCOL,)

    substrate: Substrate = field(
        default_factory=lambda: Crossbar(PcmHermes2022(), pairs=1, compensation="column")
    )  # holds the trainee's input and recurrent weights; a cell of this device stands for two of a sign
    learning_rate: float = 1e-4  # step size of the update
    grid: int = 16  # levels from 0 to the largest weight to which increments are rounded; 0 does not round

    def __post_init__(self) -> None:
        if not 0 < self.learning_rate < np.inf or self.grid < 0:
            raise InsituError(f"learning_rate is above 0, the grid 0 or more; got {self.learning_rate} and {self.grid}")

    def prepare(self, base: ArmBase, now_s: float, rng: np.random.Generator) -> State:
        """Write the trainee at ``now_s``, with converters fitted to the base's calibration movements."""
        check_arm_base(base)
        state = State(base, networks_of(base), None, now_s)
        if self.substrate.exact:
            return state
        exact = replace(self, substrate=Digital())
        taught = exact.learn(state, base.calibration, now_s, rng)
        with torch.no_grad():
            runs = [exact._moved(taught, step, now_s, rng, slice(None), spikes=True) for step in (0, 1)]
        pulses = torch.cat([pulses_of(state.networks, run) for run in runs])
        matrix = state.networks.matrix
        patterns = torch.cat([matrix[None], taught.after])
        held = self.substrate.program_base(matrix, pulses, patterns, now_s, rng)
        return replace(state, held=held, spent=held.spent)

    @torch.no_grad()
    def learn(self, state: State, examples: Examples, now_s: float, rng: np.random.Generator) -> State:
        """See movements once and update; each starts from the meta-trained weights."""
        check_demonstrations(examples, state.base)
        if not now_s >= state.prepared_s:  # so that NaN is caught too
            raise InsituError(f"time runs forward: now is {now_s} s, but the trainee was written at {state.prepared_s}")
        record, count, steps = state.networks.record, len(examples.x), state.base.steps
        parts, generator_spikes = [], 0.0
        for start in range(0, count, BATCH):
            part = slice(start, min(start + BATCH, count))
            run = self._moved(state, 0, now_s, rng, part, spikes=True)
            signals = record.signals(state.networks.signal_generator, examples.x[part])
            increments = record.increments(run, signals.readout, self.learning_rate)
            parts.append(self._updated(state, increments))
            generator_spikes += float(signals.counts.mean()) * (part.stop - start)
        matrices = torch.cat(parts)
        changed = int(matrices.ne(self._meta_trained(state)).sum())
        after: Any = matrices
        spent = state.spent
        if not self.substrate.exact:
            after = self.substrate.program_deltas(state.held, matrices, now_s, rng)
            spent = state.spent + after.spent + self.query_cost(state) * count
        return replace(
            state,
            demonstrated=examples.x,
            after=after,
            generator_hz=1000 * generator_spikes / steps / count,
            changed=changed,
            spent=spent,
        )

    def predict(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> Tensor:
        """Return the velocities (n, steps, 2) in rad/s of the movements learned last; before any, n times the same."""
        check_clock(x, state.base, None if state.demonstrated is None else len(state.demonstrated))
        return self._all(state, int(state.demonstrated is not None), len(x), now_s, rng)[0]

    def predict_each(self, state: State, x: Tensor, now_s: float, rng: np.random.Generator) -> list[StepAnswers]:
        """Return the velocities before the update (step 0) and after it (1), both at ``now_s``.

        Totals are firing rates in Hz, the percentage of weights that the update has changed, and the cells written.
        """
        if state.demonstrated is None:
            raise InsituError("no movement is learned yet; learn some first")
        check_clock(x, state.base, len(state.demonstrated))
        count = len(x)
        before, calm = self._all(state, 0, count, now_s, rng)
        after, lively = self._all(state, 1, count, now_s, rng)
        record = state.networks.record
        weights = record.trainee * (record.clock + record.trainee - 1)  # no neuron drives itself
        means = {
            "trainee_hz": lively,
            "teacher_hz": state.generator_hz,
            "changed": 100 * state.changed / count / weights,
        }
        totals = {name: count * mean for name, mean in means.items()}
        if not self.substrate.exact and state.after.rewritten:
            totals["rewritten"] = state.after.rewritten
        return [StepAnswers(0, before, {"trainee_hz": count * calm}), StepAnswers(1, after, totals)]

    @torch.no_grad()
    def traces(self, state: State, task: int, now_s: float, rng: np.random.Generator) -> dict[str, Any]:
        """Return of one movement velocities (steps, 2) and spikes (steps, size) before and after, and the signals."""
        if state.demonstrated is None:
            raise InsituError("no movement is learned yet; learn some first")
        part = slice(task, task + 1)
        signals = state.networks.record.signals(state.networks.signal_generator, state.demonstrated[part]).readout[:, 0]
        runs = [self._moved(state, step, now_s, rng, part, spikes=True) for step in (0, 1)]
        found: dict[str, Any] = {"signals": signals.numpy()}
        for name, run in zip(("before", "after"), runs, strict=True):
            assert run.spikes is not None
            found[name] = {"velocities": run.readout[:, 0].numpy(), "spikes": run.spikes[:, 0].numpy()}
        return found

    def cost(self, state: State) -> Ledger:
        """Return what writing the trainee, running it before the current updates, and these have spent on devices."""
        return state.spent

    def wear(self, state: State) -> dict[str, int]:
        """See ``Learner.wear``: a cell is programmed with the base and at most once by an update."""
        return {} if self.substrate.exact else {"resets": 1 + (state.changed > 0)}

    def query_cost(self, state: State) -> Ledger:
        """Return what one movement of the trainee spends: a product in every step; in software nothing is counted."""
        if self.substrate.exact:
            return Ledger()
        inputs, size = state.networks.matrix.shape
        held = self.substrate.blank(inputs, size, 0.0, np.random.default_rng(0))  # costs depend on its shape alone
        return self.substrate.product_cost(held, state.base.steps)

    # -- parts -------------------------------------------------------------------------------------------------------

    def _updated(self, state: State, increments: tuple[Tensor, Tensor]) -> Tensor:
        """Return the matrices (n, clock + size, size) that these increments lead to."""
        change = torch.cat(increments, 1)
        if not torch.isfinite(change).all():
            raise InsituError(f"the update holds NaN or infinity; take a learning_rate below {self.learning_rate}")
        if self.grid:
            change = on_steps(change, 1 / self.grid)
        updated = self._meta_trained(state) + change
        return updated.clamp(-1, 1) if self.grid or not self.substrate.exact else updated

    def _meta_trained(self, state: State) -> Tensor:
        """Return the matrix (clock + size, size) that updates are added to; a substrate holds -1..1."""
        return state.networks.matrix if self.substrate.exact else state.networks.matrix.clamp(-1, 1)

    def _moved(
        self, state: State, step: int, now_s: float, rng: np.random.Generator, part: slice, spikes: bool = False
    ) -> Run:
        """Run a part of the movements before (0) or after (1) the update; in software, all are the same before it."""
        steps = state.base.steps
        if not self.substrate.exact:
            rows = self.substrate.pulse_rows(state.after if step else state.held, now_s, part)
            return move_on_devices(state.networks, rows, part.stop - part.start, steps, rng)
        matrix = state.after[part] if step else state.networks.matrix
        return state.networks.record.move(parted(matrix, state.networks), steps, spikes)

    @torch.no_grad()
    def _all(self, state: State, step: int, count: int, now_s: float, rng: np.random.Generator) -> tuple[Tensor, float]:
        """Return the velocities (count, steps, 2) of all movements, and the mean firing rate in Hz."""
        found, hz = [], 0.0
        for start in range(0, count, BATCH):
            part = slice(start, min(start + BATCH, count))
            run = self._moved(state, step, now_s, rng, part)
            size = part.stop - start
            found.append(run.readout.transpose(0, 1).expand(size, -1, -1))
            hz += 1000 * float(run.counts.mean()) * size / count / state.base.steps
        return torch.cat(found), hz
