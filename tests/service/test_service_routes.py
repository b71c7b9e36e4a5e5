"""The routes: requests and replies."""

from __future__ import annotations

import base64
import io
import itertools
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asking import Serve
from PIL import Image

from insitu import Memory
from insitu.core import generator
from insitu.memory.storage import state_tables

CENTRES = generator(0, "service").standard_normal((6, 12))


def vector(label: int, draw: int = 0) -> list[float]:
    return (CENTRES[label] + 0.3 * generator(label, "vector", draw).standard_normal(12)).tolist()


def teach(service: Any, labels: list[int], each: int = 3, cells: bool = False) -> Any:
    names = [f"class {label}" for label in labels for _ in range(each)]
    vectors = [vector(label, draw) for label in labels for draw in range(each)]
    return service.post("/api/teach", {"labels": names, "vectors": vectors, "cells": cells})


def test_teach_predict_and_forget(serve: Serve) -> None:
    service = serve()
    assert teach(service, [0, 1, 2]).json["event"] == 1
    out = service.post("/api/teach", {"label": " class 3 ", "vector": vector(3)}).json
    assert out["event"] == 2
    assert out["classes"] == [{"label": f"class {n}", "examples": 3 if n < 3 else 1} for n in range(4)]
    assert out["spent"]["set_pulse"] > 0
    pulses, resets, products = (out["spent"][name] for name in ("set_pulse", "reset_pulse", "core_product"))
    assert resets == 3 * 2 * 2 * 64  # a quarter more classes: the space is fitted again
    assert out["energy_nj"] == pytest.approx((pulses * 13 + resets * 40 + products * 12_500) / 1e3)
    answers = service.post("/api/predict", {"vectors": [vector(n, 9) for n in range(4)]}).json
    assert [each["label"] for each in answers["predictions"]] == [f"class {n}" for n in range(4)]
    for each in answers["predictions"]:
        assert each["scores"][0]["label"] == each["label"]
        assert sum(score["probability"] for score in each["scores"]) == pytest.approx(1, abs=1e-4)
        similarities = [score["similarity"] for score in each["scores"]]
        assert similarities == sorted(similarities, reverse=True)
    one = service.post("/api/predict", {"vector": vector(1, 9)}).json
    assert {name: 4 * count for name, count in one["query"].items()} == answers["query"]
    gone = service.post("/api/forget", {"label": "class 1"}).json
    assert [each["label"] for each in gone["classes"]] == ["class 0", "class 2", "class 3"]
    assert gone["spent"] == {"reset_pulse": 2 * 2 * 64}
    assert service.post("/api/predict", {"vector": vector(1, 9)}).json["predictions"][0]["label"] != "class 1"


def test_what_is_unlike_anything_taught_is_unknown(serve: Serve) -> None:
    service = serve(Memory(dim=64, unknown="unknown"))
    teach(service, [0, 1, 2], each=5)
    known, new = service.post("/api/predict", {"vectors": [vector(1, 9), vector(4, 9)]}).json["predictions"]
    assert known["label"] == known["scores"][0]["label"] == "class 1"
    assert new["label"] == "unknown"
    assert new["scores"][0]["label"].startswith("class ")
    assert 0 <= new["familiarity"] < 0.05 <= known["familiarity"] <= 1
    replies = service.together(*[("/api/predict", {"vector": vector(n, 9)}) for n in (1, 4, 2)])  # in batches
    assert [each.json["predictions"][0]["label"] for each in replies] == ["class 1", "unknown", "class 2"]
    assert service.post("/api/teach", {"label": "unknown", "vector": vector(1)}).status == 422
    plain = serve()
    teach(plain, [0, 1, 2], each=5)
    (one,) = plain.post("/api/predict", {"vector": vector(4, 9)}).json["predictions"]
    assert one["familiarity"] is None
    assert one["label"] == one["scores"][0]["label"]


def test_a_memory_is_described(serve: Serve) -> None:
    service = serve()
    before = service.get("/api/memory").json
    assert (before["input"], before["features"], before["classes"], before["events"]) == ("vector", None, [], 0)
    teach(service, [0, 1])
    after = service.get("/api/memory").json
    assert (after["features"], after["dim"], after["compensation"], after["cells"]) == (12, 64, "column", True)
    assert after["substrate"] == "crossbar of PcmNandakumar2018"
    assert after["classes"] == [{"label": "class 0", "examples": 3}, {"label": "class 1", "examples": 3}]
    assert after["spent"] == dict(service.memory.cost().counts)
    assert after["query"] == dict(service.memory.query_cost().counts)
    assert serve(Memory("digital")).get("/api/memory").json["cells"] is False


