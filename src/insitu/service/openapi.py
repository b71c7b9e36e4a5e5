"""The service's OpenAPI description: FastAPI's own, and every error where it can occur, as problem+json."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from insitu.service.reply_schemas import Problem

MEANING = {
    400: "the body is no text that can be parsed",
    401: "a token is needed, or another one",
    403: "the page of another site sent it",
    404: "this memory has no devices to look at",
    408: "the body did not come in time",
    409: "the memory holds no class of this name, or none at all",
    413: "the body, or a picture in it, is too large",
    415: "the body is no JSON",
    421: "the server is not known by this name",
    422: "what was sent is not what is taken here; the sentence says why",
    429: "too many at once; come back after Retry-After seconds",
    500: "a fault of insitu or of the server's disk",
    503: "the server is stopping",
    507: "the server's disk is full",
}
EVERYWHERE = (403, 408, 413, 421, 429, 500, 503)  # what the layers around the routes refuse
WITH_BODY = (400, 415, 422)
# where a path differs from its kind: what it also says, and what it never says
MORE: dict[str, tuple[int, ...]] = {
    "/api/teach": (409, 507),
    "/api/forget": (409, 507),
    "/api/predict": (409,),
    "/api/ahead": (409,),
    "/api/cells": (404, 409, 422),
}
OPEN = ("/api/health",)  # needs no token


def describe(app: FastAPI) -> None:
    """Give ``app`` the description of its present routes."""
    whole = _with_errors(get_openapi(title=app.title, version=app.version, routes=app.routes))
    app.openapi = lambda: whole  # type: ignore[method-assign]  # FastAPI's own way to extend the description


def _with_errors(whole: dict[str, Any]) -> dict[str, Any]:
    parts = whole["components"]
    for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own, which is never sent
        parts["schemas"].pop(name, None)
    parts["schemas"]["Problem"] = Problem.model_json_schema()
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    parts["responses"] = {
        HTTPStatus(status).name: {"description": meaning, "content": content} for status, meaning in MEANING.items()
    }
    parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    for path, methods in whole["paths"].items():
        for method, operation in methods.items():
            statuses = {*EVERYWHERE, *(WITH_BODY if method == "post" else ()), *MORE.get(path, ())}
            if path not in OPEN:
                statuses.add(401)
                operation["security"] = [{"token": []}, {}]  # where the server was started without a token, none
            answers = {code: answer for code, answer in operation["responses"].items() if code != "422"}
            for status in sorted(statuses):
                answers[str(status)] = {"$ref": f"#/components/responses/{HTTPStatus(status).name}"}
            operation["responses"] = answers
    return whole
