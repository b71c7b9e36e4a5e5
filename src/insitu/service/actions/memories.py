"""Memories of a folder: created, restored and deleted."""

from __future__ import annotations

from typing import Any

from insitu.service.actions.views import Json
from insitu.service.worker.memories import Memories


def create(memories: Memories, name: str, parameters: dict[str, Any]) -> Json:
    """Create the file of a new memory."""
    memories.create(name, parameters)
    return {"name": name}


def restore(memories: Memories, name: str, copy: bytes) -> Json:
    """Create a memory from a copy of the file of one."""
    memories.restore(name, copy)
    return {"name": name}


def delete(memories: Memories, name: str) -> Json:
    """Delete the file of a memory."""
    memories.delete(name)
    return {"name": name}
