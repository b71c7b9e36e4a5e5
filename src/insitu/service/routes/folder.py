"""GET and POST /api/memories, PUT and DELETE /api/memories/NAME: the memories of a folder."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import FastAPI, Request
from fastapi import Path as InPath
from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from insitu.core import is_path, named_encoder
from insitu.service.context import Context
from insitu.service.errors import AsciiResponse
from insitu.service.names import ALLOWED, PATTERN, is_name, names_in
from insitu.service.openapi import errors
from insitu.service.request_limits import SQLITE
from insitu.service.schemas import Body


def _checked_name(text: str) -> str:
    """Return a name as it is; a pattern of pydantic would answer with the pattern."""
    if not is_name(text):
        raise PydanticCustomError("name", f"a memory has no such name; a name has {ALLOWED}")
    return text


Name = Annotated[str, AfterValidator(_checked_name), Field(json_schema_extra={"pattern": PATTERN}, description=ALLOWED)]
InUrl = Annotated[str, InPath(json_schema_extra={"pattern": PATTERN})]  # checked in the route


class NewMemory(Body):
    """A memory to create; what is not given is as in ``insitu serve``."""

    name: Name
    encoder: Annotated[str | None, Field(description="name of an encoder, none for vectors")] = None
    substrate: Annotated[str | None, Field(description="name of a substrate or device")] = None
    dim: Annotated[int | None, Field(strict=True, ge=1, le=65536, description="rows of the array")] = None


class Created(BaseModel):
    """The new memory with its tokens, which are not shown again; none where the server requires none."""

    name: str
    tokens: dict[Literal["teach", "read"], str]


class Listed(BaseModel):
    """A memory; the numbers of events and classes are null while it is put away."""

    name: str
    events: int | None
    classes: int | None


class Memories(BaseModel):
    """The memories of the folder."""

    memories: list[Listed]


class Deleted(BaseModel):
    """The memory that was deleted."""

    name: str


def add(app: FastAPI, context: Context) -> None:
    """Add the routes."""
    folder, worker = context.tokens.folder, context.worker
    assert folder is not None

    @app.get("/api/memories", response_model=Memories)
    async def memories() -> Response:
        """List the memories."""
        known = [(name, *worker.states.get(name, (None, None))) for name in names_in(folder)]
        fields = ("name", "events", "classes")
        return AsciiResponse({"memories": [dict(zip(fields, each, strict=True)) for each in known]})

    @app.post("/api/memories", response_model=Created, responses=errors(409, 507))
    async def create(request: Request, sent: NewMemory) -> Response:
        """Create a memory."""
        given = sent.model_dump(exclude_none=True, exclude={"name"})
        if "encoder" in given:
            named = given["encoder"]
            if is_path(named, ".onnx", ".safetensors"):  # else a client could have files read
                raise HTTPException(422, "a client names no file of the server; create this memory by 'insitu teach'")
            given["encoder"] = named_encoder(named)
        await worker.call("write", None, "memories.create", sent.name, given)
        return AsciiResponse({"name": sent.name, "tokens": context.tokens.create(sent.name)})

    content = {SQLITE: {"schema": {"type": "string", "format": "binary"}}}
    body = {"requestBody": {"required": True, "content": content}}

    @app.put("/api/memories/{name}", response_model=Created, responses=errors(404, 409, 507), openapi_extra=body)
    async def restore(request: Request, name: InUrl) -> Response:
        """Create a memory from a copy that /api/backup returned."""
        if not is_name(name):
            raise HTTPException(404, f"a memory has no such name; a name has {ALLOWED}")
        await worker.call("write", None, "memories.restore", name, await request.body())
        return AsciiResponse({"name": name, "tokens": context.tokens.create(name)})

    @app.delete("/api/memories/{name}", response_model=Deleted, responses=errors(404, 409))
    async def delete(name: InUrl) -> Response:
        """Delete the file of a memory, its journal and its tokens. This cannot be undone."""
        if not is_name(name):
            raise HTTPException(404, "there is no memory of this name; GET /api/memories lists all")
        await worker.call("write", None, "memories.delete", name)
        context.forget(name)
        done: dict[str, Any] = {"name": name}
        return AsciiResponse(done)
