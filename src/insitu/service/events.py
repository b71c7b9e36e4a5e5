"""Live events: whoever listens is told what happened, as server-sent events."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from typing import Any

from insitu.service.errors import Refusal

ALIVE_S = 15.0  # between comments, so that nobody in between takes the connection for dead
SHARE = 0.5  # of the streams for one client
BEHIND = 256  # events that a listener may be behind before it is let go


class Hub:
    """Those who listen; everything here happens in the thread of the event loop."""

    def __init__(self, listeners: int, alive_s: float = ALIVE_S) -> None:
        self._most, self._alive_s = listeners, alive_s
        self._share = math.ceil(listeners * SHARE)
        self._queues: dict[asyncio.Queue[bytes | None], str] = {}  # and who listens
        self._closed = False

    def tell(self, kind: str, content: dict[str, Any]) -> None:
        """Send an event to all; ``content`` has its number as "event"."""
        data = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
        message = f"event: {kind}\nid: {content['event']}\ndata: {data}\n\n".encode()
        for queue in list(self._queues):
            if queue.full():
                self._queues.pop(queue, None)
                queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(message)

    def listen(self, client: str = "") -> AsyncIterator[bytes]:
        """Return the events from now on, as bytes to send; raise ``Refusal`` where too many listen.

        One client has at most ``SHARE`` of the streams, so that it cannot keep the others from listening.
        """
        if self._closed:
            raise Refusal(503, "the server is stopping", {"retry-after": "5"})
        if self._is_full(client):
            most = f"at most {self._most} listen at once, {self._share} of one address"
            raise Refusal(429, f"{most}; try later", {"retry-after": "5"})
        return self._events(client)

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)

    def _is_full(self, client: str) -> bool:
        return len(self._queues) >= self._most or list(self._queues.values()).count(client) >= self._share

    async def _events(self, client: str) -> AsyncIterator[bytes]:
        if self._closed or self._is_full(client):  # again: many may have asked before any began
            return
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(BEHIND)
        self._queues[queue] = client  # not before the response is on its way: one that never begins would stay forever
        try:
            yield b": listening\n\n"
            while True:
                try:
                    message = await asyncio.wait_for(queue.get(), self._alive_s)
                except TimeoutError:
                    message = b": alive\n\n"
                if message is None:
                    return
                yield message
        finally:
            self._queues.pop(queue, None)
