"""Omniglot: 20 drawings each of 1623 characters of 50 alphabets (1200 base + 9 x 47 novel classes, 105 x 105)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.data import Archive, DataSet, FewShotImages, Images, cache, paths, shot_lists
from insitu.data.files import omniglot_files

BASE = 1200
_URL = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python/"


@dataclass(frozen=True)
class Drawings:
    """All drawings in the order of characters, 20 of each in a row; ``background`` marks the background set."""

    images: Images  # paper is 255, ink is 0; names are alphabet/character
    background: NDArray[np.bool_]  # (classes,)
    verified: str = ""  # empty, or what was not verified


@dataclass(frozen=True)
class Omniglot(DataSet):
    """1200 base characters, then 9 sessions x 47 new ones x 5 shots, as published with C-FSCIL (Hersche et al. 2022).

    Base characters are numbers 1 to 1200: the first ``base_train`` drawings (14 as published) are for training, the
    rest are the test. Shots are the published ones. Of a novel character all 15 other drawings are the test; the
    published test takes 6 of them. Read from the official folders or zips, or from one packed file.
    """

    source: Path | None = None  # packed file, or folder with the two official archives; by default it is searched for
    base_train: int = 14  # drawings of a base character for training, of 20

    few_shot: ClassVar[bool] = True
    origin: ClassVar[str] = (
        "B. M. Lake et al. 2015, https://github.com/brendenlake/omniglot; lists by Hersche et al. 2022"
    )
    terms: ClassVar[str] = "MIT licence (B. M. Lake); cite Lake et al., Science 350 (2015)"
    archives: ClassVar[tuple[Archive, ...]] = (
        Archive(
            "images_background.zip", f"{_URL}images_background.zip", "md5:68d2efa1b9178cc56df9314c21c6e718", 9_464_212
        ),
        Archive(
            "images_evaluation.zip", f"{_URL}images_evaluation.zip", "md5:6b91aef0f799c5bb55b94e3f2daec811", 6_462_886
        ),
    )
    layouts: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("omniglot105_packed.npz",),
        ("images_background.zip", "images_evaluation.zip"),
        ("images_background", "images_evaluation"),
    )
    verified: ClassVar[str] = "Omniglot: the packed file is verified, the two official archives are not"

    def __post_init__(self) -> None:
        if not 1 <= self.base_train < omniglot_files.DRAWINGS:
            raise InsituError(f"base_train goes from 1 to {omniglot_files.DRAWINGS - 1}; got {self.base_train}")

    def read(self) -> FewShotImages:
        """Return the benchmark; see ``DataSet.read``. Novel classes are numbered in the order of the lists."""
        read = self.drawings()
        drawings = read.images
        count = omniglot_files.DRAWINGS
        listed = shot_lists.rows("omniglot")  # session, character from 1, five drawings from 1
        order = np.concatenate([np.arange(BASE), listed[:, 1] - 1])  # character of each class
        session = np.concatenate([np.zeros(BASE, np.int64), listed[:, 0]])
        is_train = np.zeros((len(order), count), bool)
        is_train[:BASE, : self.base_train] = True
        is_train[np.arange(BASE, len(order))[:, None], listed[:, 2:] - 1] = True
        names = tuple(drawings.names[character] for character in order)

        def images(mask: NDArray[np.bool_]) -> Images:
            label, drawing = np.nonzero(mask)
            return Images(np.asarray(drawings.pixels)[order[label] * count + drawing], label, names)

        return FewShotImages(images(is_train), session[np.nonzero(is_train)[0]], images(~is_train), read.verified)

    def drawings(self) -> Drawings:
        """Return all 32 460 drawings, for protocols of your own."""
        found = self._found()
        decode = omniglot_files.packed if len(found) == 1 else omniglot_files.official
        arrays = cache.arrays(found, f"omniglot-{omniglot_files.SIDE}", lambda: decode(*found))
        names = tuple(str(name) for name in arrays["names"])
        labels = np.arange(len(names)).repeat(omniglot_files.DRAWINGS)
        verified = "" if len(found) == 1 else self.verified
        return Drawings(Images(arrays["pixels"], labels, names), np.asarray(arrays["background"]), verified)

    def _found(self) -> tuple[Path, ...]:
        if self.source is not None and self.source.is_file():
            return (self.source,)
        return paths.find("omniglot", self.layouts, None if self.source is None else [self.source])
