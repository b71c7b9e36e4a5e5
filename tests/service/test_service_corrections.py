"""Undo, rename, relabel and remove over HTTP, the examples of a class, and the copy of the file."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from asking import Serve, Service

from insitu import Memory
from insitu.memory.storage import maintenance
from insitu.service.rules import AccessRules

TAUGHT = {"labels": ["a", "a", "b"], "vectors": [[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]]}


@pytest.fixture
def service(serve: Serve, tmp_path: Path) -> Service:
    service = serve(Memory.open(tmp_path / "m.insitu", substrate="digital", dim=8, who="ann"))
    assert service.post("/api/teach", TAUGHT).status == 200
    return service


def classes(service: Service) -> dict[str, int]:
    return {each["label"]: each["examples"] for each in service.get("/api/memory").json["classes"]}


def test_each_correction_changes_the_memory_and_is_undone(service: Service) -> None:
    before = classes(service)
    found = service.get("/api/taught", "label=a").json
    assert [(each["id"], each["who"], each["stored"]) for each in found["examples"]] == [
        (0, "ann", True),
        (1, "ann", True),
    ]
    for path, body, after in (
        ("rename", {"label": "b", "new": " c "}, {"a": 2, "c": 1}),
        ("relabel", {"example": 1, "label": "b"}, {"a": 1, "b": 2}),
        ("relabel", {"example": 1, "label": "new"}, {"a": 1, "b": 1, "new": 1}),
        ("remove", {"example": 1}, {"a": 1, "b": 1}),
        ("remove", {"example": 2}, {"a": 2}),
    ):
        reply = service.post(f"/api/{path}", body)
        assert reply.status == 200
        assert {each["label"]: each["examples"] for each in reply.json["classes"]} == after == classes(service)
        undone = service.post("/api/undo", {}).json
        assert (undone["undone"], undone["event"]) == (path, reply.json["event"] + 1)
        assert classes(service) == before
    assert service.memory._store is not None
    assert {event.who for event in service.memory._store.journal()} == {"ann"}


@pytest.mark.parametrize(("path", "body", "status"), [
    ("rename", {"label": "none", "new": "c"}, 409),
    ("rename", {"label": "a", "new": "b"}, 409),
    ("rename", {"label": "a", "new": "b "}, 409),
    ("rename", {"label": "a", "new": "\u202e"}, 422),
    ("relabel", {"example": 99, "label": "a"}, 409),
    ("relabel", {"example": 0, "label": "a"}, 409),
    ("relabel", {"example": True, "label": "b"}, 422),
    ("relabel", {"example": 0, "label": ""}, 422),
    ("remove", {"example": -1}, 422),
    ("remove", {"example": 2**70}, 422),
    ("remove", {}, 422),
    ("undo", {"more": 1}, 422),
])  # fmt: skip
def test_a_wrong_correction_is_refused_and_changes_nothing(
    service: Service, path: str, body: object, status: int
) -> None:
    reply = service.post(f"/api/{path}", body)
    assert (reply.status, bool(reply.json["detail"])) == (status, True)
    assert service.get("/api/memory").json["events"] == 1


def test_nothing_is_undone_before_anything_was_taught(serve: Serve) -> None:
    service = serve(Memory("digital", dim=8))
    for path, body in (("undo", {}), ("remove", {"example": 0}), ("rename", {"label": "a", "new": "b"})):
        assert service.post(f"/api/{path}", body).status == 409
    assert service.get("/api/taught", "label=a").status == 409
    assert service.post("/api/teach", TAUGHT).status == 200
    assert service.post("/api/undo", {}).json["classes"] == []
    assert service.post("/api/undo", {}).status == 409


def test_subscribers_hear_of_corrections(service: Service) -> None:
    received: list[tuple[str, dict[str, object]]] = []
    service.hub.publish = lambda kind, content: received.append((kind, content))  # type: ignore[method-assign]
    service.post("/api/rename", {"label": "b", "new": "c"})
    service.post("/api/undo", {})
    assert [(kind, content["event"], content["labels"]) for kind, content in received] == [
        ("rename", 2, ["b", "c"]),
        ("undo", 3, ["b", "c"]),
    ]
    assert received[1][1]["undone"] == "rename"
    json.dumps(received)


def test_the_copy_of_the_file_is_a_memory(service: Service, tmp_path: Path) -> None:
    reply = service.get("/api/backup")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/vnd.sqlite3")
    assert 'filename="memory.insitu"' in reply.headers["content-disposition"]
    copy = tmp_path / "copy.insitu"
    copy.write_bytes(reply.body)
    assert maintenance.verify(copy) == 1
    with Memory.open(copy) as memory:
        assert memory.classes_.tolist() == ["a", "b"]
    assert not list(Path(tempfile.gettempdir()).glob("insitu-backup-*")), "no copy is left behind"


def test_a_memory_without_a_file_has_no_copy(serve: Serve) -> None:
    service = serve(Memory("digital", dim=8))
    service.post("/api/teach", TAUGHT)
    assert service.get("/api/backup").status == 409


def test_a_token_for_queries_neither_corrects_nor_copies(serve: Serve, tmp_path: Path) -> None:
    with Memory.open(tmp_path / "m.insitu", substrate="digital", dim=8) as memory:
        memory.partial_fit(TAUGHT["vectors"], TAUGHT["labels"])
    service = serve(folder=tmp_path, rules=AccessRules(token="x" * 20))
    bearer = f"Bearer {service.context.tokens.create('m')['read']}"
    assert service.get("/m/m/api/taught", "label=a", authorization=bearer).status == 200
    assert service.get("/m/m/api/backup", authorization=bearer).status == 403
    assert service.post("/m/m/api/undo", {}, authorization=bearer).status == 403
