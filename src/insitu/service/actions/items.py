"""The items of a request as rows of the kind that the memory takes, and small pictures of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.exceptions import HTTPException

from insitu.memory import Memory
from insitu.service import image_decoding, sound_decoding, thumbnails
from insitu.service.limits import Limits

Given = tuple[str, Any]  # ("images" or "sounds", data URLs) or ("vectors", rows as float64 bytes)


def are_vectors(given: Given) -> bool:
    """Return whether a request has vectors."""
    return given[0] == "vectors"


def decode(memory: Memory, given: Given, limits: Limits) -> NDArray[Any]:
    """Return items as rows; raise 422 where the memory takes another kind."""
    kind, content = given
    encoder = memory.settings.encoder
    takes = memory.settings.kind if memory.settings.kind in ("images", "sounds") else "vectors"
    if takes == "vectors" or encoder is None:
        return decode_vectors(given, limits)
    _check(given, takes, limits)
    if kind == "sounds":
        return sound_decoding.decode_sounds(encoder, content, limits)
    if memory.settings.keeps_images:
        return image_decoding.decode_images(content, limits)
    return image_decoding.decode_photos(encoder, content, limits)


def decode_vectors(given: Given, limits: Limits) -> NDArray[Any]:
    """Return the vectors of a request; raise 422 where it has other items."""
    _check(given, "vectors", limits)
    return np.stack([np.frombuffer(row) for row in given[1]])


def pictures(memory: Memory, x: NDArray[Any]) -> list[bytes] | None:
    """Return small pictures of what ``decode`` returned, None where its images themselves or vectors are stored."""
    if memory._store is None or memory.settings.keeps_images:
        return None
    if memory.settings.kind == "images":
        return [thumbnails.of_image(row) for row in x]
    return [thumbnails.of_sound(row) for row in x] if memory.settings.kind == "sounds" else None


def _check(given: Given, takes: str, limits: Limits) -> None:
    kind, content = given
    if kind != takes:
        raise HTTPException(422, f"this memory takes {takes}")
    if len(content) > limits.batch:
        raise HTTPException(422, f"a request has at most {limits.batch} items")
