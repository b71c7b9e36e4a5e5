"""What the cells of a device change and cost, measured on a small memory: for any device, a user's own included.

Random classes are taught to an ``ExplicitMemory`` on this device, and random queries are compared with them. What its
similarities differ by from the exact ones, relative to what those of random classes differ by, is the error; it holds
programming, read noise, converters and compensation as they are after ``AGE_S``, and hardly depends on the number of
classes or rows. A few more classes are taught one by one, to count what one takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from insitu.core import InsituError, generator
from insitu.devices import Device
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.learners.projections import Projection
from insitu.ledger import Ledger
from insitu.protocols import Examples
from insitu.substrates import Substrate
from insitu.substrates.crossbar import Crossbar
from insitu.substrates.digital import Digital

AGE_S = 60.0  # of what was written when it is read
CLASSES, QUERIES, CALIBRATION = 100, 200, 256
ONE_BY_ONE = 5  # classes that are taught singly
COSINE = 0.25  # of two examples of a class


@dataclass(frozen=True)
class Measured:
    """The error of similarities, and what teaching ``ONE_BY_ONE`` classes, one after the other, spent and kept."""

    error: float  # standard deviation, in units of that between random classes
    spent: Ledger
    kept: Ledger  # bytes next to the array


def memory(device: Device | None, rows: int) -> ExplicitMemory:
    """Return the memory that is planned: pulses where the device takes them, else programming; float for None."""
    if device is None:
        return ExplicitMemory(Digital(), dim=rows, projection="identity", support="program")
    # two devices per sign are pulsed; programmed ones stand for all that a sign has
    pulsed = device.crystallises
    substrate: Substrate = Crossbar(device, pairs=2 if pulsed else 1, compensation="column")
    support: Literal["magnitude", "program"] = "magnitude" if pulsed else "program"
    return ExplicitMemory(substrate, dim=rows, projection="identity", support=support)


def identity(rows: int) -> Projection:
    """Return the projection of vectors that are unit vectors already."""
    return Projection(torch.eye(rows), torch.zeros(rows), False, torch.zeros(rows), scatter=1 - COSINE)


def examples(prototypes: Tensor, each: int, rng: np.random.Generator) -> Examples:
    """Return random examples (classes * each, rows) of random prototypes (classes, rows) with cosine ``COSINE``."""
    labels = torch.arange(len(prototypes)).repeat_interleave(each)
    noise = torch.from_numpy(rng.standard_normal((len(labels), prototypes.shape[1]), np.float32))
    x = np.sqrt(COSINE) * prototypes[labels] + np.sqrt(1 - COSINE) * noise
    return Examples(x / x.norm(dim=1, keepdim=True), labels)


@cache
def measure(device: Device, rows: int, shots: int, seed: int = 0) -> Measured:
    """Return what the cells of ``device`` change and cost in a memory of so many rows."""
    if not 16 <= rows <= 4096:
        raise InsituError(f"a memory of {rows} rows cannot be planned; give --dim 16 to 4096")
    if not 1 <= shots <= 100:
        raise InsituError(f"classes of {shots} shots cannot be planned; give --shots 1 to 100")
    rng = generator(seed, "device error")
    prototypes = torch.from_numpy(rng.standard_normal((CLASSES + ONE_BY_ONE, rows), np.float32))
    all_shots = examples(prototypes, shots, rng)
    queries = examples(prototypes[:CLASSES], QUERIES // CLASSES, rng)
    known = Examples(torch.from_numpy(rng.standard_normal((CALIBRATION, rows), np.float32)), torch.arange(CALIBRATION))
    scores, learner = [], memory(device, rows)
    for each in (memory(None, rows), learner):
        state = _taught(each, each.start(identity(rows), known, 0.0, rng), all_shots, range(CLASSES), rng)
        scores.append(each.scores(state, queries.x, AGE_S, rng).double().numpy())
    rivals = queries.labels.numpy()[:, None] != np.arange(CLASSES)
    error = float((scores[1] - scores[0])[rivals].std() / scores[0][rivals].std())
    spent, kept = learner.cost(state), learner.kept(state)
    for label in range(CLASSES, CLASSES + ONE_BY_ONE):
        state = _taught(learner, state, all_shots, range(label, label + 1), rng)
    return Measured(error, learner.cost(state) - spent, learner.kept(state) - kept)


def _taught(learner: ExplicitMemory, state: Any, given: Examples, labels: range, rng: np.random.Generator) -> Any:
    part = (given.labels >= labels.start) & (given.labels < labels.stop)
    return learner.learn(state, Examples(given.x[part], given.labels[part]), 0.0, rng)
