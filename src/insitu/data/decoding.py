"""Decoding of picture files to pixels: upright, of eight bits, on white; damage is named."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from insitu.core import InsituError
from insitu.data.files import wide_grey

MOST_PIXELS = 89_478_485  # Pillow's own limit: a gigabyte once it is unpacked
SAMPLE_FORMAT, SIGNED = 339, 2  # a tag of TIFF, and its value for integers with a sign
RULES = 3  # version of the decoding, part of the name under which decoded folders are cached


class UnreadableError(InsituError):
    """A file that is no picture, or a damaged one; without a cause, the message is one of insitu's own."""


class TooLargeError(InsituError):
    """A picture with more pixels than allowed."""


def picture(data: bytes, formats: tuple[str, ...] | None = None, most_pixels: int = MOST_PIXELS) -> Image.Image:
    """Return a picture in mode L or RGB; the number of its pixels is checked before they are unpacked.

    The orientation noted by a camera is applied, what is transparent becomes white, 16-bit and float grey is scaled
    (see ``wide_grey``), CMYK and palettes become RGB; of an animation the first frame is taken. Raises
    ``UnreadableError`` and ``TooLargeError``.
    """
    with _decoding_errors(most_pixels):
        _check_pixels(_webp_canvas(data), most_pixels)  # its decoder unpacks the whole canvas when it opens it
        with warnings.catch_warnings():
            # what Pillow warns of is refused below
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            opened = Image.open(BytesIO(data), formats=formats)
        with opened:
            return _eight_bits(opened, most_pixels)


def upright(image: Image.Image, most_pixels: int = MOST_PIXELS) -> Image.Image:
    """Return a picture that Pillow has opened in mode L or RGB; see ``picture``."""
    with _decoding_errors(most_pixels):
        return _eight_bits(image, most_pixels)


@contextmanager
def _decoding_errors(most_pixels: int) -> Iterator[None]:
    try:
        yield
    except (UnreadableError, TooLargeError):
        raise
    except InsituError as error:
        raise UnreadableError(str(error)) from None
    except Image.DecompressionBombError as error:
        raise TooLargeError(f"it has more than {most_pixels} pixels; make it smaller") from error
    except UnidentifiedImageError as error:
        raise UnreadableError("it is no picture of a known format") from error
    except Exception as error:  # decoders raise nearly anything on damaged or malicious bytes
        reason = " ".join(str(error).split()) or type(error).__name__
        if "truncated" in reason.lower():
            raise UnreadableError("it is cut short") from None
        raise UnreadableError(reason) from error


def pixels(data: bytes, name: str, mode: Literal["RGB", "L"], side: int | None = None) -> NDArray[np.uint8]:
    """Return an image as (height, width, channels) uint8; with ``side``, as its middle square scaled to that side."""
    try:
        image = picture(data).convert(mode)
    except TooLargeError as error:
        raise InsituError(f"{name} is too large: {error}") from error
    except UnreadableError as error:
        raise InsituError(f"{name} is not a readable image ({error}); replace it or remove it") from error
    if side is not None:
        image = ImageOps.fit(image, (side, side), Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(image.height, image.width, -1)


def _eight_bits(opened: Image.Image, most_pixels: int) -> Image.Image:
    _check_pixels(opened.size, most_pixels)
    image: Image.Image = ImageOps.exif_transpose(opened)
    if wide_grey.is_wide(image):
        return wide_grey.narrowed(image, opened)
    _check_sign(opened)
    if image.has_transparency_data:
        ink = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", ink.size, "white"), ink).convert("RGB")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _check_sign(opened: Image.Image) -> None:
    # only TIFF has tags; Pillow reads 8 bits with a sign as if they had none
    if getattr(opened, "tag_v2", {}).get(SAMPLE_FORMAT, (1,))[0] == SIGNED:
        values = np.asarray(opened).view(np.int8)
        if values.min() < 0:
            raise InsituError(f"its least value is {values.min()}, and black is 0; save it with 8 bits without a sign")


def _check_pixels(size: tuple[int, int] | None, most: int) -> None:
    if size is not None and size[0] * size[1] > most:
        raise TooLargeError(f"it has {size[0]} × {size[1]} pixels, and at most {most} are taken; make it smaller")


def _webp_canvas(data: bytes) -> tuple[int, int] | None:
    """Return width and height of a WebP file's canvas (RFC 9649), or None where it has none."""
    if len(data) < 30 or data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    if data[12:16] == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if data[12:16] == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if data[12:16] == b"VP8 ":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    return None
