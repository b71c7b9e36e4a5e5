"""Few-shot class-incremental sessions: many old classes, then sessions of a few new classes with a few shots each.

Protocol of Tao et al. (CVPR 2020) as used by C-FSCIL: after each session, test on all test images of all classes seen
so far. ``published`` takes the fixed lists; ``redrawn`` draws new shots for every seed from all images of the novel
classes (the others are the test), for confidence intervals over support sets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar, Literal

import torch
from torch import Tensor

from insitu.backbones import trained
from insitu.core import InsituError, generator
from insitu.protocols import Examples, Protocol, Session, few_shot_sessions
from insitu.protocols.few_shot_sessions import FewShotBase
from insitu.scenarios import Scenario
from insitu.scenarios.checks import check_data_set
from insitu.scenarios.embeddings import Embedded, load


@dataclass(frozen=True)
class FewShotSessions(Scenario[FewShotBase]):
    """Base classes first, then sessions of new classes from a few shots each, tested on all classes seen so far."""

    protocol: ClassVar[Protocol] = few_shot_sessions.PROTOCOL

    data_set: str = "miniimagenet"  # name of a data set with sessions of new classes
    backbone: str = ""  # name of the backbone that encodes the images; empty: the one named after the data set
    supports: Literal["published", "redrawn"] = "published"  # support sets: those of the lists, or drawn per seed
    shots: int = 5  # number of examples per new class, at most as many as the lists hold
    spacing_s: float = 3600.0  # time from one session to the next, in seconds
    tests: Literal["each", "last"] = "each"  # sessions after which all classes so far are tested

    def __post_init__(self) -> None:
        if self.shots < 1:
            raise InsituError(f"shots is at least 1; got {self.shots}")
        if not 0 <= self.spacing_s < float("inf"):
            raise InsituError(f"spacing_s is 0 or more seconds, since time runs forward; got {self.spacing_s}")
        if self.tests not in ("each", "last"):
            raise InsituError(f"tests is each or last; got {self.tests!r}")
        if self.supports not in ("published", "redrawn"):
            raise InsituError(f"supports is published or redrawn; got {self.supports!r}")

    def check(self, data: str) -> None:
        """See ``Scenario.check``."""
        super().check(data)
        check_data_set(self.data_set, few_shot=True)
        trained.check(self.backbone or self.data_set, "images")

    def base(self, data: str) -> FewShotBase:
        """Return class means and examples of the base classes."""
        return self._embedded(data).base()

    def sessions(self, data: str, seed: int) -> Iterator[Session]:
        """Yield session 0 (nothing to learn) and the sessions of the lists."""
        all_ = self._embedded(data)
        return self._sessions(all_, seed) if self.supports == "redrawn" else iter(_listed_sessions(self, all_))

    def _sessions(self, all_: Embedded, seed: int) -> Iterator[Session]:
        base_classes = len(all_.means)
        x, labels, shot, test = self._pool(all_, seed)
        session_of = torch.zeros(int(labels.max()) + 1, dtype=torch.int64)
        session_of[all_.shot_labels] = all_.shot_sessions.long()
        since, order = session_of[labels[test]].sort(stable=True)
        # tests of a session are the first rows of one tensor, which a learner maps to the memory's vectors as a whole
        tests = Examples(x[test[order]], labels[test[order]])
        last = int(all_.shot_sessions.max())
        for number in range(last + 1):
            rows = shot[session_of[labels[shot]] == number]
            train = Examples(x[rows], labels[rows]) if number else None
            count = int((since <= number).sum()) if number == last or self.tests == "each" else 0
            test_now = Examples(tests.x[:count], tests.labels[:count])
            yield Session(number, number * self.spacing_s, train, test_now, base_classes)

    def describe(self, data: str) -> str:
        """See ``Scenario.describe``."""
        return f"{self._embedded(data).note}; {self.supports} support sets, {self.shots} shots"

    def drawn(self, data: str) -> str:
        """See ``Scenario.drawn``: support sets, unless they are the listed ones."""
        return "support draws" if self.supports == "redrawn" else ""

    def redrawn(self) -> FewShotSessions | None:
        """See ``Scenario.redrawn``."""
        return replace(self, supports="redrawn") if self.supports == "published" else None

    def _embedded(self, data: str) -> Embedded:
        return load(self.backbone or self.data_set, self.data_set, data)

    def _pool(self, all_: Embedded, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return all vectors and labels, and which rows are shots and which are tests; no row is both."""
        x = torch.cat([all_.shots, all_.test])
        labels = torch.cat([all_.shot_labels, all_.test_labels])
        count = len(all_.shots)
        test, order = torch.arange(count, len(x)), torch.arange(count)
        if self.supports == "redrawn":
            # a listed shot that is not drawn is as good a test as any other image of a novel class
            test, order = torch.arange(len(x)), torch.from_numpy(generator(seed, "supports").permutation(len(x)))
        shot = []
        for label in all_.shot_labels.unique():
            rows = order[labels[order] == label]
            most = len(rows) - (self.supports == "redrawn")
            if self.shots > most:
                raise InsituError(f"shots is at most {most}, as class {int(label)} has no more; got {self.shots}")
            shot.append(rows[: self.shots])
        chosen = torch.cat(shot)
        return x, labels, chosen, test[~torch.isin(test, chosen)]


@lru_cache(maxsize=2)
def _listed_sessions(scenario: FewShotSessions, all_: Embedded) -> tuple[Session, ...]:
    """Return the sessions of the published lists as the same tensors every time, so that a learner knows them again."""
    return tuple(scenario._sessions(all_, 0))
