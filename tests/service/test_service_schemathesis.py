"""Requests that Schemathesis makes of the service's own description, and what it checks of every answer.

Half of what it takes for valid is fitted to the memory (vectors of two numbers), so that much of it is accepted. Left
out are its check that all valid requests are accepted, since the kind of memory decides that, and the stream of events,
which has no end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

import pytest
from asking import Serve, Service
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

schemathesis = pytest.importorskip("schemathesis", reason="pip install schemathesis, or '.[dev]'")

import requests  # noqa: E402  # comes with schemathesis
from schemathesis.checks import CHECKS  # noqa: E402

from insitu import Memory  # noqa: E402

SOAK = settings.get_current_profile_name() == "soak"
REQUESTS = 5000 if SOAK else 1500
ADDRESS, WIDTH = "127.0.0.1:8000", 2
PLAIN = {"/api/health": 1, "/api/memory": 1, "/api/examples": 1, "/metrics": 1}  # nothing of these can be varied
CELLS = 396 if SOAK else 96
FOLDER_REQUESTS = 300 if SOAK else 40  # of each operation
BACKUPS, UNDOS = 3, 60  # of which few are different
TAUGHT = {"labels": ["a", "b"], "vectors": [[1.0, 0.0], [0.0, 1.0]]}


def fit(case: Any, classes: list[str], example: int) -> None:
    """Change a valid request into one that the memory takes: vectors of its width, one name each, a class it holds."""
    if "memory" in (case.path_parameters or {}):
        case.path_parameters["memory"] = "cups"
    path = case.path.removeprefix("/m/{memory}")
    if path in ("/api/cells", "/api/taught"):
        case.query = {"label": classes[0]}
    new = next(name for name in map("class {}".format, count()) if name not in classes)
    if path == "/api/remove":
        case.body = {"example": example}
    elif path == "/api/relabel":
        case.body = {"example": example, "label": new}
    elif path == "/api/rename":
        case.body = {"label": classes[-1], "new": new}
    elif path == "/api/teach" and not (case.body.get("vector") or case.body.get("vectors")):
        case.body = {"label": classes[0], "vector": [0.5, 1.0]}  # instead of images
    elif path == "/api/forget" and len(classes) > 1:
        case.body = {"label": classes[-1]}
    elif isinstance(case.body, dict):
        case.body = _of_the_width(dict(case.body))
        if "{memory}" in case.path:  # too few requests for random names to be valid ones
            case.body |= {"label": "a"} if case.body.get("label") is not None else {}
            case.body |= {"labels": ["a" for _ in case.body["labels"]]} if case.body.get("labels") else {}


def _of_the_width(body: dict[str, Any]) -> dict[str, Any]:
    for kind in ("image", "sound"):
        if body.pop(kind, None) is not None:
            body["vector"] = [1.0]
        if (urls := body.pop(f"{kind}s", None)) is not None:
            body["vectors"] = [[1.0]] * len(urls)
    if body.get("vector"):
        body["vector"] = (body["vector"] * WIDTH)[:WIDTH]
    if body.get("labels") and not body.get("vectors"):
        body["labels"] = body["labels"][:1]
    if body.get("vectors"):
        names = len(body["labels"]) if body.get("labels") else 1 if "label" in body else 64
        body["vectors"] = [(vector * WIDTH)[:WIDTH] for vector in body["vectors"][:names]]
        if body.get("labels"):
            body["labels"] = body["labels"][: len(body["vectors"])]
    return body


def answered(service: Service, case: Any) -> Any:
    """Send a case into the application, and return the answer as Schemathesis knows it."""
    wanted = case.as_transport_kwargs(base_url=f"http://{ADDRESS}")
    known = ("method", "url", "headers", "params", "data", "json", "cookies")
    made = requests.Request(**{name: wanted[name] for name in known if name in wanted}).prepare()
    path, _, query = made.path_url.partition("?")
    body = made.body.encode() if isinstance(made.body, str) else made.body or b""
    headers = {
        name.lower(): value.decode("latin-1") if isinstance(value, bytes) else value
        for name, value in made.headers.items()
    }
    reply = service.ask(made.method, unquote(path), body, {**headers, "host": ADDRESS}, query)
    found = {name: [value] for name, value in reply.headers.items()}
    return schemathesis.Response(
        status_code=reply.status, headers=found, content=reply.body, request=made, elapsed=0.0, verify=False
    )


def operations(service: Service) -> dict[str, Any]:
    schema = schemathesis.openapi.from_dict(service.get("/openapi.json").json)
    return {found.ok().path: found.ok() for found in schema.get_all_operations()}


@pytest.mark.slow
def test_every_answer_is_one_that_the_description_knows(serve: Serve, tmp_path: Path) -> None:
    service = serve(Memory.open(tmp_path / "memory.insitu", dim=8))
    service.post("/api/teach", TAUGHT)
    described = {path: each for path, each in operations(service).items() if path != "/api/events"}
    assert set(described) > set(PLAIN)
    counts = PLAIN | {"/api/cells": CELLS, "/api/taught": CELLS, "/api/backup": BACKUPS, "/api/undo": UNDOS}
    posted = [path for path in described if path not in counts]
    counts |= dict.fromkeys(posted, (REQUESTS - sum(counts.values())) // len(posted))
    counts["/api/cells"] += REQUESTS - sum(counts.values())  # what is left by the division
    seen: Counter[tuple[str, int]] = Counter()
    without = [CHECKS.get_one("positive_data_acceptance")]
    for path, operation in described.items():
        run = settings(max_examples=counts[path], suppress_health_check=list(HealthCheck))(
            given(cases(operation))(checked(service, seen, without))
        )
        run()
    assert sum(seen.values()) >= 0.85 * REQUESTS  # hypothesis makes no request twice, and corrections have few fields
    for path in described:
        assert seen[path, 200], (path, seen)
    assert {status for _, status in seen} >= {200, 400, 409, 422}
    assert not [status for _, status in seen if status >= 500]


def cases(operation: Any) -> st.SearchStrategy[tuple[Any, bool]]:
    modes = schemathesis.GenerationMode
    valid, wrong = (operation.as_strategy(generation_mode=mode) for mode in (modes.POSITIVE, modes.NEGATIVE))
    has_input = operation.body or operation.query or operation.path_parameters
    return (
        st.one_of(
            st.tuples(valid, st.just(False)), st.tuples(valid, st.just(True)), *([st.tuples(wrong, st.just(False))] * 2)
        )
        if has_input
        else st.tuples(valid, st.just(False))
    )


def held(service: Service) -> tuple[list[str], int]:
    """Return the classes and the id of an example, taught now where all were undone, removed or forgotten."""
    root = "/m/cups" if service.context.tokens.folder else ""
    for _ in range(2):
        classes = [each["label"] for each in service.get(f"{root}/api/memory").json["classes"]]
        for name in classes:
            if taught := service.get(f"{root}/api/taught", urlencode({"label": name})).json["examples"]:
                return classes, taught[-1]["id"]
        service.post(f"{root}/api/teach", TAUGHT)
    raise AssertionError(classes)


def checked(service: Service, seen: Counter[tuple[str, int]], without: list[Any]) -> Callable[..., None]:
    def check(drawn: tuple[Any, bool]) -> None:
        case, fits = drawn
        if fits:
            fit(case, *held(service))
        answer = answered(service, case)
        seen[case.path, answer.status_code] += 1
        case.validate_response(answer, excluded_checks=without)

    return check


@pytest.mark.slow
def test_every_answer_about_several_memories_is_one_that_the_description_knows(serve: Serve, tmp_path: Path) -> None:
    service = serve(None, folder=tmp_path)
    service.post("/api/memories", {"name": "cups", "encoder": "none", "dim": 8})
    service.post("/m/cups/api/teach", {"labels": ["a", "b"], "vectors": [[1.0, 0.0], [0.0, 1.0]]})
    described = {path: each for path, each in folder_operations(service).items() if not path.endswith("/api/events")}
    assert {"/metrics", "/m/{memory}/api/teach", "/api/memories/{name}"} < set(described)
    seen: Counter[tuple[str, int]] = Counter()
    without = [CHECKS.get_one("positive_data_acceptance")]
    for several in described.values():
        for operation in several:
            if operation.method == "put":  # takes a file, which Schemathesis cannot make
                continue
            varied = operation.body or operation.query or operation.path_parameters
            run = settings(
                max_examples=FOLDER_REQUESTS if varied else 1, suppress_health_check=list(HealthCheck), deadline=None
            )(given(cases(operation))(checked(service, seen, without)))
            run()
    for path in described:
        if path != "/api/memories/{name}":
            assert seen[path, 200], (path, seen)
    assert {status for _, status in seen} >= {200, 400, 404, 409, 422}
    assert not [status for _, status in seen if status >= 500]
    assert {file.parent for file in tmp_path.rglob("*.insitu")} == {tmp_path}


def folder_operations(service: Service) -> dict[str, list[Any]]:
    schema = schemathesis.openapi.from_dict(service.get("/openapi.json").json)
    out: dict[str, list[Any]] = {}
    for found in schema.get_all_operations():
        out.setdefault(found.ok().path, []).append(found.ok())
    return out
