"""What the worker does with a memory for each route: functions of a ``Subject`` and the plain arguments of a call.

A function returns the content of the reply; one that changes the memory returns it with the event for subscribers.
"""

from __future__ import annotations

from dataclasses import dataclass

from insitu.memory import Memory
from insitu.service.limits import Limits


@dataclass(frozen=True)
class Subject:
    """The memory of a call, and the limits of the server."""

    memory: Memory
    limits: Limits
