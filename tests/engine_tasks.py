"""Functions that engines run in tests; they import nothing that takes long."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Work:
    """A number to be squared; ``folder`` gets a file for every start and every end."""

    number: int
    folder: str
    sleep_s: float = 0.0
    failing: bool = False


def squared(work: Work) -> int:
    folder = Path(work.folder)
    done = folder / f"done-{work.number}"
    if done.exists():
        return int(done.read_text())
    (folder / f"start-{work.number}-{os.getpid()}-{time.monotonic_ns()}").touch()
    time.sleep(work.sleep_s)
    if work.failing:
        raise ValueError(f"{work.number} fails")
    part = folder / f"part-{work.number}-{os.getpid()}"
    part.write_text(str(work.number**2))
    part.rename(done)
    return work.number**2


def where(work: Work) -> str:
    """Return the node on which Ray runs this."""
    import ray

    (Path(work.folder) / f"start-{work.number}-{os.getpid()}-{time.monotonic_ns()}").touch()
    time.sleep(work.sleep_s)
    (Path(work.folder) / f"end-{work.number}-{os.getpid()}").touch()
    return str(ray.get_runtime_context().get_node_id())


def killed(work: Work) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return work.number
