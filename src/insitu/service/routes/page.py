"""GET / and /static/...: the files of the page."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from insitu.service.context import Context

FOLDER = Path(__file__).parents[1] / "static"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".json": "application/json",
}


def add(app: FastAPI, context: Context) -> None:
    """Add the routes."""

    @app.get("/", include_in_schema=False)
    @app.get("/static/{name:path}", include_in_schema=False)
    async def static(request: Request, name: str | None = None) -> Response:
        start = "memories.html" if request.scope["memory"] is None else "index.html"
        return _file(start if name is None else name, request.headers.get("if-none-match", ""))


def _file(name: str, etags: str) -> Response:
    """Return a file of the page, or 304 where one of ``etags`` is current."""
    files = {file.relative_to(FOLDER).as_posix(): file for file in FOLDER.rglob("*") if file.suffix in TYPES}
    if name not in files:  # looked up, never joined to a path
        raise HTTPException(404, "there is no such page")
    content = files[name].read_bytes()
    tag = f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    if tag in etags:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=TYPES[files[name].suffix])
