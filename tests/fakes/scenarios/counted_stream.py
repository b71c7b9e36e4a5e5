"""The blobs of a Gaussian stream, with wrong answers counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from insitu.protocols.counted_sessions import PROTOCOL
from insitu.scenarios.gaussian_stream import GaussianStream

from insitu.protocols import Protocol


@dataclass(frozen=True)
class CountedStream(GaussianStream):
    """Blobs, counted."""

    protocol: ClassVar[Protocol] = PROTOCOL
