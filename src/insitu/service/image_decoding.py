"""Pictures as they come from outside: data URLs, looked at before they are unpacked."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from insitu.data.files import pictures
from insitu.service.errors import Refusal
from insitu.service.limits import Limits

FORMATS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP", "gif": "GIF"}
HEAD = re.compile(r"data:image/(png|jpeg|webp|gif);base64,")
SIDE = 256  # pixels: backbones look at 48 at most, and what is taught is kept as it was given


def pixels(url: str, limits: Limits) -> tuple[NDArray[np.uint8], int]:
    """Return the picture in a data URL: (h, w), or (h, w, 3) where it has colour; see ``data.files.pictures.picture``.

    The number of its pixels before it was made smaller comes with it.

    A picture larger than ``SIDE`` is made smaller. Raises ``Refusal`` for what is no picture, or too large.
    """
    head = HEAD.match(url)
    if head is None:
        raise Refusal(422, "a picture is a data URL: data:image/png;base64,... (or jpeg, webp, gif)")
    if (len(url) - head.end()) * 3 // 4 > limits.image_bytes + 2:
        raise Refusal(413, f"a picture has at most {limits.image_bytes} bytes")
    try:
        data = base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(422, "the picture is not whole: its base64 cannot be read") from None
    kind = FORMATS[head[1]]
    try:
        image = pictures.picture(data, (kind,), limits.image_pixels)
    except pictures.TooLargeError:
        raise Refusal(413, f"a picture has at most {limits.image_pixels} pixels; make it smaller") from None
    except pictures.UnreadableError as error:
        # what a decoder says may hold what was sent
        reason = "" if error.__cause__ else f": {error}"
        raise Refusal(422, f"the picture cannot be read as {kind}{reason}") from None
    return _flat(image), image.size[0] * image.size[1]


def stacked(urls: list[str], limits: Limits) -> NDArray[np.uint8]:
    """Return pictures of one size (n, h, w, c); together they have no more pixels than one may have."""
    images, left = [], limits.image_pixels
    for url in urls:
        image, unpacked = pixels(url, replace(limits, image_pixels=left))
        images.append(image)
        left -= unpacked
    sizes = {image.shape[:2] for image in images}
    if len(sizes) > 1:
        raise Refusal(422, "the pictures of one request have one size; send others by themselves")
    if any(image.ndim == 3 for image in images):
        images = [image if image.ndim == 3 else image[..., None].repeat(3, 2) for image in images]
    out = np.stack(images)
    return out if out.ndim == 4 else out[..., None]


def _flat(image: Image.Image) -> NDArray[np.uint8]:
    """Return the pixels of a picture in mode L or RGB, at most ``SIDE`` to a side; grey where it has no colour."""
    if min(image.size) < 2:
        raise Refusal(422, "a picture has at least 2 pixels to a side")
    small = image.copy()
    small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    if min(small.size) < 2:
        raise Refusal(422, "a picture is not so much longer than wide, or wider than long")
    out = np.asarray(small, np.uint8)
    if out.ndim == 3 and not np.ptp(out, axis=2).any():
        out = out[..., 0]
    return np.ascontiguousarray(out)
