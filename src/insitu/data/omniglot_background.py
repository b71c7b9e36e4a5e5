"""Omniglot in its official halves: 964 background characters to train, each of 659 evaluation characters a new class.

The split of Lake et al. (2015), on which few-shot learners are measured. Own choice: only the first 14 drawings of a
background character are read, as of a base character of ``omniglot``, and none of them is a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from insitu.core import InsituError
from insitu.data import Archive, DataSet, FewShotImages
from insitu.data.files import omniglot_files
from insitu.data.omniglot import Omniglot

SHOTS = 10  # first drawings of an evaluation character that are for learning; the other ten are the test


@dataclass(frozen=True)
class OmniglotBackground(DataSet):
    """Background characters as the base, then evaluation characters one after the other, in the official order."""

    source: Path | None = None  # packed file, or folder with the two official archives; by default it is searched for
    base_train: int = 14  # drawings of a background character for training, of 20

    origin: ClassVar[str] = "B. M. Lake et al. 2015, https://github.com/brendenlake/omniglot"
    terms: ClassVar[str] = Omniglot.terms
    archives: ClassVar[tuple[Archive, ...]] = Omniglot.archives
    layouts: ClassVar[tuple[tuple[str, ...], ...]] = Omniglot.layouts
    verified: ClassVar[str] = Omniglot.verified

    def __post_init__(self) -> None:
        if not 1 <= self.base_train <= omniglot_files.DRAWINGS:
            raise InsituError(f"base_train goes from 1 to {omniglot_files.DRAWINGS}; got {self.base_train}")

    def read(self) -> FewShotImages:
        """Return the characters; see ``DataSet.read``. Every evaluation character is a session of its own."""
        drawings = Omniglot(self.source).drawings()
        images, background = drawings.images, drawings.background
        place = np.arange(len(images)) % omniglot_files.DRAWINGS  # of a drawing among those of its character
        old = background[images.labels]
        train = images.take(np.where(old, place < self.base_train, place < SHOTS))
        session = np.where(background, 0, np.cumsum(~background))[train.labels]
        return FewShotImages(train, session, images.take(~old & (place >= SHOTS)), drawings.verified)
