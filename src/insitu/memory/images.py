"""Images through a shipped backbone: activations for the memory, and the base classes that its space is fitted to."""

from __future__ import annotations

import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from insitu.backbones import encoding, trained, weights_file
from insitu.core import InsituError
from insitu.protocols import Examples
from insitu.protocols.few_shot_sessions import FewShotBase

SMALLEST = 2  # pixels per side that can still be resized
GREY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def as_images(x: object) -> NDArray[np.uint8]:
    """Return images as (n, h, w, c) uint8; raise ``InsituError`` where they are not (n, h, w) or (n, h, w, c)."""
    try:
        images = np.asarray(x)
    except ValueError as error:  # images of several sizes
        sizes = sorted({np.shape(image)[:2] for image in x}) if isinstance(x, list | tuple) else []
        raise InsituError(f"images have one size; got {sizes or 'several'}; resize them first") from error
    channels = images.shape[3] if images.ndim == 4 else 1
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or channels not in (1, 3) or not len(images):
        raise InsituError(
            f"with a backbone, X is at least one image, uint8, (n, h, w) or (n, h, w, c) with c 1 or 3; "
            f"got {images.dtype} of shape {images.shape}"
        )
    if min(images.shape[1:3]) < SMALLEST:
        raise InsituError(f"images have at least {SMALLEST} pixels per side; got {images.shape[1:3]}")
    return images.reshape(*images.shape[:3], channels)


def check_name(backbone: str) -> None:
    """Raise ``InsituError`` where no backbone has this name."""
    trained.stem(backbone)


def activations(backbone: str, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the backbone's activations (n, features) for images (n, h, w, c) uint8, black on white for drawings."""
    network, card, _ = _loaded(backbone)
    wanted = int(card["record"]["channels"])
    if wanted == 1 and images.shape[3] == 3:
        images = np.rint(images.astype(np.float32) @ GREY).astype(np.uint8)[..., None]
    elif wanted == 3 and images.shape[3] == 1:
        images = images.repeat(3, axis=3)
    out: NDArray[np.float64] = (
        encoding.features(network, images, int(card["image_size"]), bool(card.get("mirror"))).double().numpy()
    )
    return out


def fingerprint(backbone: str) -> str:
    """Return a short hash of the backbone's weights: activations of other weights are not comparable."""
    return _loaded(backbone)[2]


@cache
def base(backbone: str) -> FewShotBase | None:
    """Return the base classes that ship with a backbone, or None where only its weights do."""
    file = trained.FOLDER / f"{backbone}.embeddings.npz"
    if not file.exists():
        return None
    network = _loaded(backbone)[0]
    try:
        with np.load(file) as archive:
            means = torch.from_numpy(archive["means"].astype(np.float32))
            x = torch.from_numpy(encoding.restored(archive["examples"], means.shape[1]))
            labels = torch.from_numpy(archive["example_labels"].astype(np.int64))
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise InsituError(f"{file} is damaged ({error}); reinstall the package") from error
    return FewShotBase(means, Examples(x, labels), *encoding.last_layer(network, means.shape[1]))


@cache
def _loaded(backbone: str) -> tuple[Any, dict[str, Any], str]:
    stem: Path = trained.stem(backbone)
    return (*weights_file.load(stem)[:2], weights_file.fingerprint(stem))
