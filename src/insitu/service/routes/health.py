"""GET /api/health: whether the service answers."""

from __future__ import annotations

from typing import Literal

from fastapi import FastAPI, Request
from pydantic import BaseModel
from starlette.responses import Response

from insitu.service.context import Context
from insitu.service.errors import AsciiResponse


class Health(BaseModel):
    """Whether the service answers at once, or requests wait until it has started."""

    status: Literal["ok", "starting"]
    version: str


def add(app: FastAPI, context: Context) -> None:
    """Add the routes."""

    @app.get("/api/health", response_model=Health)
    async def health(request: Request) -> Response:
        """Report that the service runs; while it is "starting", requests wait."""
        return AsciiResponse({"status": "ok" if context.worker.ready else "starting", "version": request.app.version})
