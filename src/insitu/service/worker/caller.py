"""Calls of the worker, as the event loop sees them: each gets its reply, or an error if the worker is lost."""

from __future__ import annotations

import asyncio
import itertools
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException

from insitu.service.worker.messages import Message

# calls of each kind; further ones get 429. A read may take as long as many queries
MOST_WAITING = {"query": 512, "write": 512, "read": 64}


@dataclass(frozen=True)
class Reply:
    """The body of a reply as JSON, and the event for subscribers where something changed."""

    body: bytes
    event: tuple[str, dict[str, Any]] | None


class Caller(ABC):
    """Numbers calls and waits for their replies; used by the thread of the event loop alone."""

    def __init__(self) -> None:
        self.ready = False
        self.restarts = 0
        self.states: dict[str, tuple[int, int]] = {}  # events and classes of each open memory
        self.waiting: Counter[str] = Counter()  # calls by kind
        self._numbers = itertools.count()
        self._pending: dict[int, tuple[str, asyncio.Future[Reply]]] = {}

    async def connect(self) -> None:  # noqa: B027  # a worker in the same process needs no connection
        """Connect the running event loop with the worker."""

    async def disconnect(self) -> None:  # noqa: B027
        """End the connection once all calls are answered."""

    async def call(self, kind: str, memory: str | None, action: str, *arguments: Any) -> Reply:
        """Return the reply to a call, or raise its error as ``HTTPException``."""
        if self.waiting[kind] >= MOST_WAITING[kind]:
            raise HTTPException(429, "the memory is busy; retry in a second", {"retry-after": "1"})
        number, reply = next(self._numbers), asyncio.get_running_loop().create_future()
        # counted until it is answered, even if its client is gone
        self._pending[number] = kind, reply
        self.waiting[kind] += 1
        self._send((number, kind, memory, action, arguments))
        found: Reply = await reply
        return found

    def received(self, message: Message) -> None:
        """Process a message of the worker."""
        what, *rest = message
        if what == "reply":
            number, status, body, note = rest
            if status == 200:
                self._settle(number, Reply(body, note), None)
            else:
                self._settle(number, None, HTTPException(status, body, note))
        elif what == "state":
            name, events, classes = rest
            if events is None:
                self.states.pop(name, None)
            else:
                self.states[name] = events, classes
        else:
            self.ready = what == "ready"

    def fail_all(self, error: HTTPException) -> None:
        """Raise an error for every call that waits."""
        for number in list(self._pending):
            self._settle(number, None, error)

    def _settle(self, number: int, reply: Reply | None, error: HTTPException | None) -> None:
        kind, waiting = self._pending.pop(number)
        self.waiting[kind] -= 1
        if waiting.done():  # its client is gone
            return
        if reply is not None:
            waiting.set_result(reply)
        elif error is not None:
            waiting.set_exception(error)

    @abstractmethod
    def _send(self, message: Message) -> None:
        """Send a call to the worker."""
