"""CIFAR-100 with the published few-shot class-incremental lists (60 base + 8 x 5 novel classes, 32 x 32)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.data import Archive, DataSet, FewShotImages, Images, cache, paths, shot_lists
from insitu.data.files.bundles import Bundle, damage_named, open_bundle
from insitu.data.files.pickles import plain

CLASSES, BASE, PER_SESSION, SHOTS = 100, 60, 5, 5


@dataclass(frozen=True)
class Cifar100(DataSet):
    """100 classes of 32 x 32 colour images: 60 base classes x 500, 8 sessions x 5 classes x 5 shots, 100 tests a class.

    The official archive ``cifar-100-python.tar.gz``, or the folder it holds (``train``, ``test``, ``meta``). Classes
    are in the archive's order: 0 to 59 are the base, and each session takes the next five.
    """

    source: Path | None = None  # archive or folder; by default it is searched for

    few_shot: ClassVar[bool] = True
    origin: ClassVar[str] = (
        "A. Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html; few-shot lists by Tao et al."
    )
    terms: ClassVar[str] = "free for research; cite Krizhevsky 2009 and, for the lists, Tao et al. 2020"
    archives: ClassVar[tuple[Archive, ...]] = (
        Archive(
            "cifar-100-python.tar.gz",
            "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
            "md5:eb9058c3a382ffc7106e4002c42a8d85",
            169_001_437,
        ),
    )
    layouts: ClassVar[tuple[tuple[str, ...], ...]] = (("cifar-100-python.tar.gz",), ("cifar-100-python",))
    verified: ClassVar[str] = "CIFAR-100: not verified on the real archive, only on small ones of the same format"

    def read(self) -> FewShotImages:
        """Return the benchmark; see ``DataSet.read``."""
        source = self.source or paths.find("cifar100", self.layouts)[0]
        arrays = cache.arrays(source, "cifar100-fscil", lambda: _decoded(source))
        names = tuple(str(name) for name in arrays["names"])
        return FewShotImages(
            train=Images(arrays["train_pixels"], arrays["train_labels"], names),
            session=arrays["train_session"],
            test=Images(arrays["test_pixels"], arrays["test_labels"], names),
            verified=self.verified,
        )


def _decoded(source: Path) -> dict[str, NDArray[np.generic]]:
    with open_bundle(source) as bundle:
        bundle.enter("train")
        pixels, labels = _part(bundle, "train")
        test_pixels, test_labels = _part(bundle, "test")
        with damage_named(f"meta in {source}"):
            names = [str(name) for name in plain(bundle.read("meta"))["fine_label_names"]]
    if len(names) != CLASSES:
        raise InsituError(f"meta in {source} names {len(names)} classes, not {CLASSES}; get the archive again")
    shots = shot_lists.rows("cifar100")  # (session, shot): positions in the training part
    sessions = 1 + np.arange(len(shots)).repeat(shots.shape[1])
    lowest_class = BASE + (sessions - 1) * PER_SESSION
    for row, lowest in zip(shots.ravel(), lowest_class, strict=True):
        if row >= len(labels) or not lowest <= labels[row] < lowest + PER_SESSION:
            raise InsituError(
                f"{source}: training image {row} is not of the class that the lists name; get the archive again"
            )
    base = np.flatnonzero(labels < BASE)
    train = np.concatenate([base, shots.ravel()])
    return {
        "names": np.array(names),
        "train_pixels": pixels[train],
        "train_labels": labels[train],
        "train_session": np.concatenate([np.zeros(len(base), np.int64), sessions]),
        "test_pixels": test_pixels,
        "test_labels": test_labels,
    }


def _part(bundle: Bundle, name: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the images (n, 32, 32, 3) and the labels of ``train`` or ``test``."""
    data = bundle.read(name)
    with damage_named(f"{name} in {bundle.path}"):
        entry: dict[str, Any] = plain(data)
        planes, labels = np.asarray(entry["data"]), np.array(entry["fine_labels"], np.int64)
        if planes.dtype != np.uint8 or planes.shape != (len(labels), 3072):
            raise ValueError(f"data is {planes.shape} of {planes.dtype} for {len(labels)} labels")
        if not np.array_equal(np.unique(labels), np.arange(CLASSES)):
            raise ValueError(f"its images are not of the {CLASSES} classes")
    return np.ascontiguousarray(planes.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)), labels
