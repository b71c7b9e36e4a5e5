"""Memories of growing size, simulated: the share of right answers at every size, of random and of real classes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from insitu import catalog
from insitu.core import generator
from insitu.devices import Device
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.planning.device_error import AGE_S, CALIBRATION, examples, identity, memory
from insitu.protocols import Examples
from insitu.protocols.few_shot_sessions import FewShotBase
from insitu.scenarios import embeddings

RANDOM = "random"  # quasi-orthogonal classes, drawn without end
REAL = {"omniglot": ("omniglot_background", "omniglot-background"), "miniimagenet": ("miniimagenet", "miniimagenet")}
QUERIED, QUERIES = 100, 10  # classes that are queried, and queries of each
AT_A_TIME = 2500  # classes held at once
DRAWS = 40  # sets of classes for every size of real ones


@dataclass(frozen=True)
class Setting:
    """One memory that grows."""

    embedding: str
    rows: int
    shots: int
    device: str  # "" is float
    most: int  # classes, of random ones
    seed: int

    @property
    def name(self) -> str:
        """What its results are stored under."""
        return f"{self.embedding} {self.rows} {self.shots} {self.device or 'float'} {self.most} {self.seed}"


def sizes(most: int) -> list[int]:
    """Return powers of ten from 100, with one size in between, up to ``most``."""
    return [size for power in range(2, 8) for size in (10**power, 3 * 10**power) if size <= most]


def simulate(setting: Setting) -> dict[int, list[int]]:
    """Return, for every number of classes, how many queries were answered rightly, and how many there were."""
    return _random(setting) if setting.embedding == RANDOM else _real(setting)


def device(name: str) -> Device | None:
    """Return the device of this public name; None for float."""
    made: Device | None = catalog.load(catalog.find(name, "devices"))() if name else None
    return made


def features(name: str) -> float:
    """Return the length of an embedding's vectors; that of random ones is no limit."""
    return 1e9 if name == RANDOM else float(_loaded(name)[1].shape[1])


def _random(setting: Setting) -> dict[int, list[int]]:
    rng, rows = generator(setting.seed, "scaling", setting.name), setting.rows
    learner = memory(device(setting.device), rows)
    known = Examples(torch.from_numpy(rng.standard_normal((CALIBRATION, rows), np.float32)), torch.arange(CALIBRATION))
    stops = sizes(setting.most)
    parts = sorted({*stops, *range(0, setting.most, AT_A_TIME), 0})
    queries, own, rival = None, np.empty(0), np.empty(0)
    out: dict[int, list[int]] = {}
    for first, last in zip(parts, parts[1:], strict=False):
        prototypes = torch.from_numpy(rng.standard_normal((last - first, rows), np.float32))
        state = learner.start(identity(rows), known, 0.0, rng)
        state = learner.learn(state, examples(prototypes, setting.shots, rng), 0.0, rng)
        if queries is None:
            queries = examples(prototypes[:QUERIED], QUERIES, rng).x
        scores = learner.scores(state, queries, AGE_S, rng).numpy()
        if first == 0:
            each, label = np.arange(len(scores)), np.arange(len(scores)) // QUERIES
            own = scores[each, label].copy()
            scores[each, label] = -np.inf
            rival = np.full(len(scores), -np.inf)
        rival = np.maximum(rival, scores.max(1))
        if last in stops:
            out[last] = [int((own > rival).sum()), len(own)]
    return out


@cache
def _loaded(name: str) -> tuple[FewShotBase, torch.Tensor, torch.Tensor]:
    held = embeddings.load(*REAL[name], "package")
    return held.base(known=False), *held.novel()


def _real(setting: Setting) -> dict[int, list[int]]:
    """Return the same of classes that the encoder was not trained on, for every size over ``DRAWS`` sets of them."""
    base, x, labels = _loaded(setting.embedding)
    rng, of_cells = generator(setting.seed, "scaling", setting.name), memory(device(setting.device), setting.rows)
    learner = ExplicitMemory(of_cells.substrate, dim=setting.rows, support=of_cells.support)
    classes, index = labels.unique(return_inverse=True)
    order = [torch.from_numpy(rng.permutation((index == c).nonzero()[:, 0].numpy())) for c in range(len(classes))]
    shots = torch.cat([rows[: setting.shots] for rows in order])
    tests = torch.cat([rows[setting.shots : setting.shots + QUERIES] for rows in order])
    state = learner.prepare(base, 0.0, rng)
    state = learner.learn(state, Examples(x[shots], index[shots]), 0.0, rng)
    scores, right = learner.scores(state, x[tests], AGE_S, rng).numpy(), index[tests].numpy()
    place = {int(label): column for column, label in enumerate(state.labels.tolist())}
    scores = scores[:, [place[c] for c in range(len(classes))]]
    most, out = len(classes), dict[int, list[int]]()
    for size in [5, 10, 20, 40, 80, 160, 330, 659]:
        if size > most:
            break
        hits, count = 0, 0
        for _ in range(DRAWS if size < most else 1):
            chosen = rng.permutation(most)[:size]
            own = np.isin(right, chosen)
            answers = chosen[scores[np.ix_(own.nonzero()[0], chosen)].argmax(1)]
            hits, count = hits + int((answers == right[own]).sum()), count + int(own.sum())
        out[size] = [hits, count]
    return out
