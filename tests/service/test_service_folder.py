"""Several memories in one server: opened when they are used, with tokens of their own, created and deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from asking import Serve, Service

from insitu import Memory
from insitu.backbones import trained
from insitu.service.names import SUFFIX
from insitu.service.rules import AccessRules
from insitu.service.tokens import load_or_create_token
from insitu.service.worker import memories

TOKEN = "a-token-that-nobody-guesses"
EXAMPLE = {"label": "a", "vector": [1.0, 0.0]}
QUERY = {"vector": [1.0, 0.0]}
NEW = {"encoder": "none", "substrate": "digital", "dim": 8}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("cups", "plates"):
        with Memory.open(tmp_path / f"{name}{SUFFIX}", substrate="digital", dim=8) as memory:
            memory.partial_fit([[1.0, 0.0]], [name])
    (tmp_path / "not a name.insitu").write_text("")
    return tmp_path


@pytest.fixture
def service(serve: Serve, folder: Path) -> Service:
    return serve(None, folder=folder)


def listed(service: Service) -> dict[str, Any]:
    return {each["name"]: (each["events"], each["classes"]) for each in service.get("/api/memories").json["memories"]}


def test_each_memory_has_the_routes_of_a_single_one(service: Service) -> None:
    assert listed(service) == {"cups": (None, None), "plates": (None, None)}
    for name in ("cups", "plates"):
        told = service.post(f"/m/{name}/api/predict", QUERY).json
        assert told["predictions"][0]["label"] == name
    assert service.post("/m/cups/api/teach", EXAMPLE).json["event"] == 2
    assert [each["label"] for each in service.get("/m/cups/api/memory").json["classes"]] == ["a", "cups"]
    assert len(service.get("/m/plates/api/memory").json["classes"]) == 1
    assert listed(service) == {"cups": (2, 2), "plates": (1, 1)}
    assert service.get("/m/cups/openapi.json").json["paths"]["/api/teach"]


@pytest.mark.parametrize("path", ["/m/none/api/memory", "/m/../api/memory", "/m//api/memory", "/m/a.b/api/memory"])
def test_what_is_no_memory_is_not_found(service: Service, path: str) -> None:
    assert service.get(path).status == 404
    assert service.get("/api/memory").status == 404
    assert service.post("/m/none/api/teach", EXAMPLE).status == 404


@pytest.mark.parametrize("name", ["", "a b", "-a", "x" * 65, "../up", "ä", "a\n"])
def test_a_name_that_no_memory_has_is_refused_in_one_line(service: Service, name: str) -> None:
    reply = service.post("/api/memories", {"name": name, **NEW})
    words = "a memory has no such name; a name has letters, digits, - and _, the first a letter or a digit, 64 at most"
    assert (reply.status, reply.json["detail"]) == (422, f"body.name: {words}")
    headers = {"content-type": "application/vnd.sqlite3"}
    assert service.ask("PUT", "/api/memories/-a", b"x", headers).json["detail"] == words


def test_what_is_wrong_with_method_or_address_is_said(service: Service) -> None:
    reply = service.ask("PATCH", "/api/memories")
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD, POST")
    detail = "this address takes GET or HEAD or POST; GET /openapi.json lists all addresses"
    assert reply.json["detail"] == detail
    assert service.get("/api/nothing").json["detail"] == "there is no such address; GET /openapi.json lists all"
    assert "GET /api/memories lists all" in service.get("/m/none/api/memory").json["detail"]


def test_memories_are_created_and_deleted(service: Service, folder: Path) -> None:
    assert service.post("/api/memories", {"name": "new", **NEW}).json == {"name": "new", "tokens": {}}
    assert service.post("/api/memories", {"name": "new"}).status == 409
    assert service.post("/m/new/api/teach", EXAMPLE).json["event"] == 1
    assert service.ask("DELETE", "/api/memories/new").status == 200
    assert not list(folder.glob("new*"))
    assert service.ask("DELETE", "/api/memories/new").status == 404
    assert service.post("/m/new/api/predict", QUERY).status == 404
    assert service.post("/api/memories", {"name": "new", **NEW}).status == 200
    assert service.get("/m/new/api/memory").json["classes"] == []


@pytest.mark.parametrize("name", ["", "../a", "a/b", "a.b", ".a", "-a", "a" * 65, "a\n", "ä"])
def test_other_names_are_refused(service: Service, folder: Path, name: str) -> None:
    before = sorted(folder.rglob("*"))
    assert service.post("/api/memories", {"name": name}).status == 422
    assert sorted(folder.rglob("*")) == before


FILES = [{"encoder": name} for name in ("net.onnx", str(trained.FOLDER / "binary"), "binary.safetensors", "./binary")]


@pytest.mark.parametrize("wrong", [{"substrate": "pcn"}, {"encoder": "omnigot"}, {"dim": 0}, *FILES])
def test_wrong_parameters_leave_no_file(service: Service, folder: Path, wrong: dict[str, Any]) -> None:
    assert service.post("/api/memories", {"name": "new", **wrong}).status == 422
    assert not list(folder.glob("new*"))


def test_the_least_recently_used_is_put_away(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memories, "MOST_OPEN", 1)
    for _ in range(2):
        for name, other in (("cups", "plates"), ("plates", "cups")):
            assert service.post(f"/m/{name}/api/teach", EXAMPLE).status == 200
            assert listed(service)[other] == (None, None)
    with Memory.open(service.context.tokens.folder / f"cups{SUFFIX}") as memory:  # type: ignore[operator]
        assert memory.events_ == 3


def test_tokens_are_of_one_memory_and_one_purpose(serve: Serve, folder: Path) -> None:
    service = serve(None, folder=folder, rules=AccessRules(TOKEN, hosts=None))
    tokens = service.ask("POST", "/api/memories", b'{"name": "new", "encoder": "none"}', bearer(TOKEN)).json["tokens"]
    assert set(tokens) == {"teach", "read"}
    assert load_or_create_token(folder / "new.insitu.read-token") == (tokens["read"], False)

    def status(path: str, content: Any, token: str) -> int:
        return service.post(path, content, **bearer(token)).status

    assert [status("/m/new/api/teach", EXAMPLE, each) for each in (TOKEN, tokens["teach"], tokens["read"])] == [
        200,
        200,
        403,
    ]
    assert [status("/m/new/api/predict", QUERY, each) for each in (TOKEN, *tokens.values())] == [200, 200, 200]
    for token in tokens.values():
        assert service.get("/m/new/api/memory", **bearer(token)).status == 200
        assert service.get("/m/cups/api/memory", **bearer(token)).status == 401
        assert service.get("/m/none/api/memory", **bearer(token)).status == 401
        for path in ("/api/memories", "/metrics"):
            assert service.get(path, **bearer(token)).status == 401
        assert service.ask("DELETE", "/api/memories/new", b"", bearer(token)).status == 401
    assert service.get("/m/new/metrics", **bearer(tokens["read"])).status == 404
    assert service.ask("DELETE", "/api/memories/new", b"", bearer(TOKEN)).status == 200
    assert service.post("/m/new/api/predict", QUERY, **bearer(tokens["read"])).status == 401


def test_a_single_memory_has_a_token_that_only_queries(serve: Serve, tmp_path: Path) -> None:
    service = serve(Memory("digital", dim=8), rules=AccessRules(TOKEN, hosts=None))
    assert service.post("/api/teach", EXAMPLE, **bearer(TOKEN)).status == 200
    file = tmp_path / "one.read-token"
    service.context.tokens.set_single(file)
    read = bearer(file.read_text().strip())
    assert service.post("/api/predict", QUERY, **read).status == 200
    assert service.get("/metrics", **read).status == 200
    for path, content in (("/api/teach", EXAMPLE), ("/api/forget", {"label": "a"})):
        assert service.post(path, content, **read).status == 403
    assert service.post("/api/predict", QUERY, **bearer("b" * 43)).status == 401


def test_a_page_stands_below_its_memory(serve: Serve, folder: Path, page: Path) -> None:
    (page / "memories.html").write_text("<title>all</title>")
    service = serve(None, folder=folder, rules=AccessRules(prefix="/insitu"))
    for before in ("", "/insitu"):
        assert b"all" in service.get(f"{before}/").body
        assert b"a page" in service.get(f"{before}/m/cups/").body
        assert service.get(f"{before}/m/cups/static/app.js").status == 200
        assert service.get(f"{before}/m/cups/api/memory").status == 200
    for path, location in (("/m/cups", "cups/"), ("/insitu", "insitu/"), ("/insitu/m/cups", "cups/")):
        reply = service.get(path)
        assert (reply.status, reply.headers["location"]) == (307, location)
    assert service.get("/other/m/cups/").status == 404


def test_metrics_count_what_happened(serve: Serve, folder: Path) -> None:
    service = serve(None, folder=folder)
    for _ in range(3):
        service.post("/m/cups/api/predict", QUERY)
    service.post("/m/cups/api/predict", {"vector": [1.0]})
    service.get("/m/cups/nothing")
    reply = service.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = dict(line.rsplit(" ", 1) for line in reply.body.decode().splitlines() if not line.startswith("#"))
    requests = "insitu_requests_total"
    assert lines[f'{requests}{{method="POST",route="/api/predict",status="200"}}'] == "3"
    assert lines[f'{requests}{{method="POST",route="/api/predict",status="422"}}'] == "1"
    assert lines[f'{requests}{{method="GET",route="other",status="404"}}'] == "1"
    seconds = "insitu_request_seconds"
    assert lines[f'{seconds}_count{{route="/api/predict"}}'] == "4"
    buckets = [int(value) for name, value in lines.items() if name.startswith(f'{seconds}_bucket{{route="/api/p')]
    assert buckets == sorted(buckets)
    assert buckets[-1] == 4
    assert (lines['insitu_memory_events{memory="cups"}'], lines['insitu_memory_classes{memory="cups"}']) == ("1", "1")
    assert lines['insitu_waiting{kind="query"}'] == "0"


def test_a_copy_is_restored_under_a_new_name(service: Service, folder: Path) -> None:
    sqlite = {"content-type": "application/vnd.sqlite3"}
    assert service.post("/m/cups/api/teach", EXAMPLE).status == 200
    copy = service.get("/m/cups/api/backup").body
    before = sorted(folder.rglob("*"))
    for name, body, headers, status in (
        ("plates", copy, sqlite, 409),
        ("a.b", copy, sqlite, 404),
        ("new", copy[:5000], sqlite, 422),
        ("new", b"", sqlite, 422),
        ("new", copy, {}, 415),
    ):
        reply = service.ask("PUT", f"/api/memories/{name}", body, headers)
        assert (reply.status, str(folder) in reply.json["detail"]) == (status, False)
        assert sorted(folder.rglob("*")) == before
    assert service.ask("PUT", "/api/memories/new", copy, sqlite).json == {"name": "new", "tokens": {}}
    assert [each["label"] for each in service.get("/m/new/api/memory").json["classes"]] == ["a", "cups"]
    assert service.post("/m/new/api/teach", EXAMPLE).json["event"] == 3
    assert service.get("/m/cups/api/memory").json["events"] == 2
