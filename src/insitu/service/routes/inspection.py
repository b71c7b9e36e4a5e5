"""GET /api/health, /api/memory and /api/cells: the service, the memory as a whole, and the devices of a class."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from insitu.ledger import Ledger
from insitu.memory import Memory
from insitu.service import schemas
from insitu.service.context import Context, require_classes, require_label, snapshot
from insitu.service.errors import AsciiResponse
from insitu.service.labels import LONGEST_LABEL
from insitu.service.openapi import errors
from insitu.service.schemas import Class, Conductances, Counts, Json, KnownLabel


class Health(BaseModel):
    """The service runs."""

    status: Literal["ok"]
    version: str


class Energy(BaseModel):
    """Estimated energy in nJ."""

    spent: float
    query: float


class RequestLimits(BaseModel):
    """Limits of a request."""

    body_bytes: int
    image_bytes: int
    image_pixels: int
    batch: int
    label: int


class MemoryInfo(BaseModel):
    """What a memory is, holds and has spent."""

    input: Literal["image", "vector"]
    encoder: str | None
    features: int | None
    dim: int
    substrate: str
    compensation: str | None
    cells: bool
    kept_in_file: bool
    events: int
    now_s: float
    classes: list[Class]
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


def add(app: FastAPI, context: Context) -> None:
    """Add the routes."""

    @app.get("/api/health", response_model=Health)
    async def health(request: Request) -> Response:
        """Report that the service runs."""
        return AsciiResponse({"status": "ok", "version": request.app.version})

    @app.get("/api/memory", response_model=MemoryInfo)
    async def memory() -> Response:
        """Return what the memory is, holds and has spent."""
        return AsciiResponse(await context.scheduler.read(lambda: _memory_info(context)))

    @app.get("/api/cells", response_model=Cells, responses=errors(404, 409))
    async def cells(label: Annotated[KnownLabel, Query()]) -> Response:
        """Return the devices of a class."""
        return AsciiResponse(await context.scheduler.read(lambda: _cells(context.scheduler.memory, label)))


def _memory_info(context: Context) -> Json:
    memory, limits = context.scheduler.memory, context.limits
    current, settings = snapshot(memory), memory.settings
    substrate, images = settings.substrate, settings.kind == "images"
    device = getattr(substrate, "device", None)
    spent, query = (Ledger(), Ledger()) if current is None else (current.cost(), current.query_cost())
    return {
        "input": "image" if images else "vector",
        "encoder": None if settings.encoder is None else settings.encoder.name,
        "features": None if settings.encoder or current is None else current.n_features_in_,
        "dim": settings.dim,
        "substrate": type(substrate).__name__.lower() + (f" of {type(device).__name__}" if device else ""),
        "compensation": schemas.compensation(memory),
        "cells": schemas.has_devices(memory),
        "kept_in_file": context.scheduler.stored,
        "events": 0 if current is None else current.events_,
        "now_s": 0.0 if current is None else current.now_s_,
        "classes": schemas.classes(current),
        "spent": dict(spent.counts),
        "query": dict(query.counts),
        "energy_nj": {"spent": schemas.energy_nj(spent), "query": schemas.energy_nj(query)},
        "limits": {
            **{name: getattr(limits, name) for name in ("body_bytes", "image_bytes", "image_pixels", "batch")},
            "label": LONGEST_LABEL,
        },
    }


def _cells(memory: Memory, name: str) -> Json:
    if not schemas.has_devices(memory):
        raise HTTPException(404, "the substrate of this memory has no devices")
    current = require_classes(memory)
    label = require_label(current, name)
    columns = current.columns([label])
    assert columns is not None
    sides = schemas.conductances(columns, 0)
    rows = {"label": str(label), "rows": len(sides["plus_us"]), "now_s": current.now_s_}
    return rows | sides | {"full_scale_us": columns.full_scale_us}
