"""The images or vectors of a request as rows of the kind that the memory takes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.exceptions import HTTPException

from insitu.memory import Memory
from insitu.service import image_decoding
from insitu.service.limits import Limits

Given = tuple[str, Any]  # ("images", data URLs) or ("vectors", rows as float64 bytes)


def are_vectors(given: Given) -> bool:
    """Return whether a request has vectors."""
    return given[0] == "vectors"


def decode(memory: Memory, given: Given, limits: Limits) -> NDArray[Any]:
    """Return images or vectors as rows; raise 422 where the memory takes the other kind."""
    kind, content = given
    takes = "images" if memory.settings.backbone is not None else "vectors"
    if kind != takes:
        raise HTTPException(422, f"this memory takes {takes}")
    if len(content) > limits.batch:
        raise HTTPException(422, f"a request has at most {limits.batch} images or vectors")
    if kind == "images":
        return image_decoding.decode_images(content, limits)
    return np.stack([np.frombuffer(row) for row in content])
