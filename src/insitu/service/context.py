"""What every route works with: the worker, the subscribers of each memory, the limits."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from starlette.responses import Response

from insitu.service.events import EventHub
from insitu.service.limits import Limits
from insitu.service.metrics import Metrics
from insitu.service.schemas import Items
from insitu.service.tokens import Tokens
from insitu.service.worker.caller import Caller, Reply


@dataclass
class Context:
    """The parts of a running service."""

    worker: Caller
    limits: Limits
    tokens: Tokens = field(default_factory=Tokens)  # of the memories of a folder
    metrics: Metrics = field(default_factory=Metrics)
    hubs: dict[str, EventHub] = field(default_factory=dict)  # of each memory that had subscribers
    stopping: bool = False

    def memory(self, request: Request) -> Served:
        """Return the memory that a request is for."""
        return Served(self, request.scope["memory"])

    def hub(self, name: str) -> EventHub:
        """Return the subscribers of a memory."""
        if name not in self.hubs:
            self.hubs[name] = EventHub(self.limits.listeners)
            if self.stopping:
                self.hubs[name].close()
        return self.hubs[name]

    def forget(self, name: str) -> None:
        """Drop the tokens of a memory that was deleted, and end its streams."""
        self.tokens.delete(name)
        if (hub := self.hubs.pop(name, None)) is not None:
            hub.close()

    def end_streams(self) -> None:
        """End every stream of events, and begin no other."""
        self.stopping = True
        for hub in self.hubs.values():
            hub.close()


@dataclass(frozen=True)
class Served:
    """A memory of the worker: its actions by name (``file.function`` in ``actions/``), with plain arguments."""

    context: Context
    name: str

    async def read(self, action: str, *arguments: Any) -> Response:
        """Return the reply of an action that changes nothing."""
        return reply(await self.context.worker.call("read", self.name, action, *arguments))

    async def write(self, action: str, *arguments: Any) -> Response:
        """Return the reply of an action that changes the memory; its event is sent to subscribers."""
        done = await self.context.worker.call("write", self.name, action, *arguments)
        if done.event is not None and self.name in self.context.hubs:
            self.context.hubs[self.name].publish(*done.event)
        return reply(done)

    async def query(self, items: Items, top_k: int, familiarity: bool) -> Response:
        """Return the predictions for the items of a request."""
        return reply(await self.context.worker.call("query", self.name, "", plain(items), top_k, familiarity))

    @property
    def hub(self) -> EventHub:
        """The subscribers."""
        return self.context.hub(self.name)


def plain(items: Items) -> tuple[str, list[Any]]:
    """Return the items of a request as plain values; see ``actions.items``."""
    if (urls := items.all_images) is not None:
        return "images", urls
    if (urls := items.all_sounds) is not None:
        return "sounds", urls
    return "vectors", [array("d", vector).tobytes() for vector in items.all_vectors or []]


def reply(done: Reply) -> Response:
    """Return what the worker replied as a response."""
    return Response(done.body, media_type="application/json")