def test_nothing_is_known_before_it_is_taught(serve: Serve) -> None:
    service = serve()
    for reply in (
        service.post("/api/predict", {"vector": [1.0]}),
        service.post("/api/ahead", {"seconds": 1.0}),
        service.post("/api/forget", {"label": "a"}),
        service.get("/api/cells", "label=a"),
    ):
        assert reply.status == 409
        assert reply.headers["content-type"] == "application/problem+json"
    teach(service, [0])
    service.post("/api/forget", {"label": "class 0"})
    assert service.post("/api/predict", {"vector": vector(0)}).status == 409
    assert service.post("/api/forget", {"label": "class 0"}).status == 409


def test_pulses_are_shown_where_they_went(serve: Serve) -> None:
    service = serve()
    (first,) = teach(service, [0], each=1, cells=True).json["cells"]
    assert first["before"] is None
    (second,) = teach(service, [0], each=1, cells=True).json["cells"]
    # the space of a memory without a backbone was fitted again to two examples: the column was RESET
    assert second["reset"]
    for _ in range(2):
        out = teach(service, [0], each=1, cells=True).json
    (cells,) = out["cells"]
    shown = service.get("/api/cells", "label=class%200").json
    assert (shown["rows"], shown["plus_us"], shown["minus_us"]) == (64, *cells["after"].values())
    if not cells["reset"]:
        for side in ("plus", "minus"):
            grew = np.array(cells["after"][f"{side}_us"]) - np.array(cells["before"][f"{side}_us"])
            pulsed = np.array(cells["pulses"][side]) > 0
            assert grew[pulsed].mean() > 0.1
            assert not grew[~pulsed].any()
        assert out["spent"]["set_pulse"] == 2 * sum(sum(side) for side in cells["pulses"].values())
    assert max(shown["plus_us"]) <= 1.5 * shown["full_scale_us"]


def test_a_column_that_is_used_again_tells_new_pulses_only(serve: Serve) -> None:
    service = serve()
    teach(service, [0, 1])
    service.post("/api/forget", {"label": "class 0"})
    out = teach(service, [2], each=2, cells=True).json
    assert out["cells"][0]["before"] is None
    assert out["spent"]["set_pulse"] == 2 * sum(sum(side) for side in out["cells"][0]["pulses"].values())


def test_a_digital_memory_has_no_cells(serve: Serve) -> None:
    service = serve(Memory("digital", dim=16))
    assert "cells" not in teach(service, [0, 1], cells=True).json
    assert service.get("/api/cells", "label=class%200").status == 404
    ahead = service.post("/api/ahead", {"seconds": 1e8}).json
    assert (ahead["mean_us"], ahead["with"], ahead["without"]["accuracy"]) == (None, None, 1.0)


def test_a_projection_changes_nothing_and_shows_drift(serve: Serve) -> None:
    service = serve(Memory(dim=256))
    teach(service, [0, 1, 2, 3, 4, 5])
    before = service.get("/api/memory").body
    now = service.post("/api/ahead", {"seconds": 0.0}).json
    later = service.post("/api/ahead", {"seconds": 3e8, "vector": vector(2, 9)}).json
    assert service.get("/api/memory").body == before
    assert now["examples"] == later["examples"] == 18
    assert now["with"]["accuracy"] == 1.0
    assert later["mean_us"] < 0.8 * now["mean_us"]
    assert later["with"]["confidence"] >= later["without"]["confidence"]
    assert later["with"]["scores"][0]["label"] == "class 2"
    best = [later[how]["scores"][0]["similarity"] for how in ("with", "without")]
    assert best[1] < 0.8 * best[0]


def test_concurrent_queries_are_each_answered(serve: Serve) -> None:
    service = serve()
    teach(service, [0, 1, 2, 3])
    asked = [{"vector": vector(n % 4, n)} for n in range(150)]
    asked[7], asked[99] = {"vector": [1.0, 2.0]}, {"vector": [1.0] * 13}
    replies = service.together(*[("/api/predict", each) for each in asked])
    for n, reply in enumerate(replies):
        if n in (7, 99):
            assert reply.status == 422
        else:
            assert reply.json["predictions"][0]["label"] == f"class {n % 4}"


