"""Who may ask: by which name the server is called, from which site, and with which token.

Without a token the server trusts whoever reaches the loopback address. Two kinds of others do, through the user's own
browser: a site whose name was made to lead to 127.0.0.1 (it is told by the name in ``Host``), and a site that sends
requests across origins (it is told by ``Origin``).
"""

from __future__ import annotations

import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from insitu.core import InsituError, read_text
from insitu.service.errors import Refusal
from insitu.service.proxies import Network

OPEN = ("/api/health",)  # what needs no token besides the page, which holds no secret
LONGEST = 256  # characters of a token that are looked at


@dataclass(frozen=True)
class Rules:
    """What is allowed.

    ``hosts`` are names by which the server may be called, None for any; ``origins`` other sites that may ask.
    ``public`` is the address under which a proxy shows the server, as browsers send it in ``Origin``; ``proxies`` are
    those whose headers are believed.
    """

    token: str | None = None
    hosts: frozenset[str] | None = frozenset({"localhost", "127.0.0.1", "[::1]"})
    origins: frozenset[str] = frozenset()
    public: str | None = None
    proxies: tuple[Network, ...] = ()

    def knows(self, host: str) -> bool:
        """Return whether the server may be called so."""
        return self.hosts is None or _name(host) in {*self.hosts, *self._public_name()}

    def is_own(self, origin: str, scheme: str, host: str) -> bool:
        """Return whether a page of this origin came from this server."""
        return origin in (f"{scheme}://{host}", self.public)

    def _public_name(self) -> set[str]:
        return {_name(self.public.partition("://")[2])} if self.public else set()


class Access:
    """The layer that lets requests through."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self.app, self.rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or raise ``Refusal``."""
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if not self.rules.knows(host):
            raise Refusal(421, "the server is not known by this name; call it as it said when it started")
        origin = headers.get("origin")
        if origin is None or self.rules.is_own(origin, scope["scheme"], host):
            self._check_token(scope, headers)
            await self.app(scope, receive, send)
            return
        if origin not in self.rules.origins:
            raise Refusal(403, "other sites may not ask this server; --allow-origin lets one in")

        async def shared(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                out["access-control-allow-origin"] = origin
                out["cross-origin-resource-policy"] = "cross-origin"
                out.add_vary_header("origin")
            await send(message)

        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            allowed = {
                "access-control-allow-methods": "GET, POST",
                "access-control-allow-headers": "authorization, content-type",
                "access-control-max-age": "600",
            }
            await Response(status_code=204, headers=allowed)(scope, receive, shared)
            return
        self._check_token(scope, headers)
        await self.app(scope, receive, shared)

    def _check_token(self, scope: Scope, headers: Headers) -> None:
        if self.rules.token is None or not scope["path"].startswith("/api/") or scope["path"] in OPEN:
            return
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not given:
            raise Refusal(401, "a token is needed: Authorization: Bearer TOKEN", _challenge())
        if not hmac.compare_digest(given.strip()[:LONGEST].encode(), self.rules.token.encode()):
            raise Refusal(401, "this is not the token; the server's token file holds it", _challenge("invalid_token"))


def token_of(path: Path) -> tuple[str, bool]:
    """Return the token kept at ``path``, made there where there is none, and whether it was made."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _kept(path), False
    except OSError as error:
        raise InsituError(f"could not write the token to {path}: {error.strerror}; give --token-file") from error
    token = secrets.token_urlsafe(32)
    with os.fdopen(handle, "wb") as file:
        file.write(f"{token}\n".encode())
    return token, True


def _kept(path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise InsituError(f"others can read the token in {path}; 'chmod 600 {path}', or delete it for a new one")
        token = read_text(path).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InsituError(f"could not read the token in {path}: {error}; delete it for a new one") from error
    if not 16 <= len(token) <= LONGEST or not token.isascii() or not token.isprintable():
        raise InsituError(f"{path} holds no token of 16 to {LONGEST} characters; delete it for a new one")
    return token


def _challenge(error: str = "") -> dict[str, str]:
    return {"www-authenticate": 'Bearer realm="insitu"' + (f', error="{error}"' if error else "")}


def _name(host: str) -> str:
    """Return a host without its port; an IPv6 address keeps its brackets."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
