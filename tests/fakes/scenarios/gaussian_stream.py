"""Classes that are Gaussian blobs: a few old ones, then sessions of two new ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch

from insitu.protocols import Examples, Protocol, Session, few_shot_sessions
from insitu.protocols.few_shot_sessions import FewShotBase
from insitu.scenarios import Scenario


@dataclass(frozen=True)
class GaussianStream(Scenario[FewShotBase]):
    """Blobs."""

    protocol: ClassVar[Protocol] = few_shot_sessions.PROTOCOL

    old: int = 4  # classes
    steps: int = 2  # sessions after the first
    width: float = 0.6  # of a blob

    def _draw(self, labels: torch.Tensor, seed: int) -> Examples:
        draw = torch.Generator().manual_seed(seed)
        centres = torch.randn(200, 8, generator=torch.Generator().manual_seed(1))
        return Examples(centres[labels] + self.width * torch.randn(len(labels), 8, generator=draw), labels)

    def base(self, data: str) -> FewShotBase:
        examples = self._draw(torch.arange(self.old).repeat_interleave(5), 2)
        means = examples.x.view(self.old, 5, 8).mean(1)
        return FewShotBase(means, examples, torch.eye(8), torch.zeros(8))

    def sessions(self, data: str, seed: int) -> Iterator[Session]:
        for number in range(self.steps + 1):
            known = self.old + 2 * number
            new = torch.arange(known - 2, known).repeat_interleave(5)
            train = self._draw(new, seed * 10 + number) if number else None
            test = self._draw(torch.arange(known).repeat_interleave(20), 77)
            yield Session(number, number * 3600.0, train, test, self.old)

    def describe(self, data: str) -> str:
        return f"Gaussian blobs, drawn here ({data})"
