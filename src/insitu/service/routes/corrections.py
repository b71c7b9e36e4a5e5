"""POST /api/undo, /api/rename, /api/relabel, /api/remove: corrections of what the memory was taught.

GET /api/taught lists the examples of a class, GET /api/backup returns a copy of the memory's file. No route of a
memory restores one, since whoever may teach could replace everything: in a folder, a copy becomes another memory.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, Field
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

from insitu.service.context import Context
from insitu.service.openapi import errors
from insitu.service.request_limits import SQLITE
from insitu.service.routes.changes import Change
from insitu.service.schemas import Body, KnownLabel, NewLabel

CHUNK = 2**18  # bytes
MOST_PICTURES = 64
ExampleId = Annotated[int, Field(strict=True, ge=0, lt=2**53, description="the id of an example of /api/taught")]


class Undo(Body):
    """No fields: the last change is taken back."""


class Rename(Body):
    """A class and its new name."""

    label: KnownLabel
    new: NewLabel


class Relabel(Body):
    """An example and the class that it moves to."""

    example: ExampleId
    label: NewLabel


class Remove(Body):
    """The example to take out of its class."""

    example: ExampleId


class Undone(Change):
    """An undo: the kind of the event that it took back, and its labels."""

    undone: str
    labels: list[str]


class TaughtExample(BaseModel):
    """An example: when and by whom it was taught, whether its input is stored, and a small picture of it."""

    id: int
    at: str
    who: str
    stored: bool
    picture: Annotated[str | None, Field(description="data URL; null where there is none, or none was requested")]


class TaughtExamples(BaseModel):
    """The examples of a class."""

    label: str
    examples: list[TaughtExample]


def add(app: FastAPI, context: Context) -> None:
    """Add the routes."""

    @app.post("/api/undo", response_model=Undone, responses=errors(409, 507))
    async def undo(request: Request, sent: Undo) -> Response:
        """Take back the last change that is not taken back yet; time stays as it is."""
        return await context.memory(request).write("corrections.undo")

    @app.post("/api/rename", response_model=Change, responses=errors(409, 507))
    async def rename(request: Request, sent: Rename) -> Response:
        """Call a class by another name, which no class has yet."""
        return await context.memory(request).write("corrections.rename", sent.label, sent.new)

    @app.post("/api/relabel", response_model=Change, responses=errors(409, 507))
    async def relabel(request: Request, sent: Relabel) -> Response:
        """Move an example to another class, which may be new."""
        return await context.memory(request).write("corrections.relabel", sent.example, sent.label)

    @app.post("/api/remove", response_model=Change, responses=errors(409, 507))
    async def remove(request: Request, sent: Remove) -> Response:
        """Take an example out of its class; the last one takes the class with it."""
        return await context.memory(request).write("corrections.remove", sent.example)

    @app.get("/api/taught", response_model=TaughtExamples, responses=errors(409))
    async def taught(
        request: Request,
        label: Annotated[KnownLabel, Query()],
        pictures: Annotated[int, Query(ge=0, le=MOST_PICTURES, description="of the latest examples")] = 0,
    ) -> Response:
        """Return the examples of a class, on request with small pictures of the latest ones."""
        return await context.memory(request).read("corrections.examples", label, pictures)

    content = {SQLITE: {"schema": {"type": "string", "format": "binary"}}}
    described = {200: {"content": content}, **errors(409, 507)}

    @app.get("/api/backup", responses=described, response_class=StreamingResponse)
    async def backup(request: Request) -> Response:
        """Return a verified copy of the memory's file."""
        headers = {"content-disposition": 'attachment; filename="memory.insitu"'}
        if request.method == "HEAD":
            return Response(media_type=SQLITE, headers=headers)
        folder = tempfile.mkdtemp(prefix="insitu-backup-")
        copy = Path(folder) / "memory.insitu"
        try:
            await context.memory(request).read("corrections.back_up", str(copy))
        except BaseException:
            shutil.rmtree(folder)
            raise
        clean = BackgroundTask(shutil.rmtree, folder)
        return StreamingResponse(_chunks(copy), media_type=SQLITE, headers=headers, background=clean)


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK):
            yield chunk
