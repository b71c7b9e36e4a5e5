"""A data set as packed 1-bit latents of a frozen binary backbone, and as its features: shipped, or encoded here.

Next to the weights of backbone NAME are NAME.calibration.npz, latents of some images of its pretraining, and, for a
data set that ships, DATA.latents.npz, latents of a part of its images. ``ship`` and ``calibrate`` write them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from insitu import catalog
from insitu.backbones import trained, weights_file
from insitu.backbones.binary.frozen import Frozen
from insitu.backbones.inputs import to_batch
from insitu.core import InsituError, cache_folder, generator
from insitu.data import Images
from insitu.protocols.class_stream import StreamBase
from insitu.scenarios import array_files
from insitu.scenarios.array_files import Arrays
from insitu.scenarios.checks import check_data

BATCH = 250
CALIBRATION = 256  # by default, images of the pretraining whose latents ship with the weights


@dataclass(frozen=True, eq=False)
class Encoded:
    """A data set without its images: latents (n, bytes) uint8 or features (n, features) float16, with labels (n,)."""

    train: NDArray[Any]
    train_labels: NDArray[np.int64]
    test: NDArray[Any]
    test_labels: NDArray[np.int64]
    note: str  # one sentence on which data it is
    verified: str  # what was not verified; empty where all was

    @property
    def classes(self) -> int:
        """Number of classes, which are 0 to classes - 1."""
        return int(self.train_labels.max()) + 1


network = cache(weights_file.load)  # of a stem


def encode(pixels: NDArray[np.uint8], network: Frozen, size: int) -> NDArray[np.uint8]:
    """Encode images (n, h, w, 3) uint8, resized to ``size``, as packed latents (n, bytes) uint8."""
    starts = range(0, len(pixels), BATCH)
    return np.concatenate([network.packed(to_batch(pixels[start : start + BATCH], size)) for start in starts])


def base(stem: Path) -> StreamBase:
    """Return the base of a class stream: the backbone's tail, and features of its pretraining."""
    frozen, card, _ = network(stem)
    arrays = array_files.made_by(stem, _calibration_file(stem), ("latents",))
    size = int(card["image_size"])
    channels, height, width = frozen.latent(torch.zeros(1, frozen.record.channels, size, size)).shape[1:]
    calibration = frozen.from_latent(arrays["latents"])
    return StreamBase(frozen.tail, (channels, height, width), calibration.shape[1], calibration)


@cache
def latents(data_set: str, stem: Path, data: str) -> Encoded:
    """Return a data set's latents: those that ship (``package``), or of its images (``images``), which are cached."""
    check_data(data)
    _, card, _ = network(stem)
    if data == "images":
        made = f"{data_set}-{card['image_size']}-{weights_file.fingerprint(stem)}.latents"
        arrays = _cached(made, lambda: _encoded(data_set, stem))
        note = f"images of {data_set}, encoded here by the backbone {stem.name}"
    else:
        file = trained.FOLDER / f"{data_set}.latents.npz"
        if not file.exists():
            raise InsituError(f"no latents of {data_set} come with the package; get the images and use --data images")
        arrays = array_files.made_by(stem, file, ("train", "train_labels", "test", "test_labels", "verified"))
        counts = [np.bincount(arrays[key]).max() for key in ("train_labels", "test_labels")]
        note = (
            f"1-bit latents of {data_set} that come with the package, made by the backbone {stem.name}, of "
            f"{counts[0]} training and {counts[1]} test images a class"
        )
    labels = {key: arrays[key].astype(np.int64) for key in ("train_labels", "test_labels")}
    return Encoded(train=arrays["train"], test=arrays["test"], **labels, note=note, verified=str(arrays["verified"]))


@cache
def features(data_set: str, stem: Path, data: str) -> Encoded:
    """Return a data set's features, the outputs of the backbone's tail for its latents; they are cached."""
    bits = latents(data_set, stem, data)
    frozen, card, _ = network(stem)

    def through_tail(packed: NDArray[np.uint8]) -> NDArray[np.float16]:
        parts = [frozen.from_latent(packed[start : start + BATCH]) for start in range(0, len(packed), BATCH)]
        return torch.cat(parts).half().numpy()

    content = hashlib.blake2b(bits.train.tobytes(), digest_size=6).hexdigest()
    made = f"{data_set}-{card['image_size']}-{weights_file.fingerprint(stem)}-{content}-float64.features"
    arrays = _cached(made, lambda: {"train": through_tail(bits.train), "test": through_tail(bits.test)})
    return replace(bits, train=arrays["train"], test=arrays["test"])


def ship(data_set: str, stem: Path, train: int, test: int) -> Path:
    """Write DATA.latents.npz next to the weights, with latents of ``train`` and ``test`` drawn images of each class."""
    all_ = latents(data_set, stem, "images")

    def drawn(labels: NDArray[np.int64], each: int, part: str) -> NDArray[np.int64]:
        draw = generator(0, "latents", data_set, part)
        rows = [np.sort(draw.permutation(np.flatnonzero(labels == c))[:each]) for c in range(all_.classes)]
        return np.concatenate(rows)

    rows = drawn(all_.train_labels, train, "train")
    test_rows = drawn(all_.test_labels, test, "test")
    arrays = {
        "train": all_.train[rows],
        "train_labels": all_.train_labels[rows].astype(np.int16),
        "test": all_.test[test_rows],
        "test_labels": all_.test_labels[test_rows].astype(np.int16),
        "verified": np.array(all_.verified),
        "weights": np.array(weights_file.fingerprint(stem)),
    }
    return array_files.write(stem.with_name(f"{data_set}.latents.npz"), arrays)


def calibrate(stem: Path, images: Images, count: int = CALIBRATION) -> Path:
    """Write latents of ``count`` of the ``images`` of the pretraining next to the weights."""
    frozen, card, _ = network(stem)
    rows = np.sort(generator(0, "calibration").permutation(len(images))[:count])
    made = encode(images.pixels[rows], frozen, int(card["image_size"]))
    return array_files.write(
        _calibration_file(stem), {"latents": made, "weights": np.array(weights_file.fingerprint(stem))}
    )


def _encoded(data_set: str, stem: Path) -> Arrays:
    frozen, card, _ = network(stem)
    images = catalog.load(catalog.find(data_set, "data"))().read()
    train, test = images.base()
    size = int(card["image_size"])
    return {
        "train": encode(train.pixels, frozen, size),
        "train_labels": train.labels,
        "test": encode(test.pixels, frozen, size),
        "test_labels": test.labels,
        "verified": np.array(images.verified),
    }


def _cached(name: str, make: Callable[[], Arrays]) -> Arrays:
    file = cache_folder() / "embeddings" / f"{name}.npz"
    if not file.exists():
        array_files.write(file, make())
    return array_files.read(file)


def _calibration_file(stem: Path) -> Path:
    return stem.with_name(f"{stem.name}.calibration.npz")
