"""New classes learned one after the other by a memory that starts empty, each tested with all classes before it.

By default 250 evaluation characters of Omniglot from ten drawings each, as den Blanken and Frenkel (arXiv 2505.24852)
teach them to a chip; the backbone has seen the 964 background characters alone. Every seed draws the classes, their
order, and the shots; all other images of a class are its test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from insitu.backbones import trained
from insitu.core import InsituError, generator
from insitu.protocols import Examples, Protocol, Session, few_shot_sessions
from insitu.protocols.few_shot_sessions import FewShotBase
from insitu.scenarios import Scenario
from insitu.scenarios.checks import check_data_set
from insitu.scenarios.embeddings import Embedded, load


@dataclass(frozen=True)
class OneAfterAnother(Scenario[FewShotBase]):
    """One new class per session from a few shots, starting without classes, tested on all classes seen so far."""

    protocol: ClassVar[Protocol] = few_shot_sessions.PROTOCOL

    data_set: str = "omniglot-background"  # name of a data set with classes outside the base
    backbone: str = "omniglot_background"  # name of the backbone that encodes the images, trained on the base alone
    classes: int = 250  # number of classes to learn
    shots: int = 10  # number of examples per class; all others are its test
    test_every: int = 10  # number of classes learned from one test to the next
    spacing_s: float = 3600.0  # time from one class to the next, in seconds

    def __post_init__(self) -> None:
        for name in ("classes", "shots", "test_every"):
            if getattr(self, name) < 1:
                raise InsituError(f"{name} is at least 1; got {getattr(self, name)}")
        if not 0 <= self.spacing_s < float("inf"):
            raise InsituError(f"spacing_s is 0 or more seconds, since time runs forward; got {self.spacing_s}")

    def check(self, data: str) -> None:
        """See ``Scenario.check``."""
        super().check(data)
        check_data_set(self.data_set)
        trained.check(self.backbone, "images")

    def base(self, data: str) -> FewShotBase:
        """Return class means and examples of the base classes, which the memory does not hold."""
        return self._embedded(data).base(known=False)

    def sessions(self, data: str, seed: int) -> Iterator[Session]:
        """Yield a session per class, numbered from 0 as they come; those between two tests have an empty one."""
        x, labels = self._embedded(data).novel()
        found, counts = np.unique(labels.numpy(), return_counts=True)
        if self.classes > len(found):
            raise InsituError(
                f"{self.data_set} has {len(found)} classes outside its base; got {self.classes}: take fewer"
            )
        if self.shots >= counts.min():
            raise InsituError(f"shots is at most {counts.min() - 1}, which leaves a test; got {self.shots}")
        rng = generator(seed, "classes")
        parts = list[Examples]()
        for number, label in enumerate(rng.permutation(found)[: self.classes]):
            rows = rng.permutation(np.flatnonzero(labels.numpy() == label))
            own = torch.full((len(rows),), number)
            train = Examples(x[rows[: self.shots]], own[: self.shots])
            parts.append(Examples(x[rows[self.shots :]], own[self.shots :]))
            tested = parts if (number + 1) % self.test_every == 0 or number + 1 == self.classes else []
            test = Examples(
                torch.cat([x[:0], *(part.x for part in tested)]),
                torch.cat([labels[:0], *(part.labels for part in tested)]),
            )
            yield Session(number, number * self.spacing_s, train, test)

    def describe(self, data: str) -> str:
        """See ``Scenario.describe``."""
        what = f"{self.classes} classes drawn for each seed, learned one after the other from {self.shots} shots"
        return f"{self._embedded(data).note}; {what}"

    def _embedded(self, data: str) -> Embedded:
        return load(self.backbone, self.data_set, data)
