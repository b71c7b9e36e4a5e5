"""The OpenAPI description has every route and every error, and HEAD works where GET does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from asking import Serve

from insitu import Memory
from insitu.service import routes

PATHS = ("/", "/static/app.js", "/api/health", "/api/memory", "/api/examples", "/openapi.json")


def described(serve: Serve) -> Any:
    return serve(Memory("digital")).get("/openapi.json").json


def test_it_lists_every_path(serve: Serve) -> None:
    names = {"health", "memory", "teach", "predict", "forget", "cells", "ahead", "events", "examples"}
    names |= {"undo", "rename", "relabel", "remove", "taught", "backup"}
    paths = described(serve)["paths"]
    assert set(paths) == {"/metrics", *(f"/api/{name}" for name in names)}
    assert {method for each in paths.values() for method in each} == {"get", "post"}


def test_errors_are_problems_and_named_where_they_occur(serve: Serve) -> None:
    whole = described(serve)
    named: dict[str, set[int]] = {}
    for path, methods in whole["paths"].items():
        for operation in methods.values():
            for code, answer in operation["responses"].items():
                named.setdefault(path, set()).add(int(code))
                if "$ref" in answer:
                    answer = whole["components"]["responses"][answer["$ref"].rpartition("/")[2]]
                if int(code) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"]
    assert named["/api/teach"] >= {200, 400, 401, 403, 408, 409, 413, 415, 421, 422, 429, 500, 507}
    assert named["/api/predict"] >= {200, 409, 413, 415, 421, 422, 429}
    assert named["/api/cells"] >= {200, 404, 409, 422}
    assert named["/api/events"] >= {200, 429, 503}
    assert named["/api/health"] == {200, 403, 408, 413, 421, 429, 500, 503}
    assert set(whole["components"]["schemas"]["Problem"]["required"]) == {"type", "title", "status", "detail"}
    assert "HTTPValidationError" not in str(whole)


@pytest.mark.parametrize("path", PATHS)
def test_head_has_the_headers_of_get(serve: Serve, page: Path, path: str) -> None:
    service = serve(Memory("digital"))
    asked, told = service.ask("HEAD", path), service.get(path)
    assert (asked.status, asked.headers) == (200, told.headers)
    assert int(asked.headers["content-length"]) == len(told.body)


def test_head_of_the_stream_ends(serve: Serve) -> None:
    service = serve(Memory("digital"))
    reply = service.ask("HEAD", "/api/events")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert not service.hub._queues


def test_head_is_refused_where_get_is(serve: Serve) -> None:
    service = serve(Memory("digital"))
    assert service.ask("HEAD", "/nothing").status == 404
    assert service.ask("HEAD", "/api/teach").status == 405
    assert service.ask("HEAD", "/api/cells", query="label=a").status == 404
    assert service.ask("HEAD", "/api/memory", b"", {"host": "evil.example"}).status == 421
    assert {*service.ask("PUT", "/api/memory").headers["allow"].split(", ")} == {"GET", "HEAD"}


EXTRA = """
def add(app, context):
    @app.get("/api/extra")
    async def extra() -> dict[str, int]:
        return {"batch": context.limits.batch}
"""


def test_a_route_is_one_file(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "extra.py").write_text(EXTRA)
    monkeypatch.setattr(routes, "__path__", [*routes.__path__, str(tmp_path)])
    try:
        service = serve(Memory("digital"))
    finally:
        sys.modules.pop(f"{routes.__name__}.extra", None)
    assert service.get("/api/extra").json == {"batch": 64}
    assert service.ask("HEAD", "/api/extra").status == 200
    assert "401" in service.get("/openapi.json").json["paths"]["/api/extra"]["get"]["responses"]