def test_an_error_of_one_query_does_not_affect_others(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    service = serve()
    teach(service, [0, 1])
    real = service.memory.query

    def query(x: Any, **options: Any) -> Any:
        if (x == 7).any():
            raise OverflowError
        return real(x, **options)

    monkeypatch.setattr(service.memory, "query", query)
    asked = [{"vector": vector(1)}, {"vector": [7.0] * 12}, {"vector": vector(0)}]
    replies = service.together(*[("/api/predict", each) for each in asked])
    assert [reply.status for reply in replies] == [200, 500, 200]
    assert replies[1].headers["content-type"] == "application/problem+json"


def test_teaching_at_once_loses_nothing(serve: Serve, tmp_path: Path) -> None:
    service = serve(Memory.open(tmp_path / "a.insitu", dim=32))
    taught = [("/api/teach", {"label": f"class {n % 5}", "vector": vector(n % 5, n)}) for n in range(25)]
    replies = service.together(*taught)
    assert sorted(reply.json["event"] for reply in replies) == list(range(1, 26))
    assert [each["examples"] for each in service.get("/api/memory").json["classes"]] == [5] * 5


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"vector": []},
        {"vector": [1.0], "vectors": [[1.0]]},
        {"vectors": [[1.0], [1.0, 2.0]]},
        {"vectors": [[1.0]] * 65},
        {"vector": [1e10]},
        {"vector": ["1"]},
        {"vector": [True]},
        {"vector": [None]},
        {"vector": [10**400]},
        {"vector": [1.0], "more": 1},
        {"image": "data:image/png;base64,"},
        [],
        "text",
        None,
    ],
)
def test_an_invalid_query_is_rejected_with_a_sentence(serve: Serve, content: object) -> None:
    reply = serve(Memory("digital")).post("/api/predict", content)
    assert reply.status == 422
    assert set(reply.json) == {"type", "title", "status", "detail"}


@pytest.mark.parametrize("body", [b"", b"{", b'{"vector": [NaN]}', b'{"vector": [1e999]}', b"\xff", b"[" * 100_000])
def test_a_body_that_is_not_json_is_rejected_with_a_sentence(serve: Serve, body: bytes) -> None:
    reply = serve(Memory("digital")).ask("POST", "/api/predict", body)
    assert reply.status in (400, 422)
    assert reply.headers["content-type"] == "application/problem+json"


def test_huge_whole_numbers_are_refused(serve: Serve) -> None:
    for digits in (400, 5000):
        body = b'{"vector": [' + b"9" * digits + b"]}"
        assert serve(Memory("digital")).ask("POST", "/api/predict", body).status in (400, 422)


@pytest.mark.parametrize("substrate", [None, "digital", "pcm-hermes2022"])
def test_numbers_of_any_size_are_accepted_or_rejected_with_a_sentence(serve: Serve, substrate: str | None) -> None:
    service = serve(Memory(substrate, dim=16))
    sizes = [0.0, 1e-320, 1e-30, -1e-9, 1.0, 1e9, -1e9]
    for number, (one, other) in enumerate(itertools.product(sizes, sizes)):
        example = {"label": f"class {number % 6}", "vector": [one, other, one]}
        for reply in (
            service.post("/api/teach", example),
            service.post("/api/predict", {"vector": [other, one, other]}),
        ):
            assert reply.status in (200, 422), reply.body
    assert service.post("/api/ahead", {"seconds": 1e10}).status == 200


@pytest.mark.parametrize("seconds", [-1, 1e11, "1", None, True])
def test_a_projection_takes_seconds(serve: Serve, seconds: object) -> None:
    assert serve().post("/api/ahead", {"seconds": seconds}).status == 422


