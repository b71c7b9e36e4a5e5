"""Checks that several actions share."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from starlette.exceptions import HTTPException

from insitu.memory import Memory
from insitu.memory.sharded import ShardedMemory
from insitu.service.labels import AmbiguousLabelError, find_label


def snapshot(memory: Memory) -> Memory | None:
    """Return a copy that does not change while it is read; None before the first example."""
    return memory.projected(0) if hasattr(memory, "classes_") else None


def require_classes(memory: Memory) -> Memory:
    """Return a snapshot of a memory that holds classes; else raise 409."""
    current = snapshot(memory)
    if current is None or not len(current.classes_):
        raise no_class()
    return current


def no_class() -> HTTPException:
    """Return the error of a memory that holds no class."""
    return HTTPException(409, "the memory holds no class yet; teach it some examples first")


def require_label(memory: Memory, name: str) -> Any:
    """Return the label of the class called ``name``, which may be a number; raise 409 where there is none."""
    current = snapshot(memory)
    try:
        label = find_label([] if current is None else current.classes_.tolist(), name)
    except AmbiguousLabelError as error:
        raise HTTPException(409, str(error)) from None
    if label is None:
        raise no_such_class()
    return label


def no_such_class() -> HTTPException:
    """Return the error of a name that denotes no class."""
    return HTTPException(409, "the memory holds no class of this name; see /api/memory for its classes")


def check_features(memory: Memory | ShardedMemory, x: NDArray[Any] | None) -> None:
    """Raise 422 for vectors of another length than those of the memory."""
    features = getattr(memory, "n_features_in_", None)
    if x is not None and features is not None and x.shape[1] != features:
        raise HTTPException(422, f"vectors of this memory have {features} components; got {x.shape[1]}")
