"""The two forms of Omniglot, decoded to the same arrays in the same order.

The order is that of the characters' numbers, 1 to 1623, the first number in the names of the official image files:
964 background characters, alphabet by alphabet (though not in the order of the alphabet), then 659 for evaluation.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.data import decoding
from insitu.data.files.bundles import damage_named, open_bundle

CHARACTERS, DRAWINGS, SIDE = 1623, 20, 105
_IMAGE = re.compile(r"(?:^|/)(?P<character>[^/]+/character\d+)/(?P<number>\d{4})_(?P<drawing>\d{2})\.png$")


def packed(file: Path) -> dict[str, NDArray[np.generic]]:
    """Decode one file of bits (1 = ink), eight to a byte."""
    with damage_named(str(file)), file.open("rb") as opened, np.load(opened) as archive:
        bits, number = archive["ink_packed"], archive["orig_char_id"]
        alphabet, background = archive["alphabet_of_class"], archive["background"].astype(bool)
        if bits.shape[:2] != (CHARACTERS, DRAWINGS) or not np.array_equal(np.sort(number), np.arange(CHARACTERS) + 1):
            raise ValueError(f"it holds {bits.shape} bytes, not {CHARACTERS} characters x {DRAWINGS} drawings")
        order = np.argsort(number)
        ink = np.unpackbits(bits[order].reshape(CHARACTERS * DRAWINGS, -1), axis=1)[:, : SIDE * SIDE]
        names = archive["alphabet_names"][alphabet[order]]
        background = background[order]
        ink = ink.reshape(-1, SIDE, SIDE, 1)
    ink ^= 1
    ink *= 255  # in place: these are 350 MB
    place = [1 + int(np.sum(names[:row] == name)) for row, name in enumerate(names)]
    characters = [f"{name}/character{number:02d}" for name, number in zip(names, place, strict=True)]
    return {"names": np.array(characters), "background": background, "pixels": ink}


def official(background: Path, evaluation: Path) -> dict[str, NDArray[np.generic]]:
    """Decode the folders or zips ``images_background`` and ``images_evaluation``."""
    pixels = np.zeros((CHARACTERS, DRAWINGS, SIDE, SIDE, 1), np.uint8)
    seen = np.zeros((CHARACTERS, DRAWINGS), bool)
    names, is_background = np.full(CHARACTERS, "", "<U64"), np.zeros(CHARACTERS, bool)
    for path in (background, evaluation):
        with open_bundle(path) as bundle:
            for name in bundle.names:
                match = _IMAGE.search(name)
                if match is None:  # another file of the folder
                    continue
                place = int(match["number"]) - 1, int(match["drawing"]) - 1
                if not (0 <= place[0] < CHARACTERS and 0 <= place[1] < DRAWINGS):
                    raise InsituError(
                        f"{name} in {path} is not of Omniglot: its characters go from 1 to {CHARACTERS}, "
                        f"its drawings from 1 to {DRAWINGS}; remove it"
                    )
                image = decoding.pixels(bundle.read(name), f"{name} in {path}", "L")
                if image.shape != (SIDE, SIDE, 1):
                    raise InsituError(f"{name} in {path} is not {SIDE} x {SIDE} pixels; get the data set again")
                pixels[place], seen[place] = image, True
                names[place[0]], is_background[place[0]] = match["character"], path == background
    if not seen.all():
        character, drawing = (int(place) + 1 for place in np.argwhere(~seen)[0])
        raise InsituError(
            f"{background} and {evaluation} lack {int((~seen).sum())} of {seen.size} drawings, "
            f"the first is {character:04d}_{drawing:02d}.png; get the data set again"
        )
    return {"names": names, "background": is_background, "pixels": pixels.reshape(-1, SIDE, SIDE, 1)}
