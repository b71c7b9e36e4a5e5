"""POST /api/teach and /api/forget: changes of the memory; GET /api/events: the stream that reports them."""

from __future__ import annotations

from typing import Annotated, Any, Self

from fastapi import FastAPI, Request
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from insitu.ledger import Ledger
from insitu.memory import Memory
from insitu.memory.query import Columns
from insitu.service import schemas
from insitu.service.context import Context, check_features, require_label, snapshot
from insitu.service.errors import AsciiResponse
from insitu.service.labels import AmbiguousLabelError, find_label, new_label
from insitu.service.openapi import errors
from insitu.service.proxies import client_of
from insitu.service.schemas import Body, Class, Conductances, Counts, Items, Json, KnownLabel, NewLabel

STREAM = "text/event-stream"


class Teach(Items):
    """Examples with their labels."""

    model_config = ConfigDict(json_schema_extra={"oneOf": schemas.ONE_LABEL, "allOf": [{"oneOf": schemas.ONE_KIND}]})

    label: NewLabel | None = None
    labels: Annotated[list[NewLabel], Field(min_length=1, max_length=schemas.MOST_ITEMS, fail_fast=True)] | None = None
    cells: Annotated[bool, Field(strict=True, description="also return the devices before and after")] = False

    @model_validator(mode="after")
    def _one_label_each(self) -> Self:
        items = self.all_images or self.all_vectors or []
        if (self.label is None) == (self.labels is None) or len(self.all_labels) != len(items):
            raise ValueError("give 'label' with one image or vector, or 'labels' with as many images or vectors")
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
    classes: list[Class]
    spent: Counts
    energy_nj: float


class Taught(Change):
    """An event of teaching."""

    cells: list[ColumnChange] | None = None


def add(app: FastAPI, context: Context) -> None:
    """Add the routes."""

    def publish(kind: str, reply: Json, labels: list[str]) -> None:
        change = {"labels": labels, "classes": len(reply["classes"]), "spent": reply["spent"]}
        context.hub.publish(kind, {"event": reply["event"], **change})

    @app.post("/api/teach", response_model=Taught, responses=errors(409, 507))
    async def teach(sent: Teach) -> Response:
        """Teach examples; they are durable once the reply is sent."""
        x = await context.decode(sent)
        reply, labels = await context.scheduler.write(lambda memory: _teach(memory, sent.all_labels, x, sent.cells))
        publish("learn", reply, labels)
        return AsciiResponse(reply)

    @app.post("/api/forget", response_model=Change, responses=errors(409, 507))
    async def forget(sent: Forget) -> Response:
        """RESET the column of a class."""
        reply, labels = await context.scheduler.write(lambda memory: _forget(memory, sent.label))
        publish("forget", reply, labels)
        return AsciiResponse(reply)

    @app.get("/api/events", responses={200: {"content": {STREAM: {}}}}, response_class=StreamingResponse)
    async def events(request: Request) -> Response:
        """Stream changes of the memory."""
        headers = {"x-accel-buffering": "no"}  # nginx would buffer events
        if request.method == "HEAD":
            return Response(media_type=STREAM, headers=headers)
        return StreamingResponse(context.hub.subscribe(client_of(request.scope)), media_type=STREAM, headers=headers)


def _teach(memory: Memory, names: list[str], x: NDArray[Any], with_devices: bool) -> tuple[Json, list[str]]:
    """Teach examples x (n, ...); return the reply, and the classes by their stored labels."""
    before = snapshot(memory)
    check_features(memory, x)
    labels = _labels(before, names)
    classes = list(dict.fromkeys(labels))
    devices: dict[Any, Columns | None] = {}
    if with_devices and before is not None:
        held = set(before.classes_.tolist())
        devices = {label: before.columns([label]) for label in classes if label in held}
    memory.partial_fit(x, labels)
    after = memory.projected(0)
    reply = _change(before, after)
    if with_devices and (columns := after.columns(classes, before)) is not None:
        reply["cells"] = [
            _column_change(str(label), devices.get(label), columns, index) for index, label in enumerate(classes)
        ]
    return reply, [str(label) for label in classes]


def _forget(memory: Memory, name: str) -> tuple[Json, list[str]]:
    before = snapshot(memory)
    label = require_label(memory, name)
    memory.forget(label)
    return _change(before, memory.projected(0)), [str(label)]


def _labels(before: Memory | None, names: list[str]) -> list[Any]:
    """Return for every name the label of the class that it denotes, or a new label."""
    known = before.classes_.tolist() if before else []
    label_of: dict[str, Any] = {}
    for name in dict.fromkeys(names):
        try:
            label = find_label(known, name)
            label_of[name] = new_label(name) if label is None else label
        except AmbiguousLabelError as error:
            raise HTTPException(409, str(error)) from None
        except ValueError as error:
            raise HTTPException(422, f"label: {error}") from None
    return [label_of[name] for name in names]


def _change(before: Memory | None, after: Memory) -> Json:
    spent = after.cost() - (Ledger() if before is None else before.cost())
    return {
        "event": after.events_,
        "classes": schemas.classes(after),
        "spent": dict(spent.counts),
        "energy_nj": schemas.energy_nj(spent),
    }


def _column_change(label: str, before: Columns | None, after: Columns, index: int) -> Json:
    """Return the change of one class; ``before`` holds it alone, ``after`` counts pulses from then on."""
    plus, minus = after.pulses[:, :, index].tolist()
    return {
        "label": label,
        "before": None if before is None else schemas.conductances(before, 0),
        "after": schemas.conductances(after, index),
        "pulses": {"plus": plus, "minus": minus},
        "reset": bool(after.resets[index]),
    }
