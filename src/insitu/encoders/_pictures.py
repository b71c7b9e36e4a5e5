"""One picture as pixels, whatever it came as, and at the size that a network takes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from insitu.core import InsituError
from insitu.data import decoding

SMALLEST = 2  # pixels per side that can still be resized
GREY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
Pixels = NDArray[np.uint8]
Scale = tuple[float, ...] | None


def pixels(item: Any) -> Pixels:
    """Return a picture (h, w, c) uint8 with c 1 or 3: from the content of a file, a Pillow image or an array."""
    if isinstance(item, bytes | Image.Image):
        try:
            image = decoding.picture(item) if isinstance(item, bytes) else decoding.upright(item)
        except decoding.TooLargeError as error:
            raise InsituError(f"it is too large: {error}") from error
        except decoding.UnreadableError as error:
            raise InsituError(f"it is not a readable picture ({error}); replace it or remove it") from error
        return checked(np.asarray(image))
    return checked(item)


def checked(array: Any) -> Pixels:
    """Return an array (h, w) or (h, w, c) as a picture; raise ``InsituError`` where it is none."""
    found = np.asarray(array)
    channels = found.shape[2] if found.ndim == 3 else 1
    if found.dtype != np.uint8 or found.ndim not in (2, 3) or channels not in (1, 3):
        raise InsituError(
            f"a picture is a file, a Pillow image, or an array uint8 (h, w) or (h, w, c) with c 1 or 3; "
            f"got {found.dtype} of shape {found.shape}"
        )
    if min(found.shape[:2]) < SMALLEST:
        raise InsituError(f"a picture has at least {SMALLEST} pixels per side; got {found.shape[:2]}")
    out: Pixels = found.reshape(*found.shape[:2], channels)
    return out


def with_channels(images: Pixels, channels: int) -> Pixels:
    """Return pictures (..., c) as grey (1) or colour (3)."""
    if channels == 1 and images.shape[-1] == 3:
        grey: Pixels = np.rint(images.astype(np.float32) @ GREY).astype(np.uint8)[..., None]
        return grey
    return images.repeat(3, axis=-1) if channels == 3 and images.shape[-1] == 1 else images


def middle(picture: Pixels, size: tuple[int, int]) -> Pixels:
    """Return the middle of a picture (h, w, c), as large as its shape allows, scaled to ``size`` (height, width)."""
    image = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
    scaled = ImageOps.fit(image, size[::-1], Image.Resampling.BICUBIC)
    return np.asarray(scaled).reshape(*size, -1)


def check_scale(mean: Scale, std: Scale) -> None:
    """Raise ``InsituError`` where mean and std cannot scale pixels."""
    if (mean is None) != (std is None):
        raise InsituError("mean and std go together; give both or none")
    if std is not None and (not std or not all(each > 0 for each in std)):
        raise InsituError(f"std is above 0, one number for each channel; got {std}")


def scaled(batch: Pixels, mean: tuple[float, ...], std: tuple[float, ...]) -> NDArray[np.float32]:
    """Return pixels (n, h, w, c) less ``mean``, divided by ``std``: one number of each, or one for each channel."""
    if not {len(mean), len(std)} <= {1, batch.shape[3]}:
        raise InsituError(f"mean and std have {batch.shape[3]} numbers, one for each channel; got {mean} and {std}")
    out = (batch.astype(np.float32) - np.array(mean, np.float32)) / np.array(std, np.float32)
    return np.asarray(out, np.float32)
