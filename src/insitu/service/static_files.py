"""The files of the page, as they come with the package."""

from __future__ import annotations

import hashlib
from pathlib import Path

from starlette.responses import Response

from insitu.service.errors import Refusal

FOLDER = Path(__file__).parent / "static"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".json": "application/json",
}


def served(name: str, known: str = "") -> Response:
    """Return a file of the page, or that the browser's copy, whose tag is ``known``, is the same."""
    files = {file.relative_to(FOLDER).as_posix(): file for file in FOLDER.rglob("*") if file.suffix in TYPES}
    if name not in files:  # looked up, never joined to a path
        raise Refusal(404, "there is no such page")
    content = files[name].read_bytes()
    tag = f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    if tag in known:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=TYPES[files[name].suffix])
