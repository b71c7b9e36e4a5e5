"""CIFAR-10: ten classes of 32 x 32 colour images, 5000 for training and 1000 for the test of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.data import Archive, DataSet, FewShotImages, Images, cache, decoding, paths
from insitu.data.files.bundles import Bundle, all_files, damage_named, open_bundle
from insitu.data.files.pickles import plain

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIDE = 32
TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))

Part = tuple[NDArray[np.uint8], NDArray[np.int64]]  # images (n, 32, 32, 3) and their labels


@dataclass(frozen=True)
class Cifar10(DataSet):
    """Ten classes of 32 x 32 colour images in a plain split of 50 000 training and 10 000 test images.

    The official archive ``cifar-10-python.tar.gz``, the folder it holds (``data_batch_1`` to ``_5``, ``test_batch``,
    ``batches.meta``), or JPEG copies of the images at ``train/<class>/<name>.jpg`` and ``test/<class>/<name>.jpg``, a
    folder or an archive. JPEG loses detail, which ``verified`` then states. Classes are in the official order.
    """

    source: Path | None = None  # archive or folder; by default it is searched for

    origin: ClassVar[str] = "A. Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html"
    terms: ClassVar[str] = "free for research; cite Krizhevsky 2009"
    archives: ClassVar[tuple[Archive, ...]] = (
        Archive(
            "cifar-10-python.tar.gz",
            "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            "md5:c58f30108f718f92721af3d95e74349a",
            170_498_071,
        ),
    )
    layouts: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("cifar-10-python.tar.gz",),
        ("cifar-10-batches-py",),
        ("cifar10_jpeg.tar.xz",),
        ("cifar10_jpeg",),
    )
    verified: ClassVar[str] = "CIFAR-10: the JPEG copy is verified, the official archive is not"
    lossy: ClassVar[str] = "CIFAR-10 from a JPEG copy: lossy, not the original pixels"

    def read(self) -> FewShotImages:
        """Return the images as a plain split; see ``DataSet.read``."""
        source = self.source or paths.find("cifar10", self.layouts)[0]
        arrays = cache.arrays(source, "cifar10", lambda: _decoded(source))
        return FewShotImages.split(
            Images(arrays["train_pixels"], arrays["train_labels"], NAMES),
            Images(arrays["test_pixels"], arrays["test_labels"], NAMES),
            self.lossy if arrays["lossy"] else self.verified,
        )


def _decoded(source: Path) -> dict[str, NDArray[np.generic]]:
    with open_bundle(source) as bundle:
        lossy = not any(f"/{name}".endswith("/batches.meta") for name in bundle.names)
        train, test = _jpegs(bundle) if lossy else _pickles(bundle)
    return {
        "train_pixels": train[0],
        "train_labels": train[1],
        "test_pixels": test[0],
        "test_labels": test[1],
        "lossy": np.array(lossy),
    }


def _pickles(bundle: Bundle) -> tuple[Part, Part]:
    """Return training and test part of the official archive."""
    bundle.enter("batches.meta")
    with damage_named(f"batches.meta in {bundle.path}"):
        names = tuple(str(name) for name in plain(bundle.read("batches.meta"))["label_names"])
    if names != NAMES:
        raise InsituError(f"batches.meta in {bundle.path} names the classes {', '.join(names)}; get the archive again")
    parts = [_batch(bundle, name) for name in TRAIN]
    return (np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])), _batch(
        bundle, "test_batch"
    )


def _batch(bundle: Bundle, name: str) -> Part:
    data = bundle.read(name)
    with damage_named(f"{name} in {bundle.path}"):
        entry: dict[str, Any] = plain(data)
        planes, labels = np.asarray(entry["data"]), np.array(entry["labels"], np.int64)
        if planes.dtype != np.uint8 or planes.shape != (len(labels), 3 * SIDE * SIDE):
            raise ValueError(f"data is {planes.shape} of {planes.dtype} for {len(labels)} labels")
        if not len(labels) or not 0 <= labels.min() <= labels.max() < len(NAMES):
            raise ValueError(f"its images are not of the {len(NAMES)} classes")
    return np.ascontiguousarray(planes.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)), labels


def _jpegs(bundle: Bundle) -> tuple[Part, Part]:
    """Return training and test part of folders of images, one folder per class, in the order of names."""
    found: dict[str, dict[str, NDArray[np.uint8]]] = {"train": {}, "test": {}}
    for name, data in all_files(bundle, ".jpg"):
        pieces = name.split("/")[-3:]
        if len(pieces) == 3 and pieces[0] in found and pieces[1] in NAMES:
            image = decoding.pixels(data, f"{name} in {bundle.path}", "RGB")
            if image.shape != (SIDE, SIDE, 3):
                raise InsituError(
                    f"{name} in {bundle.path} is {image.shape[1]} x {image.shape[0]} pixels; images of this data set "
                    f"are {SIDE} x {SIDE}: get it again"
                )
            found[pieces[0]]["/".join(pieces[1:])] = image
    return _part(bundle, "train", found["train"]), _part(bundle, "test", found["test"])


def _part(bundle: Bundle, name: str, images: dict[str, NDArray[np.uint8]]) -> Part:
    files = sorted(images)  # class names are in alphabetical order, which is the official one
    missing = [label for label in NAMES if not any(file.startswith(f"{label}/") for file in files)]
    if missing:
        raise InsituError(
            f"{bundle.path} holds no {name}/{missing[0]}/<name>.jpg, and no batches.meta; check that it is the "
            "complete official archive or a JPEG copy, or get it again"
        )
    return np.stack([images[file] for file in files]), np.array([NAMES.index(f.split("/")[0]) for f in files], np.int64)
