"""GET /api/memory, /api/cells and /api/examples: the memory, the devices of a class, drawings to start with."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from insitu.service.context import Context
from insitu.service.openapi import errors
from insitu.service.schemas import Class, Conductances, Counts, KnownLabel


class Energy(BaseModel):
    """Estimated energy in nJ; null where it is not counted."""

    spent: float | None
    query: float | None


class RequestLimits(BaseModel):
    """Limits of a request."""

    body_bytes: int
    image_bytes: int
    image_pixels: int
    sound_bytes: int
    sound_s: float
    batch: int
    label: int


class MemoryInfo(BaseModel):
    """What a memory is, holds and has spent."""

    input: Literal["drawing", "photo", "sound", "vector"]
    encoder: str | None
    features: int | None
    dim: int
    substrate: str
    compensation: str | None
    cells: bool
    kept_in_file: bool
    corrections: Annotated[bool, Field(description="whether examples are listed, and changes corrected and undone")]
    familiarity: Annotated[bool, Field(description="whether predictions can have a familiarity")]
    events: int
    now_s: float
    classes: Annotated[list[Class], Field(description="all; of a sharded memory the 1000 that were taught last")]
    class_count: Annotated[int, Field(description="number of all classes")]
    spent: Counts
    query: Counts
    energy_nj: Energy
    limits: RequestLimits


class Cells(Conductances):
    """The devices of a class."""

    label: str
    rows: int
    now_s: float
    full_scale_us: float


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
    """Add the routes."""

    @app.get("/api/memory", response_model=MemoryInfo)
    async def memory(request: Request) -> Response:
        """Return what the memory is, holds and has spent."""
        return await context.memory(request).read("inspection.describe")

    @app.get("/api/cells", response_model=Cells, responses=errors(404, 409))
    async def cells(request: Request, label: Annotated[KnownLabel, Query()]) -> Response:
        """Return the devices of a class."""
        return await context.memory(request).read("inspection.cells", label)

    @app.get("/api/examples", response_model=Examples)
    async def examples(request: Request) -> Response:
        """Return drawings of made-up characters."""
        return await context.memory(request).read("inspection.examples")
