"""Which memory a request is for: ``/m/NAME/...`` in a folder, and the path that a proxy has in front of all others."""

from __future__ import annotations

import re

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from insitu.service.names import PATTERN

_MEMORY = re.compile(rf"/m/({PATTERN.strip('^$')})(/.*)?", re.DOTALL)


class MemoryPaths:
    """Middleware that sets the memory of a request, None for the server itself, and takes its path off."""

    def __init__(self, app: ASGIApp, prefix: str, is_folder: bool) -> None:
        self.app, self.prefix, self.is_folder = app, prefix, is_folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        path, before, memory = scope["path"], "", None if self.is_folder else ""
        if self.prefix and (path == self.prefix or path.startswith(f"{self.prefix}/")):  # kept by the proxy
            before, path = self.prefix, path[len(self.prefix) :]
        if self.is_folder and (found := _MEMORY.fullmatch(path)):
            memory, path, before = found[1], found[2] or "", f"{before}/m/{found[1]}"
        if not path:  # links of the page are relative to the folder
            await RedirectResponse(f"{before.rpartition('/')[2]}/")(scope, receive, send)
            return
        await self.app({**scope, "path": path, "memory": memory}, receive, send)


class ByMemory:
    """Passes requests for a memory to one application, and those for the server to another."""

    def __init__(self, memory: ASGIApp, server: ASGIApp) -> None:
        self.memory, self.server = memory, server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        await (self.server if scope["memory"] is None else self.memory)(scope, receive, send)
