"""Server-sent events about changes of the memory, to all subscribers."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from typing import Any

from starlette.exceptions import HTTPException

KEEP_ALIVE_S = 15.0  # between comments, so that no proxy closes the connection as idle
CLIENT_SHARE = 0.5  # of the streams for one client
MOST_PENDING = 256  # events; a subscriber further behind is disconnected


class EventHub:
    """The subscribers; used by the thread of the event loop alone."""

    def __init__(self, subscribers: int, keep_alive_s: float = KEEP_ALIVE_S) -> None:
        self._most, self._keep_alive_s = subscribers, keep_alive_s
        self._most_per_client = math.ceil(subscribers * CLIENT_SHARE)
        self._queues: dict[asyncio.Queue[bytes | None], str] = {}  # with the client of each
        self._closed = False

    @property
    def subscribers(self) -> int:
        """Their number."""
        return len(self._queues)

    def publish(self, kind: str, content: dict[str, Any]) -> None:
        """Send an event to all subscribers; ``content`` has its number as "event"."""
        data = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
        message = f"event: {kind}\nid: {content['event']}\ndata: {data}\n\n".encode()
        for queue in list(self._queues):
            if queue.full():
                self._queues.pop(queue, None)
                queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(message)

    def subscribe(self, client: str = "") -> AsyncIterator[bytes]:
        """Return the events from now on, as bytes to send; raise 429 where there are too many subscribers.

        One client has at most ``CLIENT_SHARE`` of the streams, so that it cannot lock out others.
        """
        if self._closed:
            raise HTTPException(503, "the server is stopping", {"retry-after": "5"})
        if self._is_full(client):
            limit = f"at most {self._most} streams of events at once, {self._most_per_client} per address"
            raise HTTPException(429, f"{limit}; retry later", {"retry-after": "5"})
        return self._events(client)

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)

    def _is_full(self, client: str) -> bool:
        return len(self._queues) >= self._most or list(self._queues.values()).count(client) >= self._most_per_client

    async def _events(self, client: str) -> AsyncIterator[bytes]:
        if self._closed or self._is_full(client):  # checked again: many may have subscribed before any stream began
            return
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(MOST_PENDING)
        self._queues[queue] = client  # only once the response has begun: one that never begins would stay forever
        try:
            yield b": listening\n\n"
            while True:
                try:
                    message = await asyncio.wait_for(queue.get(), self._keep_alive_s)
                except TimeoutError:
                    message = b": alive\n\n"
                if message is None:
                    return
                yield message
        finally:
            self._queues.pop(queue, None)
