"""POST /api/teach and /api/forget: changes of the memory; GET /api/events: the stream that reports them."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response, StreamingResponse

from insitu.service import schemas
from insitu.service.context import Context, plain
from insitu.service.openapi import errors
from insitu.service.proxies import client_of
from insitu.service.schemas import Body, Class, Conductances, Counts, Items, KnownLabel, NewLabel

STREAM = "text/event-stream"


class Teach(Items):
    """Examples with their labels."""

    model_config = ConfigDict(json_schema_extra={"oneOf": schemas.ONE_LABEL, "allOf": [{"oneOf": schemas.ONE_KIND}]})

    label: NewLabel | None = None
    labels: Annotated[list[NewLabel], Field(min_length=1, max_length=schemas.MOST_ITEMS, fail_fast=True)] | None = None
    cells: Annotated[bool, Field(strict=True, description="also return the devices before and after")] = False

    @model_validator(mode="after")
    def _one_label_each(self) -> Self:
        items = self.all_images or self.all_sounds or self.all_vectors or []
        if (self.label is None) == (self.labels is None) or len(self.all_labels) != len(items):
            raise ValueError("give 'label' with one item, or 'labels' with as many items")
        return self

    @property
    def all_labels(self) -> list[str]:
        """One label per item."""
        return [self.label] if self.label is not None else self.labels or []


class Forget(Body):
    """The class to forget."""

    label: KnownLabel


class Pulses(BaseModel):
    """SET pulses per device."""

    plus: list[int]
    minus: list[int]


class ColumnChange(BaseModel):
    """What an event did to the devices of a class."""

    label: str
    before: Conductances | None
    after: Conductances
    pulses: Pulses
    reset: bool


class Change(BaseModel):
    """An event: its number, the classes after it, what it spent."""

    event: int
    classes: Annotated[list[Class], Field(description="all; of a sharded memory those that changed")]
    spent: Counts
    energy_nj: Annotated[float | None, Field(description="null where it is not counted")]


class Taught(Change):
    """An event of teaching."""

    cells: list[ColumnChange] | None = None


def add(app: FastAPI, context: Context) -> None:
    """Add the routes."""

    @app.post("/api/teach", response_model=Taught, responses=errors(409, 507))
    async def teach(request: Request, sent: Teach) -> Response:
        """Teach examples; they are durable once the reply is sent."""
        return await context.memory(request).write("changes.teach", sent.all_labels, plain(sent), sent.cells)

    @app.post("/api/forget", response_model=Change, responses=errors(409, 507))
    async def forget(request: Request, sent: Forget) -> Response:
        """RESET the column of a class."""
        return await context.memory(request).write("changes.forget", sent.label)

    @app.get("/api/events", responses={200: {"content": {STREAM: {}}}}, response_class=StreamingResponse)
    async def events(request: Request) -> Response:
        """Stream changes of the memory."""
        headers = {"x-accel-buffering": "no"}  # nginx would buffer events
        if request.method == "HEAD":
            return Response(media_type=STREAM, headers=headers)
        stream = context.memory(request).hub.subscribe(client_of(request.scope))
        return StreamingResponse(stream, media_type=STREAM, headers=headers)