@pytest.mark.parametrize("name", ["", "  ", "a" * 65, "a\u0000", "a\nb", "\ud800", "\u202eevil", "a" * 100_000])
def test_names_that_cannot_be_shown_are_refused(serve: Serve, name: str) -> None:
    reply = serve(Memory("digital")).post("/api/teach", {"label": name, "vector": [1.0]})
    assert reply.status == (400 if name == "\ud800" else 422)  # a lone surrogate is no JSON text
    assert len(reply.body) < 400


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "<script>alert(1)</script>", "'; DROP TABLE journal; --", "C:\\a", "%00", "ä", "人", "👩‍🔬"],
)
def test_names_are_names_whatever_they_look_like(serve: Serve, name: str, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    service = serve(Memory.open(folder / "a.insitu", substrate="digital", dim=8))
    service.post("/api/teach", {"labels": [name, "other"], "vectors": [[1.0, 0.0], [0.0, 1.0]]})
    assert name in [each["label"] for each in service.get("/api/memory").json["classes"]]
    assert service.post("/api/predict", {"vector": [1.0, 0.0]}).json["predictions"][0]["label"] == name
    assert service.post("/api/forget", {"label": name}).status == 200
    assert [file.name for file in tmp_path.iterdir()] == ["kept"]
    assert all(file.name.startswith("a.insitu") for file in folder.iterdir())


def test_a_memory_whose_labels_are_numbers_is_served_too(serve: Serve) -> None:
    service = serve(Memory("digital").fit(np.eye(3), [1, 2, 3]))
    assert service.post("/api/teach", {"label": "2", "vector": [0.0, 1.0, 0.1]}).json["classes"][1]["examples"] == 2
    assert service.post("/api/predict", {"vector": [0.0, 1.0, 0.0]}).json["predictions"][0]["label"] == "2"
    assert service.post("/api/teach", {"label": "two", "vector": [0.0, 1.0, 0.1]}).status == 422
    assert service.post("/api/forget", {"label": "2"}).status == 200
    assert service.memory.classes_.tolist() == [1, 3]


def test_drawings_are_taught_and_classified(serve: Serve) -> None:
    service = serve(Memory(encoder="omniglot"))
    shown = service.get("/api/examples").json
    right = asked = 0
    for each in shown["sets"][0]["classes"]:
        labels = [each["label"]] * len(each["images"])
        out = service.post("/api/teach", {"labels": labels, "images": each["images"], "cells": True})
        assert len(out.json["cells"][0]["after"]["plus_us"]) == 512
    for each in shown["sets"][0]["classes"]:
        answers = service.post("/api/predict", {"images": each["ask"]}).json["predictions"]
        right += sum(answer["label"] == each["label"] for answer in answers)
        asked += len(answers)
    assert right >= 0.9 * asked
    later = service.post("/api/ahead", {"seconds": 1e8, "image": each["ask"][0]}).json
    assert later["with"]["scores"][0]["label"] == each["label"]
    assert service.post("/api/predict", {"vector": [1.0]}).status == 422


def test_pictures_of_one_request_have_one_size(serve: Serve) -> None:
    def url(side: int) -> str:
        file = io.BytesIO()
        Image.new("L", (side, side), 255).save(file, "PNG")
        return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()

    reply = serve(Memory(encoder="omniglot")).post("/api/teach", {"labels": ["a", "b"], "images": [url(8), url(9)]})
    assert (reply.status, "one size" in reply.json["detail"]) == (422, True)


def test_the_page_and_its_files(serve: Serve, page: Path) -> None:
    service = serve()
    home = service.get("/")
    assert (home.status, home.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in home.headers["content-security-policy"]
    assert "unsafe" not in home.headers["content-security-policy"]
    assert service.get("/static/app.js").headers["content-type"] == "text/javascript; charset=utf-8"
    style = service.get("/static/parts/more.css")
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    again = service.get("/static/parts/more.css", if_none_match=style.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    page.joinpath("parts", "more.css").write_text("body { color: white }")
    assert service.get("/static/parts/more.css", if_none_match=style.headers["etag"]).status == 200


@pytest.mark.parametrize(
    "name",
    [
        "secret.py",
        "../conftest.py",
        "..%2f",
        "parts",
        "",
        "/etc/passwd",
        "parts/../secret.py",
        "app.js/",
        "\0",
        "a" * 9999,
    ],
)
def test_no_other_file_is_served(serve: Serve, page: Path, name: str) -> None:
    assert serve().get(f"/static/{name}").status == 404


def test_every_answer_carries_the_headers(serve: Serve, page: Path) -> None:
    service = serve()
    for reply in (
        service.get("/"),
        service.get("/api/health"),
        service.get("/nothing"),
        service.ask("DELETE", "/api/memory"),
        service.get("/api/memory", host="evil.example"),
    ):
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cross-origin-resource-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
    assert service.get("/api/memory").headers["cache-control"] == "no-store"


def test_a_full_disk_is_reported_without_its_path(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = serve(Memory.open(tmp_path / "a.insitu", substrate="digital", dim=8))
    service.post("/api/teach", {"label": "a", "vector": [1.0]})

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(state_tables, "write_model", full)
    reply = service.post("/api/teach", {"label": "b", "vector": [2.0]})
    assert (reply.status, "disk is full" in reply.json["detail"]) == (507, True)
    assert str(tmp_path) not in reply.body.decode()
    monkeypatch.undo()
    assert [each["label"] for each in service.get("/api/memory").json["classes"]] == ["a"]
    assert service.post("/api/teach", {"label": "b", "vector": [2.0]}).json["event"] == 2


def test_familiarity_is_returned_on_request(serve: Serve) -> None:
    service = serve(Memory("digital", dim=8))
    rows = np.eye(4)[[0, 0, 0, 1, 1, 1]] + np.random.default_rng(0).normal(0, 0.1, (6, 4))
    service.post("/api/teach", {"labels": ["a"] * 3 + ["b"] * 3, "vectors": rows.tolist()})
    queries: list[tuple[str, object]] = [
        ("/api/predict", {"vector": [0.0, 0.0, 1.0, 0.0], "familiarity": asked}) for asked in (True, False) * 4
    ]
    found = [reply.json["predictions"][0]["familiarity"] for reply in service.together(*queries)]
    assert all(each is not None and each < 0.5 for each in found[::2])
    assert found[1::2] == [None] * 4
    assert service.post("/api/predict", {"vector": rows[0].tolist(), "familiarity": 1}).status == 422
