"""The OpenAPI description: FastAPI's own, with every error where it can occur, as problem+json."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field

from insitu.service.auth import PUBLIC_PATHS
from insitu.service.names import PATTERN

DESCRIPTIONS = {
    400: "the body cannot be parsed",
    401: "the token is missing or wrong",
    403: "the request comes from a page of another site",
    404: "there is no memory of this name, or its substrate has no devices",
    408: "the body did not arrive in time",
    409: "the memory holds no such class or example, none at all, or nothing to undo; or it cannot do this",
    413: "the body, or an image in it, is too large",
    415: "the body is not JSON",
    421: "the server does not answer to this host name",
    422: "the request is not valid; see its detail",
    429: "too many requests; retry after Retry-After seconds",
    500: "an error of insitu or of the server's disk",
    503: "the server is stopping, or what computes was lost",
    507: "the server's disk is full",
}
EVERYWHERE = (403, 408, 413, 421, 429, 500, 503)  # raised by the middleware
WITH_BODY = (400, 415, 422)


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: Annotated[str, Field(description="one sentence: what is wrong, and what to do")]


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the argument ``responses`` of a route that raises these errors besides those of the middleware."""
    return {status: {} for status in statuses}


def describe_errors(app: FastAPI) -> None:
    """Set the description of the current routes of ``app``."""
    description = _with_errors(get_openapi(title=app.title, version=app.version, routes=app.routes))
    app.openapi = lambda: description  # type: ignore[method-assign]  # FastAPI's own way to extend the description


def describe_memories(server: FastAPI, memory: FastAPI) -> None:
    """Add the routes of a memory to the description of a server of several, below ``/m/{memory}``."""
    whole, part = server.openapi(), memory.openapi()
    name = {"name": "memory", "in": "path", "required": True, "schema": {"type": "string", "pattern": PATTERN}}
    missing = {"404": {"$ref": "#/components/responses/NOT_FOUND"}}
    for path, methods in part["paths"].items():
        if path not in PUBLIC_PATHS:
            whole["paths"][f"/m/{{memory}}{path}"] = {
                method: operation
                | {"parameters": [name, *operation.get("parameters", [])]}
                | {"responses": operation["responses"] | missing}
                for method, operation in methods.items()
            }
    whole["components"]["schemas"] |= part["components"]["schemas"]


def _with_errors(description: dict[str, Any]) -> dict[str, Any]:
    components = description.setdefault("components", {"schemas": {}})
    for name in ("HTTPValidationError", "ValidationError"):  # of FastAPI, never sent
        components["schemas"].pop(name, None)
    components["schemas"]["Problem"] = Problem.model_json_schema()
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    components["responses"] = {
        HTTPStatus(status).name: {"description": text, "content": content} for status, text in DESCRIPTIONS.items()
    }
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            responses = operation["responses"]
            statuses = {*EVERYWHERE, *(WITH_BODY if method in ("post", "put") else ()), *map(int, responses)} - {200}
            if path not in PUBLIC_PATHS:
                statuses.add(401)
                operation["security"] = [{"token": []}, {}]  # no token where the server was started without one
            responses |= {str(s): {"$ref": f"#/components/responses/{HTTPStatus(s).name}"} for s in sorted(statuses)}
    return description
