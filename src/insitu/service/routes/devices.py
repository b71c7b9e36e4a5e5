"""GET /api/cells: the devices of one class."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Query
from starlette.exceptions import HTTPException
from starlette.responses import Response

from insitu.memory import Memory
from insitu.service import replies
from insitu.service.context import Context, require_classes, require_label
from insitu.service.errors import AsciiResponse
from insitu.service.openapi import errors
from insitu.service.replies import Conductances, Json
from insitu.service.requests import KnownLabel


class Cells(Conductances):
    """The devices of a class."""

    label: str
    rows: int
    now_s: float
    full_scale_us: float


def add(app: FastAPI, context: Context) -> None:
    """Add the route."""

    @app.get("/api/cells", response_model=Cells, responses=errors(404, 409))
    async def cells(label: Annotated[KnownLabel, Query()]) -> Response:
        """Return the devices of a class."""
        return AsciiResponse(await context.scheduler.read(lambda: _cells(context.scheduler.memory, label)))


def _cells(memory: Memory, name: str) -> Json:
    if not replies.has_devices(memory):
        raise HTTPException(404, "the substrate of this memory has no devices")
    current = require_classes(memory)
    label = require_label(current, name)
    columns = current.columns([label])
    assert columns is not None
    sides = replies.conductances(columns, 0)
    facts = {"label": str(label), "rows": len(sides["plus_us"]), "now_s": current.now_s_}
    return facts | sides | {"full_scale_us": columns.full_scale_us}
