"""One image file turned into pixels; what cannot be read is named."""

from __future__ import annotations

from io import BytesIO
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from insitu.core import InsituError
from insitu.data._bundle import DAMAGE


def pixels(data: bytes, name: str, mode: Literal["RGB", "L"], side: int | None = None) -> NDArray[np.uint8]:
    """Return an image as (height, width, channels) uint8; with ``side``, as its middle square scaled to that side.

    The turn noted by a camera is undone, and what is transparent becomes white.
    """
    try:
        with Image.open(BytesIO(data)) as opened:
            image: Image.Image = ImageOps.exif_transpose(opened)
            if image.has_transparency_data:
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
            image = image.convert(mode)
            if side is not None:
                image = ImageOps.fit(image, (side, side), Image.Resampling.BILINEAR)
            return np.asarray(image).reshape(image.height, image.width, -1)
    except (*DAMAGE, SyntaxError, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InsituError(f"{name} is not a readable image ({reason}); replace it or take it away") from error
