"""Sends requests straight to the application, without a network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from insitu import Memory
from insitu.service.app import create_app
from insitu.service.context import Context
from insitu.service.events import EventHub
from insitu.service.limits import Limits
from insitu.service.rules import AccessRules
from insitu.service.tokens import Tokens
from insitu.service.worker.backend import Backend, MemoryBackend
from insitu.service.worker.caller import Caller
from insitu.service.worker.engine import Call, Engine
from insitu.service.worker.memories import Memories
from insitu.service.worker.messages import Message, Unpacker, pack

UNLIMITED = Limits(rate=0)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Threads(Caller):
    """The worker as threads of this process, with messages as between processes."""

    def __init__(self, memories: Memories, limits: Limits) -> None:
        super().__init__()
        self.engine = Engine(memories, limits)
        self.ready = True
        self.loop: asyncio.AbstractEventLoop | None = None
        memories.watch(self._report)

    def _send(self, message: Message) -> None:
        self.loop = asyncio.get_running_loop()
        ((number, kind, memory, action, arguments),) = Unpacker().feed(pack(message))
        self.engine.submit(Call(kind, memory, action, arguments, lambda *reply: self._answer("reply", number, *reply)))

    def _answer(self, *message: Any) -> None:
        (received,) = Unpacker().feed(pack(message))
        assert self.loop is not None
        self.loop.call_soon_threadsafe(self.received, received)

    def _report(self, name: str, memory: Backend | None) -> None:
        self.received(("state", name, *((None, None) if memory is None else memory.state)))


class Service:
    """A served memory, or a folder of them."""

    def __init__(
        self,
        memory: Memory | Backend | None = None,
        rules: AccessRules | None = None,
        limits: Limits = UNLIMITED,
        folder: Path | None = None,
    ) -> None:
        rules = rules or AccessRules()
        self.worker = Threads(Memories(MemoryBackend(memory) if isinstance(memory, Memory) else memory, folder), limits)
        self.context = Context(self.worker, limits, Tokens(folder, rules.token is not None))
        self.app = create_app(self.context, rules)
        self.runner = asyncio.Runner()
        if isinstance(memory, Memory):
            self.memory = memory

    @property
    def hub(self) -> EventHub:
        return self.context.hub("")

    def close(self) -> None:
        self.context.end_streams()
        self.worker.engine.close()
        self.runner.close()

    def get(self, path: str, query: str = "", **headers: str) -> Reply:
        return self.ask("GET", path, b"", headers, query)

    def post(self, path: str, content: object, **headers: str) -> Reply:
        return self.ask("POST", path, json.dumps(content).encode(), headers)

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, query: str = ""
    ) -> Reply:
        return self.runner.run(self.asked(method, path, body, headers, query))

    def together(self, *requests: tuple[str, object]) -> list[Reply]:
        async def every() -> list[Reply]:
            return await asyncio.gather(
                *[self.asked("POST", path, json.dumps(content).encode()) for path, content in requests]
            )

        return self.runner.run(every())

    async def asked(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, query: str = ""
    ) -> Reply:
        given = {"host": "127.0.0.1:8000", "content-type": "application/json", "content-length": str(len(body))}
        given |= {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        pieces: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return pieces.pop() if pieces else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": quote(path).encode(),
            "query_string": query.encode("latin-1", "replace"),
            "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in given.items()],
            "client": ("127.0.0.1", 50_000),
            "server": ("127.0.0.1", 8000),
        }
        await self.app(scope, receive, send)
        assert sent[0]["type"] == "http.response.start"
        back = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
        return Reply(sent[0]["status"], back, b"".join(message.get("body", b"") for message in sent[1:]))


Serve = Callable[..., Service]
