"""Two blobs, then sessions of one more each; every stream that starts is noted in the file that SWEEP_LOG names."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch

from insitu.core import InsituError
from insitu.protocols import Examples, Protocol, Session, few_shot_sessions
from insitu.protocols.few_shot_sessions import FewShotBase
from insitu.scenarios import Scenario


@dataclass(frozen=True)
class BlobStream(Scenario[FewShotBase]):
    """Blobs."""

    protocol: ClassVar[Protocol] = few_shot_sessions.PROTOCOL

    steps: int = 2  # sessions after the first
    pause_s: float = 0.0  # seconds before every session
    failing: int = -1  # seed that fails

    def base(self, data: str) -> FewShotBase:
        examples = _drawn(torch.arange(2).repeat_interleave(5), 2)
        return FewShotBase(examples.x.view(2, 5, 8).mean(1), examples, torch.eye(8), torch.zeros(8))

    def sessions(self, data: str, seed: int) -> Iterator[Session]:
        if self.steps > 9:
            raise InsituError(f"there are blobs for 9 steps; got {self.steps}")
        if log := os.environ.get("SWEEP_LOG"):
            with Path(log).open("a") as file:
                file.write(f"{seed}\n")
        for number in range(self.steps + 1):
            time.sleep(self.pause_s)
            if seed == self.failing and number:
                raise ValueError("this seed fails")
            train = _drawn(torch.full((5,), number + 1), 10 * seed + number) if number else None
            yield Session(number, 3600.0 * number, train, _drawn(torch.arange(number + 2).repeat(20), 77), 2)

    def describe(self, data: str) -> str:
        return f"blobs, drawn here ({data})"


def _drawn(labels: torch.Tensor, seed: int) -> Examples:
    centres = torch.randn(11, 8, generator=torch.Generator().manual_seed(1))
    noise = torch.randn(len(labels), 8, generator=torch.Generator().manual_seed(seed))
    return Examples(centres[labels] + 1.2 * noise, labels)
