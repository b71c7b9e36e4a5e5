"""Access control: the host name in the request, the site that it comes from, and the token.

Without a token, the server trusts everything that reaches the loopback address. Two kinds of attackers reach it through
the user's own browser: a site whose name resolves to 127.0.0.1 (DNS rebinding, detected by ``Host``), and a site that
sends cross-origin requests (detected by ``Origin``).
"""

from __future__ import annotations

import hmac

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from insitu.service.rules import AccessRules
from insitu.service.tokens import LONGEST_TOKEN, Tokens

PUBLIC_PATHS = ("/api/health",)  # need no token, like the page, which holds no secret
READING = ("/api/predict", "/api/ahead")  # POST routes that change nothing
WHOLE = ("/api/backup",)  # GET routes that return everything that was taught


class AccessControl:
    """Middleware that rejects requests which ``rules`` do not admit."""

    def __init__(self, app: ASGIApp, rules: AccessRules, tokens: Tokens) -> None:
        self.app, self.rules, self.tokens = app, rules, tokens

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
                "access-control-allow-methods": "GET, POST, PUT, DELETE",
                "access-control-allow-headers": "authorization, content-type",
                "access-control-max-age": "600",
            }
            await Response(status_code=204, headers=allowed)(scope, receive, send_cross_origin)
            return
        self._check_token(scope, headers)
        await self.app(scope, receive, send_cross_origin)

    def _check_token(self, scope: Scope, headers: Headers) -> None:
        path = scope["path"]
        if self.rules.token is None or path in PUBLIC_PATHS or not (path.startswith("/api/") or path == "/metrics"):
            return
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not given:
            raise HTTPException(401, "a token is required: Authorization: Bearer TOKEN", _challenge())
        token = given.strip()[:LONGEST_TOKEN]
        if hmac.compare_digest(token.encode(), self.rules.token.encode()):
            return
        role = None if scope["memory"] is None else self.tokens.role(scope["memory"], token)
        if role is None:
            raise HTTPException(401, "wrong token; see the server's token file", _challenge("invalid_token"))
        reading = scope["method"] in ("GET", "HEAD") and path not in WHOLE
        if role == "read" and not reading and path not in READING:
            raise HTTPException(403, "this token only allows queries; use the one that allows teaching")


def _challenge(error: str = "") -> dict[str, str]:
    return {"www-authenticate": 'Bearer realm="insitu"' + (f', error="{error}"' if error else "")}
