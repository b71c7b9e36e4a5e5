"""How strongly new prototypes are moved towards base prototypes, chosen on base classes in place of new ones.

``learners/base_mixing.py`` moves them; its share and its sharpness are chosen here, on training images of the base
alone. In each of ``DRAWS`` draws 40 % of the base classes, the share of new classes in the last session of the
protocol, are held out as pseudo-novel classes: the projection is fitted to the others, five of their stored examples
are their shots, and all remaining examples of the base are queries. Criterion: the harmonic mean of the accuracies on
base and pseudo-novel classes. The backbone has seen the latter, so means of few shots of really new classes will be
worse, and the optimum is flat: of all pairs within one standard error of the best one, that with the highest
pseudo-novel accuracy is taken (one-standard-error rule, Breiman et al., 1984).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from insitu.core import InsituError, generator
from insitu.learners.base_mixing import mixed
from insitu.learners.explicit_memory import ExplicitMemory
from insitu.protocols import Examples, Session
from insitu.protocols.few_shot_sessions import FewShotBase, score
from insitu.substrates.digital import Digital

DRAWS = 20  # of pseudo-novel classes
SHARE = 0.4  # of the base classes
SHOTS = 5
MIXES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
SHARPNESSES = (8.0, 16.0, 32.0)
MEMORY = ExplicitMemory(Digital(), support="program")  # in software, as ``NearestMean``


@dataclass(frozen=True)
class Choice:
    """A share and a sharpness, and what they gave, in percent."""

    mix: float
    sharpness: float
    novel: float  # mean accuracy on pseudo-novel classes
    harmonic: float  # mean over the draws
    error: float  # standard error of that mean


def choose(base: FewShotBase, memory: ExplicitMemory = MEMORY, draws: int = DRAWS) -> Choice:
    """Return the share and the sharpness to take with ``memory`` on vectors of the backbone that made ``base``."""
    pairs = [(mix, sharpness) for mix in MIXES for sharpness in (SHARPNESSES if mix else SHARPNESSES[:1])]
    figures = np.array([_accuracies(base, memory, pairs, draw) for draw in range(draws)])  # (draws, pairs, 2)
    mean, error = figures.mean(0), figures[..., 1].std(0, ddof=1) / np.sqrt(draws)
    best = int(mean[:, 1].argmax())
    close = mean[:, 1] >= mean[best, 1] - error[best]
    number = int(np.where(close, mean[:, 0], -np.inf).argmax())
    return Choice(*pairs[number], *map(float, (*mean[number], error[number])))


def _accuracies(
    base: FewShotBase, memory: ExplicitMemory, pairs: list[tuple[float, float]], draw: int
) -> list[tuple[float, float]]:
    """Return novel accuracy and harmonic mean of each pair, on one draw of pseudo-novel classes."""
    rng = generator(0, "base mixing", draw)
    count = len(base.means)
    old = count - round(SHARE * count)
    order = torch.from_numpy(rng.permutation(count))
    number = torch.empty(count, dtype=torch.int64)
    number[order] = torch.arange(count)
    labels = number[base.examples.labels]
    support = []
    for label in range(old, count):
        rows = (labels == label).nonzero()[:, 0]
        if len(rows) <= SHOTS:
            raise InsituError(f"a base class has more than {SHOTS} examples to choose on; one has {len(rows)}")
        support.append(rows[torch.from_numpy(rng.permutation(len(rows))[:SHOTS])])
    shots, seen, queried = torch.cat(support), labels < old, torch.ones(len(labels), dtype=torch.bool)
    queried[shots] = False
    examples = [Examples(base.examples.x[rows], labels[rows]) for rows in (seen, shots, queried)]
    state = memory.prepare(FewShotBase(base.means[order[:old]], examples[0], base.weight, base.bias), 0.0, rng)
    state = memory.learn(state, examples[1], 0.0, rng)
    plain, prototypes = memory.scores(state, examples[2].x, 0.0, rng), memory.prototypes(state)
    session, out = Session(1, 0.0, None, examples[2], old), []
    for mix, sharpness in pairs:
        answers = state.labels[mixed(plain, prototypes, state.shots, mix, sharpness).argmax(1)]
        row = score([session], [answers])
        out.append((float(row["novel"]), float(row["harmonic"])))
    return out
