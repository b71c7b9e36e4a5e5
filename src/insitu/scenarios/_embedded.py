"""A few-shot data set as vectors: shipped with the package, or encoded here from the images by the shipped backbone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from insitu import catalog
from insitu.backbones import _shipped
from insitu.core import InsituError, generator, write_whole
from insitu.data import FewShotImages, paths

EXAMPLES = 20  # per base class, kept beside the means


@dataclass(frozen=True)
class Embedded:
    """Activations (n, features) float32 of a data set: class means and examples of the base, shots, tests."""

    means: Tensor  # (base classes, features), over all base images
    examples: Tensor
    example_labels: Tensor
    shots: Tensor
    shot_labels: Tensor
    shot_sessions: Tensor
    test: Tensor
    test_labels: Tensor
    weight: Tensor  # (dim, features), the backbone's last linear layer
    bias: Tensor
    note: str  # which data, in one sentence


def encode(images: FewShotImages, stem: Path, examples: int = EXAMPLES) -> dict[str, NDArray[np.generic]]:
    """Encode a data set by the backbone at ``stem`` and return the arrays that make an ``Embedded``."""
    network, card = _shipped.load(stem)
    size = int(card["image_size"])
    base = np.flatnonzero(images.session == 0)
    labels = images.train.labels[base]
    activations = _shipped.features(network, images.train.pixels[base], size).float().numpy()
    classes = int(labels.max()) + 1
    draw = generator(0, "examples")
    chosen = np.concatenate(
        [np.sort(draw.permutation(np.flatnonzero(labels == c))[:examples]) for c in range(classes)]
    )
    shots = np.flatnonzero(images.session > 0)
    return {
        "means": np.stack([activations[labels == c].mean(0) for c in range(classes)]).astype(np.float16),
        "examples": activations[chosen].astype(np.float16),
        "example_labels": labels[chosen].astype(np.int16),
        "shots": _shipped.features(network, images.train.pixels[shots], size).numpy(),
        "shot_labels": images.train.labels[shots].astype(np.int16),
        "shot_sessions": images.session[shots].astype(np.int16),
        "test": _shipped.features(network, images.test.pixels, size).numpy(),
        "test_labels": images.test.labels.astype(np.int16),
    }


@cache
def load(name: str, data: str) -> Embedded:
    """Return data set ``name`` as vectors: ``data`` is ``package`` or ``images``; encodings of images are cached."""
    stem = _shipped.FOLDER / name
    if data == "package":
        file = _shipped.FOLDER / f"{name}.embeddings.npz"
        if not file.exists():
            raise InsituError(f"no embeddings of {name} come with the package; get the images and use --data images")
        arrays, note = _read(file), f"embeddings of {name} that come with the package, made by the shipped backbone"
    elif data == "images":
        images = catalog.load("data", name)().read()
        file = paths.cache_folder() / "embeddings" / f"{name}-{_shipped.fingerprint(stem)}.npz"
        if not file.exists():
            arrays = encode(images, stem)
            write_whole(file, lambda path: write(path, arrays))
        arrays, note = _read(file), f"images of {name}, encoded here by the shipped backbone"
    else:
        raise InsituError(f"data is 'package' or 'images'; got {data!r}")
    network, _ = _shipped.load(stem)
    tensors = {
        key: torch.from_numpy(value).to(torch.float32 if value.dtype == np.float16 else torch.int64)
        for key, value in arrays.items()
    }
    return Embedded(
        **tensors, weight=network.project.weight.detach(), bias=network.project.bias.detach(), note=note
    )


def write(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def _read(file: Path) -> dict[str, NDArray[np.generic]]:
    try:
        with np.load(file) as archive:
            return dict(archive)
    except (OSError, ValueError, EOFError) as error:
        raise InsituError(f"{file} is damaged ({error}); delete it and run again, or reinstall the package") from error
