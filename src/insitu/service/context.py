"""What every route works with: the scheduler of the memory, the event hub, the limits; and the checks they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.exceptions import HTTPException

from insitu.memory import Memory
from insitu.service import image_decoding
from insitu.service.events import EventHub
from insitu.service.labels import AmbiguousLabelError, find_label
from insitu.service.limits import Limits
from insitu.service.scheduler import Scheduler
from insitu.service.schemas import Items


@dataclass(frozen=True)
class Context:
    """The parts of a running service."""

    scheduler: Scheduler
    hub: EventHub
    limits: Limits

    async def decode(self, items: Items) -> NDArray[Any]:
        """Return images or vectors of a request as rows of the kind that the memory takes."""
        urls, vectors = items.all_images, items.all_vectors
        takes_images = self.scheduler.memory.settings.kind == "images"
        if (urls is not None) != takes_images:
            raise HTTPException(422, f"this memory takes {'images' if takes_images else 'vectors'}")
        if len(urls or vectors or []) > self.limits.batch:
            raise HTTPException(422, f"a request has at most {self.limits.batch} images or vectors")
        if urls is None:
            return np.array(vectors, np.float64)
        return await self.scheduler.read(lambda: image_decoding.decode_images(urls, self.limits))


def snapshot(memory: Memory) -> Memory | None:
    """Return a copy that does not change while it is read; None before the first example."""
    return memory.projected(0) if hasattr(memory, "classes_") else None


def require_classes(memory: Memory) -> Memory:
    """Return a snapshot of a memory that holds classes; else raise 409."""
    current = snapshot(memory)
    if current is None or not len(current.classes_):
        raise HTTPException(409, "the memory holds no class yet; teach it some examples first")
    return current


def require_label(memory: Memory, name: str) -> Any:
    """Return the label of the class called ``name``, which may be a number; raise 409 where there is none."""
    current = snapshot(memory)
    try:
        label = find_label([] if current is None else current.classes_.tolist(), name)
    except AmbiguousLabelError as error:
        raise HTTPException(409, str(error)) from None
    if label is None:
        raise HTTPException(409, "the memory holds no class of this name; see /api/memory for its classes")
    return label


def check_features(memory: Memory, x: NDArray[Any] | None) -> None:
    """Raise 422 for vectors of another length than those of the memory."""
    features = getattr(memory, "n_features_in_", None)
    if x is not None and features is not None and x.shape[1] != features:
        raise HTTPException(422, f"vectors of this memory have {features} components; got {x.shape[1]}")
