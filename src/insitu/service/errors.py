"""Everything that goes wrong as ``application/problem+json`` (RFC 9457): one sentence, and never what was sent."""

from __future__ import annotations

import asyncio
import errno
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
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from insitu.core import InsituError

log = logging.getLogger("insitu.server")
CLIENT, SERVER, FULL = 422, 500, 507
SHOWN = 60  # characters of a name that was sent


class Problem(JSONResponse):
    """An error as its media type says it."""

    media_type = "application/problem+json"


class Answer(JSONResponse):
    """JSON in ASCII, which holds whatever a string may hold, a lone surrogate too."""

    def render(self, content: Any) -> bytes:
        """Return the bytes; NaN and infinity are no JSON."""
        return json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()


class Refusal(HTTPException):
    """What the client has to mend; becomes a problem with this status and sentence."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, detail, headers)


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Problem:
    """Return the response for a status and a sentence."""
    title = http.HTTPStatus(status).phrase
    return Problem({"type": "about:blank", "title": title, "status": status, "detail": detail}, status, headers)


def handle(app: FastAPI) -> None:
    """Turn what the routes raise into problems."""

    async def raised(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException):
            return problem(error.status_code, error.detail, error.headers)
        if isinstance(error, RequestValidationError):
            return problem(CLIENT, _wrong(error))
        return _refused(error) if isinstance(error, InsituError) else _bug()

    for kind in (HTTPException, RequestValidationError, InsituError, Exception):
        app.add_exception_handler(kind, raised)


class Caught:
    """The outermost layer: a refusal of the layers within, and what nobody expected, become problems too."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except HTTPException as error:
            await problem(error.status_code, error.detail, error.headers)(scope, receive, noted)
        except asyncio.CancelledError:
            # the server stops and waits no longer; passed on, uvicorn would log it as an error
            if not started:
                await problem(503, "the server is stopping", {"connection": "close"})(scope, receive, noted)
        except Exception as error:
            shown = log.exception if os.environ.get("INSITU_DEBUG") == "1" else log.error
            shown("%s %s failed: %s: %s", scope["method"], ascii(scope["path"]), type(error).__name__, error)
            if not started:
                await _bug()(scope, receive, noted)


def _wrong(error: RequestValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(ascii(part)[1:-1][:SHOWN] if isinstance(part, str) else str(part) for part in first["loc"])
    return f"{where}: {first['msg']}"


def _bug() -> Response:
    return problem(SERVER, "this is a bug of insitu; its log says more")


def _refused(error: InsituError) -> Response:
    cause, text = error.__cause__, str(error)
    if not isinstance(cause, OSError):
        # errors of a memory in a file begin with its path, which is nobody's business
        return problem(CLIENT, (text.partition(": ")[2] or "the memory refused it") if text.startswith("/") else text)
    log.error("%s", error)  # a disk that is full or gone is no fault of who asks
    if cause.errno == errno.ENOSPC:
        return problem(FULL, "there is no room on the server's disk for it; what was kept before is intact")
    return problem(SERVER, "the server's disk does not take it; what was kept before is intact")
