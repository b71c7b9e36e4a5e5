"""Middleware that holds requests to the limits: rate per client, size of a body, time for it to arrive."""

from __future__ import annotations

import asyncio
import math

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from insitu.service.limits import Limits, TokenBuckets
from insitu.service.proxies import client_of

CLOSE = {"connection": "close"}
SQLITE = "application/vnd.sqlite3"  # type of a copy of a memory's file
COPIES = "/api/memories/"  # paths that a copy is sent to


class RateLimit:
    """Middleware that limits the rate of requests per client."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self._buckets = TokenBuckets(limits.rate) if limits.rate else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or raise ``HTTPException``."""
        if self._buckets is not None and (wait := self._buckets.wait_s(client_of(scope))):
            raise HTTPException(429, "too many requests; retry later", {"retry-after": str(math.ceil(wait))})
        await self.app(scope, receive, send)


class BodyLimit:
    """Middleware that receives the whole body, within its limits of size and time, before it is parsed."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app, self.limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or raise ``HTTPException``."""
        limits, is_copy = self.limits, scope["method"] == "PUT" and scope["path"].startswith(COPIES)
        most, seconds = (limits.copy_bytes, limits.copy_s) if is_copy else (limits.body_bytes, limits.body_s)
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdigit() or len(length) > 20 or int(length) > most:
            raise _too_large(most)
        expected = SQLITE if is_copy else "application/json"
        if (is_copy or scope["method"] == "POST") and _type_of(scope) != expected:
            # other sites may send forms and plain text without a preflight request
            raise HTTPException(415, f"this body is sent with Content-Type: {expected}", CLOSE)
        try:
            async with asyncio.timeout(seconds):
                body = await _receive_all(receive, most)
        except TimeoutError:
            raise HTTPException(408, f"the body did not arrive within {seconds:g} s", CLOSE) from None
        first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_body() -> Message:
            return first.pop() if first else await receive()

        await self.app(scope, receive_body, send)


async def _receive_all(receive: Receive, most: int) -> bytes:
    pieces, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HTTPException(400, "the client disconnected")
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        more = message.get("more_body", False)
        if size > most:
            raise _too_large(most)
    return b"".join(pieces)


def _too_large(most: int) -> HTTPException:
    return HTTPException(413, f"a body has at most {most} bytes", CLOSE)


def _type_of(scope: Scope) -> str:
    return Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
