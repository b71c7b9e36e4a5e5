"""Access control: the host name in the request, the site that it comes from, and the token.

Without a token, the server trusts everything that reaches the loopback address. Two kinds of attackers reach it through
the user's own browser: a site whose name resolves to 127.0.0.1 (DNS rebinding, detected by ``Host``), and a site that
sends cross-origin requests (detected by ``Origin``).
"""

from __future__ import annotations

import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from insitu.core import InsituError, read_text
from insitu.service.proxies import Network

PUBLIC_PATHS = ("/api/health",)  # need no token, like the page, which holds no secret
LONGEST_TOKEN = 256  # characters


@dataclass(frozen=True)
class AccessRules:
    """Which requests are admitted."""

    token: str | None = None
    hosts: frozenset[str] | None = frozenset({"localhost", "127.0.0.1", "[::1]"})  # accepted in Host; None for any
    origins: frozenset[str] = frozenset()  # other sites whose pages may send requests
    public: str | None = None  # address of a proxy in front of the server, as browsers send it in Origin
    proxies: tuple[Network, ...] = ()  # whose X-Forwarded headers are trusted

    def allows_host(self, host: str) -> bool:
        """Return whether the server answers to this host name."""
        return self.hosts is None or _without_port(host) in {*self.hosts, *self._public_host()}

    def is_own_origin(self, origin: str, scheme: str, host: str) -> bool:
        """Return whether a page of this origin came from this server."""
        return origin in (f"{scheme}://{host}", self.public)

    def _public_host(self) -> set[str]:
        return {_without_port(self.public.partition("://")[2])} if self.public else set()


class AccessControl:
    """Middleware that rejects requests which ``rules`` do not admit."""

    def __init__(self, app: ASGIApp, rules: AccessRules) -> None:
        self.app, self.rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or raise ``HTTPException``."""
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if not self.rules.allows_host(host):
            raise HTTPException(421, "the server does not answer to this host name; use an address that it printed")
        origin = headers.get("origin")
        if origin is None or self.rules.is_own_origin(origin, scope["scheme"], host):
            self._check_token(scope, headers)
            await self.app(scope, receive, send)
            return
        if origin not in self.rules.origins:
            raise HTTPException(403, "pages of other sites may not send requests; --allow-origin admits a site")

        async def send_cross_origin(message: Message) -> None:
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
            await Response(status_code=204, headers=allowed)(scope, receive, send_cross_origin)
            return
        self._check_token(scope, headers)
        await self.app(scope, receive, send_cross_origin)

    def _check_token(self, scope: Scope, headers: Headers) -> None:
        if self.rules.token is None or not scope["path"].startswith("/api/") or scope["path"] in PUBLIC_PATHS:
            return
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not given:
            raise HTTPException(401, "a token is required: Authorization: Bearer TOKEN", _challenge())
        if not hmac.compare_digest(given.strip()[:LONGEST_TOKEN].encode(), self.rules.token.encode()):
            raise HTTPException(401, "wrong token; see the server's token file", _challenge("invalid_token"))


def load_or_create_token(path: Path) -> tuple[str, bool]:
    """Return the token in the file at ``path``, created if it does not exist, and whether it was created."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _load_token(path), False
    except OSError as error:
        raise InsituError(f"could not write the token to {path}: {error.strerror}; give --token-file") from error
    token = secrets.token_urlsafe(32)
    with os.fdopen(handle, "wb") as file:
        file.write(f"{token}\n".encode())
    return token, True


def _load_token(path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise InsituError(f"others can read the token in {path}; 'chmod 600 {path}', or delete it for a new one")
        token = read_text(path).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InsituError(f"could not read the token in {path}: {error}; delete it for a new one") from error
    if not 16 <= len(token) <= LONGEST_TOKEN or not token.isascii() or not token.isprintable():
        raise InsituError(f"{path} has no token of 16 to {LONGEST_TOKEN} characters; delete it for a new one")
    return token


def _challenge(error: str = "") -> dict[str, str]:
    return {"www-authenticate": 'Bearer realm="insitu"' + (f', error="{error}"' if error else "")}


def _without_port(host: str) -> str:
    """Return a host without its port; an IPv6 address keeps its brackets."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
