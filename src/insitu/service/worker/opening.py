"""Opens what a server serves, and loads and compiles what the first request needs."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import torch

from insitu.core import InsituError
from insitu.memory import Memory
from insitu.memory.sharded import ShardedMemory
from insitu.memory.sharded.log import shards_in
from insitu.service.names import names_in
from insitu.service.worker.backend import MemoryBackend
from insitu.service.worker.memories import Memories
from insitu.service.worker.sharded_backend import ShardedBackend


def open_memories(path: str | None, kind: str, given: dict[str, Any]) -> Memories:
    """Return what a server of this ``Kind`` serves; raise ``InsituError`` where it cannot be opened."""
    if kind == "shards":
        return _open_shards(Path(str(path)), **given)
    if kind == "folder":
        folder = Path(str(path))
        if shards_in(folder) is not None:
            raise InsituError(f"{folder} holds a sharded memory; add --engine ray, or give another folder")
        warm_up(Memory(**given))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        return Memories(folder=folder, unknown=given.get("unknown"))
    file = None if path is None else Path(path)
    new = file is None or not file.exists() or not file.stat().st_size
    parameters = given if not new else {"encoder": "omniglot"} | given
    memory = Memory(**parameters)
    if new:
        warm_up(memory)  # before the file is created, so that wrong parameters leave none
    else:
        memory.settings  # noqa: B018  # raises where a name is wrong
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # from here on, there is something to finish
    if file is not None:
        memory = Memory.open(file, **parameters)
    try:
        if not new:
            warm_up(memory)
    except BaseException:
        memory.close()
        raise
    return Memories(single=MemoryBackend(memory))


def _open_shards(folder: Path, shards: int | None, address: str) -> Memories:
    if names_in(folder):
        raise InsituError(f"{folder} holds memories in files; give --engine ray a folder of its own")
    memory = ShardedMemory(shards, address, folder)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # not earlier: actors may take minutes to start
    return Memories(single=ShardedBackend(memory))


def warm_up(memory: Memory) -> None:
    """Load and compile what the first request needs, with a temporary memory of the same parameters."""
    torch.set_num_threads(1)  # the engine has threads of its own
    other = Memory(**memory.get_params())
    kind = other.settings.kind
    if kind != "images" and memory.encoder is not None:
        return  # what its items look like is not known
    x = np.zeros((2, 8, 8), np.uint8) if kind == "images" else np.eye(2, 8)
    x[0, 0] = 1
    other.fit(x, ["a", "b"]).query(x)
    other.partial_fit(x[:1], ["a"])
