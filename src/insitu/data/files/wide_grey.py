"""Grey of more than eight bits brought to eight: Pillow's own conversion clips it, which turns 16 bits into white.

The value that is white is what the file states: 65535 of 16 bits (so that v becomes v / 257, rounded), 4095 of TIFF's
12 bits. Float and 32-bit files state none, so it is the smallest of 1 (float only), 255 and 65535 that the largest
value reaches up to. Refused are NaN and infinity, values below black or above 65535, and float whose largest value
lies between 1 and 2, which fits no scale. A value within half a step of eight bits outside its scale is accepted as
rounding.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from insitu.core import InsituError

BITS_PER_SAMPLE, PHOTOMETRIC = 258, 262  # tags of TIFF
WHITE_IS_ZERO = 0
HALF = 0.5 / 255  # of the scale: what rounds to the same grey
ADVICE = "save it with 8 or 16 bits"


def is_wide(image: Image.Image) -> bool:
    """Return whether the grey values of an image have more than eight bits."""
    return image.mode == "F" or image.mode.startswith("I")


def narrowed(image: Image.Image, opened: Image.Image) -> Image.Image:
    """Return ``image`` in mode L; ``opened`` is the file that it came from, whose tags it may have lost."""
    values, tags = np.asarray(image), getattr(opened, "tag_v2", {})  # only TIFF has tags
    if image.mode.startswith("I;16"):
        white = float(2 ** min(16, tags.get(BITS_PER_SAMPLE, (16,))[0]) - 1)
    elif image.mode == "I" and opened.format == "PPM":
        white = 65535.0  # its reader has scaled any maximum to this one
    else:
        white = _white(values)
    out = np.clip(values.astype(np.float32) * np.float32(255 / white), 0, 255)
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        out = 255 - out
    grey = np.rint(out).astype(np.uint8)
    clear = image.info.get("transparency")
    if isinstance(clear, int):  # PNG names one value that is transparent
        grey[values == clear] = 255
    return Image.fromarray(grey)


def _white(values: NDArray[np.generic]) -> float:
    """Return the value that is white where the file does not state it; raise ``InsituError`` where no scale fits."""
    least, most = float(values.min()), float(values.max())
    if not np.isfinite([least, most]).all():
        raise InsituError(f"it holds NaN or infinity instead of grey values; {ADVICE}")
    scales = (255.0, 65535.0) if values.dtype.kind in "iu" else (1.0, 255.0, 65535.0)
    white = next((scale for scale in scales if most <= scale * (1 + HALF)), None)
    if white is None:
        raise InsituError(f"its largest value is {most:g}, and at most 65535 is taken; {ADVICE}")
    if values.dtype.kind == "f" and white == 255.0 and most < 2:
        raise InsituError(f"its largest value is {most:g}, which fits neither 0..1 nor 0..255; {ADVICE}")
    if least < -white * HALF:
        raise InsituError(f"its least value is {least:g}, and black is 0; {ADVICE}")
    return white
