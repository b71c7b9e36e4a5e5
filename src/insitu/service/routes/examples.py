"""GET /api/examples: drawings of made-up characters to start with."""

from __future__ import annotations

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.responses import Response

from insitu.service import sample_drawings
from insitu.service.context import Context
from insitu.service.errors import AsciiResponse


class Drawings(BaseModel):
    """A class with drawings to teach and drawings to query, as data URLs."""

    label: str
    images: list[str]
    ask: list[str]


class DrawingSet(BaseModel):
    """Characters of one set."""

    name: str
    classes: list[Drawings]


class Examples(BaseModel):
    """Sets of drawings."""

    sets: list[DrawingSet]


def add(app: FastAPI, context: Context) -> None:
    """Add the route."""

    @app.get("/api/examples", response_model=Examples)
    async def examples() -> Response:
        """Return drawings of made-up characters."""
        return AsciiResponse(await context.scheduler.read(sample_drawings.examples))
