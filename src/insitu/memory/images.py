"""Images for a trained backbone as the journal holds them, and the base classes that its space is fitted to."""

from __future__ import annotations

import zipfile
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from insitu.backbones import encoding, trained
from insitu.core import InsituError
from insitu.encoders.trained_backbone import TrainedBackbone
from insitu.protocols import Examples
from insitu.protocols.few_shot_sessions import FewShotBase

SMALLEST = 2  # pixels per side that can still be resized


def as_images(encoder: TrainedBackbone, x: Any) -> NDArray[np.uint8]:
    """Return items as images (n, h, w, c) uint8: an array of them as it is, others at the size of the backbone."""
    if isinstance(x, list) and all(isinstance(each, np.ndarray) for each in x):
        x = np.stack(x) if len({(each.shape, each.dtype) for each in x}) == 1 else x
    if not isinstance(x, np.ndarray | torch.Tensor):
        return encoder.prepared(x)
    return checked(np.asarray(x))


def checked(images: NDArray[Any]) -> NDArray[np.uint8]:
    """Return images as (n, h, w, c) uint8; raise ``InsituError`` where they are not (n, h, w) or (n, h, w, c)."""
    channels = images.shape[3] if images.ndim == 4 else 1
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or channels not in (1, 3) or not len(images):
        raise InsituError(
            f"with a backbone, an array X is at least one image, uint8, (n, h, w) or (n, h, w, c) with c 1 or 3; "
            f"got {images.dtype} of shape {images.shape}"
        )
    if min(images.shape[1:3]) < SMALLEST:
        raise InsituError(f"images have at least {SMALLEST} pixels per side; got {images.shape[1:3]}")
    return images.reshape(*images.shape[:3], channels)


@cache
def base(encoder: TrainedBackbone) -> FewShotBase | None:
    """Return the base classes that ship with a backbone, or None where only its weights do."""
    file = trained.FOLDER / f"{encoder.name}.embeddings.npz"
    if not file.exists():
        return None
    try:
        with np.load(file) as archive:
            means = torch.from_numpy(archive["means"].astype(np.float32))
            x = torch.from_numpy(encoding.restored(archive["examples"], means.shape[1]))
            labels = torch.from_numpy(archive["example_labels"].astype(np.int64))
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise InsituError(f"{file} is damaged ({error}); reinstall the package") from error
    return FewShotBase(means, Examples(x, labels), *encoder.last_layer())
