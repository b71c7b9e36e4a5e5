"""Pictures as they come from outside: data URLs, looked at before they are unpacked."""

from __future__ import annotations

import base64
import binascii
import io
import re
import warnings
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from insitu.app.server.limits import Limits
from insitu.app.server.problems import Refusal

FORMATS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP", "gif": "GIF"}
HEAD = re.compile(r"data:image/(png|jpeg|webp|gif);base64,")
SIDE = 256  # pixels: backbones look at 48 at most, and what is taught is kept as it was given

# our own limit is smaller, and what is beyond it is refused, not warned of
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def pixels(url: str, limits: Limits) -> tuple[NDArray[np.uint8], int]:
    """Return the picture in a data URL: (h, w), or (h, w, 3) where it has colour; transparent is white.

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
    if kind == "WEBP":
        _check_size(_webp_size(data), limits)  # its decoder takes memory for the whole canvas as soon as it is opened
    try:
        with Image.open(io.BytesIO(data), formats=(kind,)) as image:
            _check_size(image.size, limits)
            return _flat(image), image.size[0] * image.size[1]
    except Refusal:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many(limits) from None
    except Exception:  # decoders raise nearly anything at bytes that were made to harm
        raise Refusal(422, f"the picture cannot be read as {kind}") from None


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
    if image.mode not in ("1", "L"):
        ink = image.convert("RGBA")
        paper = Image.new("RGBA", ink.size, (255, 255, 255, 255))
        image = Image.alpha_composite(paper, ink).convert("RGB")
    else:
        image = image.convert("L")
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    if min(image.size) < 2:
        raise Refusal(422, "a picture is not so much longer than wide, or wider than long")
    out = np.asarray(image, np.uint8)
    if out.ndim == 3 and not np.ptp(out, axis=2).any():
        out = out[..., 0]
    return np.ascontiguousarray(out)


def _check_size(size: tuple[int, int], limits: Limits) -> None:
    if min(size) < 2:
        raise Refusal(422, "a picture has at least 2 pixels to a side")
    if size[0] * size[1] > limits.image_pixels:
        raise _too_many(limits)


def _too_many(limits: Limits) -> Refusal:
    return Refusal(413, f"a picture has at most {limits.image_pixels} pixels; make it smaller")


def _webp_size(data: bytes) -> tuple[int, int]:
    """Return the canvas that a WebP file asks for (RFC 9649)."""
    if len(data) >= 30 and data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        if data[12:16] == b"VP8X":
            return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
        if data[12:16] == b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        if data[12:16] == b"VP8 ":
            return tuple(int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))  # type: ignore[return-value]
    raise Refusal(422, "the picture cannot be read as WEBP")
