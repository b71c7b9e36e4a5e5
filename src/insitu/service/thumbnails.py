"""Small pictures of examples, to be shown on the page: 96 pixels and 8 KiB at most."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from insitu.memory.pictures import LARGEST

SIDE = 96  # pixels
HEIGHT = 48  # of the picture of a sound
QUALITIES = (80, 50, 20)  # of a JPEG; noise does not fit with the first


def of_image(image: NDArray[np.uint8]) -> bytes:
    """Return an image (h, w, c), reduced, as the content of a file: PNG where it is grey, else JPEG."""
    small = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    small.thumbnail((SIDE, SIDE))
    if small.mode == "L":
        return _saved(small, "PNG", optimize=True)
    return next(data for quality in QUALITIES if len(data := _saved(small, "JPEG", quality=quality)) <= LARGEST)


def of_sound(samples: NDArray[np.floating]) -> bytes:
    """Return the envelope of a recording (n,), black on white, as the content of a PNG file."""
    loudest = np.array([np.abs(part).max(initial=0) for part in np.array_split(samples, SIDE)])
    half = np.maximum(1, loudest / max(float(loudest.max()), 1e-9) * HEIGHT / 2)
    distance = np.abs(np.arange(HEIGHT) + 0.5 - HEIGHT / 2)[:, None]
    return _saved(Image.fromarray(np.where(distance <= half, 0, 255).astype(np.uint8)), "PNG", optimize=True)


def data_url(picture: bytes | NDArray[np.uint8] | None) -> str | None:
    """Return a picture as it is stored, or an image (h, w, c), as a data URL."""
    if picture is None:
        return None
    data = picture if isinstance(picture, bytes) else of_image(picture)
    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()
