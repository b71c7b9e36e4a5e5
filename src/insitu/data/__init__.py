"""Real data sets read from their official layouts; nothing else in insitu knows about files of images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError


@dataclass(frozen=True)
class Images:
    """Decoded images and their class numbers, held as one array.

    ``pixels`` is (n, height, width, channels) uint8, ``labels`` is (n,) int64, ``names[c]`` is the name of class ``c``.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.pixels.ndim != 4 or self.pixels.dtype != np.uint8:
            raise InsituError(
                f"images are (n, height, width, channels) of uint8; got {self.pixels.shape} of {self.pixels.dtype}"
            )
        if self.labels.shape != (len(self.pixels),):
            raise InsituError(f"{len(self.pixels)} images need as many labels; got shape {self.labels.shape}")

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Images:
        """Return the images at ``rows`` (indices or a mask), in that order."""
        return replace(self, pixels=self.pixels[rows], labels=self.labels[rows])


@dataclass(frozen=True)
class FewShotImages:
    """All images of a few-shot class-incremental benchmark, or a plain split: a base without further sessions.

    ``session[i]`` is 0 where ``train`` image i is a base image, and s where it is a shot of session s. A class belongs
    to one session, and class numbers rise with it: base classes first, then those of session 1, and so on.
    ``verified`` is empty, or states what was not verified: repeat it next to any number computed from these images.
    """

    train: Images
    session: NDArray[np.int64]
    test: Images
    verified: str = ""

    def __post_init__(self) -> None:
        if self.session.shape != (len(self.train),):
            raise InsituError(f"{len(self.train)} training images need as many sessions; got {self.session.shape}")
        if self.train.names != self.test.names:
            raise InsituError("training and test images carry different class names; give both the same")
        for part in (self.train, self.test):
            if len(part) and not 0 <= part.labels.min() <= part.labels.max() < len(part.names):
                raise InsituError(f"labels go from 0 to {len(part.names) - 1}, one per class name; got {part.labels}")
        classes, first, which = np.unique(self.train.labels, return_index=True, return_inverse=True)
        if np.any(self.session != self.session[first][which]):
            twice = classes[which[self.session != self.session[first][which]][0]]
            raise InsituError(f"class {twice} ({self.train.names[twice]}) is in two sessions; a class belongs to one")
        if np.any(np.diff(self.session[first]) < 0):
            raise InsituError("class numbers must rise with the session: base classes first, then those of session 1")

    @staticmethod
    def split(train: Images, test: Images, verified: str = "") -> FewShotImages:
        """Return a plain split: all classes are in the base."""
        return FewShotImages(train, np.zeros(len(train), np.int64), test, verified)

    def base(self) -> tuple[Images, Images]:
        """Return the training images of the base, and the test images of its classes."""
        train = self.train.take(np.flatnonzero(self.session == 0))
        return train, self.test.take(np.flatnonzero(np.isin(self.test.labels, train.labels)))


@dataclass(frozen=True)
class Archive:
    """One file a data set is delivered in; one without ``url`` cannot be fetched automatically."""

    name: str  # of the file on disk
    url: str = ""  # that it is downloaded from
    checksum: str = ""  # md5:... or sha256:...
    size_bytes: int | None = None  # of the download


@dataclass(frozen=True)
class DataSet(ABC):
    """A data set: a record that reads its images. ``insitu data path`` shows the class variables."""

    origin: ClassVar[str]  # authors, and where to get it
    terms: ClassVar[str]  # licence, and what to cite
    archives: ClassVar[tuple[Archive, ...]] = ()  # files that are downloaded
    layouts: ClassVar[tuple[tuple[str, ...], ...]] = ()  # forms on disk, each a tuple of names in one folder
    verified: ClassVar[str] = ""  # empty, or what was not verified
    few_shot: ClassVar[bool] = False  # whether sessions of new classes follow the base

    @abstractmethod
    def read(self) -> FewShotImages:
        """Return the images: decoded at the first call, memory-mapped afterwards.

        Raises ``InsituError`` where the data set is not found or damaged.
        """
