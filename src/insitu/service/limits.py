"""How much, how fast and how slowly one may ask: requests per second, bytes of a body, seconds until it is there."""

from __future__ import annotations

import asyncio
import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from insitu.service.errors import Refusal

CLOSE = {"connection": "close"}


@dataclass(frozen=True)
class Limits:
    """What one client may do; all of it is told by ``/api/memory``, so that the page can keep to it."""

    rate: float = 400.0  # requests per second of one address; 0 is any number
    body_bytes: int = 4 * 2**20
    body_s: float = 10.0  # until the whole body is there
    image_bytes: int = 2**20
    image_pixels: int = 2**22
    batch: int = 64  # images or vectors of a request
    listeners: int = 64  # of events, of all clients together


class Bucket:
    """Token buckets of clients: each fills at ``rate`` and holds two seconds' worth; those long unseen are dropped."""

    SECONDS, CLIENTS = 2.0, 4096

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, and when

    def wait_s(self, client: str) -> float:
        """Take a token; return 0, or how many seconds it takes until there is one."""
        now, most = self._clock(), max(1.0, self._rate * self.SECONDS)
        tokens, then = self._held.pop(client, (most, now))
        tokens = min(most, tokens + (now - then) * self._rate)
        self._held[client] = (tokens - 1, now) if tokens >= 1 else (tokens, now)
        if len(self._held) > self.CLIENTS:
            self._held.popitem(last=False)
        return 0.0 if tokens >= 1 else (1 - tokens) / self._rate


class Rate:
    """The layer that counts requests."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self._bucket = Bucket(limits.rate) if limits.rate else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or raise ``Refusal``."""
        if self._bucket is not None and (wait := self._bucket.wait_s(client_of(scope))):
            raise Refusal(429, "too many requests; wait a little", {"retry-after": str(math.ceil(wait))})
        await self.app(scope, receive, send)


class Body:
    """The layer that takes in the whole body, as long as it is small and comes soon, before anything looks at it."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app, self.limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or raise ``Refusal``."""
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdigit() or len(length) > 20 or int(length) > self.limits.body_bytes:
            raise self._too_large()
        if scope["method"] == "POST" and not _is_json(Headers(scope=scope).get("content-type", "")):
            # a form or plain text is what another site may send without asking
            raise Refusal(415, "a body is JSON: Content-Type: application/json", CLOSE)
        try:
            async with asyncio.timeout(self.limits.body_s):
                body = await self._whole(receive)
        except TimeoutError:
            raise Refusal(408, f"the body was not there within {self.limits.body_s:g} s", CLOSE) from None
        first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replayed() -> Message:
            return first.pop() if first else await receive()

        await self.app(scope, replayed, send)

    async def _whole(self, receive: Receive) -> bytes:
        pieces, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refusal(400, "the client went away")
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            more = message.get("more_body", False)
            if size > self.limits.body_bytes:
                raise self._too_large()
        return b"".join(pieces)

    def _too_large(self) -> Refusal:
        return Refusal(413, f"a body has at most {self.limits.body_bytes} bytes", CLOSE)


def _is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "application/json"


def client_of(scope: Scope) -> str:
    """Return whose request it is; see ``network_of``."""
    return network_of(scope["client"][0] if scope.get("client") else "")


def network_of(host: str) -> str:
    """Return an IPv4 address as it is, or the network of an IPv6 one, which a household has to itself."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped  # an IPv4 client of a socket for both
        return str(mapped) if mapped else str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return host
