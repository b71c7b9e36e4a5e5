"""All errors as ``application/problem+json`` (RFC 9457): one sentence, which never quotes the request's content."""

from __future__ import annotations

import asyncio
import http
import json
import logging
import os
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("insitu.server")
SHOWN = 60  # characters of a field name that was sent


class ProblemResponse(JSONResponse):
    """An error with the media type of RFC 9457."""

    media_type = "application/problem+json"


class AsciiResponse(JSONResponse):
    """JSON in ASCII, which can represent any string, even a lone surrogate."""

    def render(self, content: Any) -> bytes:
        """Return the bytes; NaN and infinity are not JSON."""
        return json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> ProblemResponse:
    """Return the response of an error."""
    title = http.HTTPStatus(status).phrase
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return ProblemResponse(content, status, headers)


def add_handlers(app: FastAPI) -> None:
    """Turn exceptions of the routes into problems."""

    async def handle(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException):
            if error.status_code == 405:
                return _wrong_method(request)
            unknown = error.status_code == 404 and error.detail == http.HTTPStatus(404).phrase  # of no route
            detail = "there is no such address; GET /openapi.json lists all" if unknown else error.detail
            return problem(error.status_code, detail, error.headers)
        if isinstance(error, RequestValidationError):
            return problem(422, _validation_detail(error))
        return _bug()

    for kind in (HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, handle)


class ErrorMiddleware:
    """Turns exceptions of the other middleware, and unexpected ones, into problems."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        started = False

        async def tracked_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, tracked_send)
        except HTTPException as error:
            await problem(error.status_code, error.detail, error.headers)(scope, receive, tracked_send)
        except asyncio.CancelledError:
            # the server stops without waiting any longer; uvicorn would log a propagated one as an error
            if not started:
                await problem(503, "the server is stopping", {"connection": "close"})(scope, receive, tracked_send)
        except Exception as error:
            report = log.exception if os.environ.get("INSITU_DEBUG") == "1" else log.error
            report("%s %s failed: %s: %s", scope["method"], ascii(scope["path"]), type(error).__name__, error)
            if not started:
                await _bug()(scope, receive, tracked_send)


def _wrong_method(request: Request) -> Response:
    """Return the error with all methods of the address, which several routes may share."""
    found = (route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE)
    methods = sorted({method for route in found for method in getattr(route, "methods", None) or ()})
    allowed = {"allow": ", ".join(methods)}
    return problem(405, f"this address takes {' or '.join(methods)}; GET /openapi.json lists all addresses", allowed)


def _validation_detail(error: RequestValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(ascii(part)[1:-1][:SHOWN] if isinstance(part, str) else str(part) for part in first["loc"])
    return f"{where}: {first['msg']}"


def _bug() -> Response:
    return problem(500, "this is a bug in insitu; see the server's log for details")
