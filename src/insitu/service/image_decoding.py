"""Decoding of images from untrusted data URLs; sizes are checked before anything is decompressed."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from starlette.exceptions import HTTPException

from insitu.data import decoding
from insitu.encoders import Encoder
from insitu.service import data_urls
from insitu.service.limits import Limits

FORMATS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP", "gif": "GIF"}
HEAD = re.compile(r"data:image/(png|jpeg|webp|gif);base64,")
SIDE = 256  # pixels; backbones use 48 at most, and every image taught is stored
LARGE_SIDE = 512  # for encoders whose vectors are stored; they take the middle square


def decode_image(url: str, limits: Limits, side: int = SIDE) -> tuple[NDArray[np.uint8], int]:
    """Return the image in a data URL, (h, w) grey or (h, w, 3) colour, and its number of pixels before reduction.

    An image larger than ``side`` is reduced. Raises ``HTTPException`` for what is not an image, or too large.
    """
    head = HEAD.match(url)
    if head is None:
        raise HTTPException(422, "an image is a data URL: data:image/png;base64,... (or jpeg, webp, gif)")
    data = data_urls.content(url, head.end(), limits.image_bytes, "an image")
    kind = FORMATS[head[1]]
    try:
        image = decoding.picture(data, (kind,), limits.image_pixels)
    except decoding.TooLargeError:
        raise HTTPException(413, f"an image has at most {limits.image_pixels} pixels; reduce it") from None
    except decoding.UnreadableError as error:
        # a decoder's own message may quote the request
        reason = "" if error.__cause__ else f": {error}"
        raise HTTPException(422, f"the image cannot be decoded as {kind}{reason}") from None
    return _reduce(image, side), image.size[0] * image.size[1]


def decode_images(urls: list[str], limits: Limits) -> NDArray[np.uint8]:
    """Return images of one size (n, h, w, c); together they have at most the pixels of a single one."""
    images = _decoded(urls, limits, SIDE)
    sizes = {image.shape[:2] for image in images}
    if len(sizes) > 1:
        raise HTTPException(422, "the images of one request have one size; send others separately")
    if any(image.ndim == 3 for image in images):
        images = [image if image.ndim == 3 else image[..., None].repeat(3, 2) for image in images]
    out = np.stack(images)
    return out if out.ndim == 4 else out[..., None]


def decode_photos(encoder: Encoder, urls: list[str], limits: Limits) -> NDArray[np.uint8]:
    """Return images of any sizes as ``encoder`` reads them (n, h, w, c); their pixels are limited likewise."""
    return np.stack([encoder.read(image) for image in _decoded(urls, limits, LARGE_SIDE)])


def _decoded(urls: list[str], limits: Limits, side: int) -> list[NDArray[np.uint8]]:
    images, left = [], limits.image_pixels
    for url in urls:
        image, pixels = decode_image(url, replace(limits, image_pixels=left), side)
        images.append(image)
        left -= pixels
    return images


def _reduce(image: Image.Image, side: int) -> NDArray[np.uint8]:
    """Return the pixels of an image in mode L or RGB, at most ``side`` per side; grey if it has no colour."""
    if min(image.size) < 2:
        raise HTTPException(422, "an image has at least 2 pixels per side")
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.BOX)
    if min(small.size) < 2:
        raise HTTPException(422, f"an image has at least 2 pixels per side when reduced to {side}; crop it")
    out = np.asarray(small, np.uint8)
    if out.ndim == 3 and not np.ptp(out, axis=2).any():
        out = out[..., 0]
    return np.ascontiguousarray(out)
