"""Existing classes are found by any label; new labels follow the rules."""

from __future__ import annotations

import unicodedata
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from asking import Serve
from hypothesis import given
from hypothesis import strategies as st

from insitu import Memory
from insitu.service.labels import AmbiguousLabelError, find_label, new_label

DECOMPOSED = "caf" + "e\u0301"
TAUGHT = [DECOMPOSED, " spaces at the ends ", "l" * 80, "two\nlines", "a\u0000b", "\u202eturned", "plain", ""]


def taught(names: list[str]) -> Memory:
    return Memory(dim=16).fit(np.eye(len(names)), np.array(names, object))


@pytest.mark.parametrize("name", TAUGHT)
def test_what_python_taught_is_found_as_it_is(serve: Serve, name: str) -> None:
    service = serve(taught(TAUGHT))
    shown = [each["label"] for each in service.get("/api/memory").json["classes"]]
    assert sorted(shown) == sorted(TAUGHT)
    vector = np.eye(len(TAUGHT))[TAUGHT.index(name)].tolist()
    out = service.post("/api/teach", {"label": name, "vector": vector, "cells": True}).json
    assert {each["label"]: each["examples"] for each in out["classes"]}[name] == 2
    assert len(out["classes"]) == len(TAUGHT)
    assert [each["label"] for each in out["cells"]] == [name]
    assert service.get("/api/cells", f"label={quote(name)}").json["label"] == name
    left = service.post("/api/forget", {"label": name})
    assert left.status == 200
    assert name not in [each["label"] for each in left.json["classes"]]


@pytest.mark.parametrize("sent", [unicodedata.normalize("NFC", DECOMPOSED), f"  {DECOMPOSED} "])
def test_another_spelling_makes_no_twin(serve: Serve, sent: str) -> None:
    service = serve(taught([DECOMPOSED, "other"]))
    out = service.post("/api/teach", {"labels": [sent, DECOMPOSED], "vectors": [[1.0, 0.0], [1.0, 0.1]]}).json
    assert out["classes"] == [{"label": DECOMPOSED, "examples": 3}, {"label": "other", "examples": 1}]
    assert service.get("/api/cells", f"label={quote(sent)}").status == 200
    assert service.post("/api/forget", {"label": sent}).json["classes"] == [{"label": "other", "examples": 1}]


def test_listeners_hear_what_the_class_is_called(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    service = serve(taught([DECOMPOSED, "other"]))
    told: list[Any] = []
    monkeypatch.setattr(service.hub, "publish", lambda kind, content: told.append((kind, content["labels"])))
    sent = unicodedata.normalize("NFC", DECOMPOSED)
    service.post("/api/teach", {"label": sent, "vector": [1.0, 0.0]})
    service.post("/api/forget", {"label": sent})
    assert told == [("learn", [DECOMPOSED]), ("forget", [DECOMPOSED])]


def test_labels_equal_after_normalisation_are_found_exactly_or_not_at_all(serve: Serve) -> None:
    twins = ["a ", " a"]
    service = serve(taught([*twins, "b"]))
    for reply in (
        service.post("/api/teach", {"label": "a", "vector": [1.0, 0.0, 0.0]}),
        service.post("/api/forget", {"label": "a"}),
    ):
        assert (reply.status, "exactly" in reply.json["detail"]) == (409, True)
    assert service.post("/api/forget", {"label": "a "}).status == 200
    assert service.post("/api/forget", {"label": "a"}).status == 200, "one is left, and the spelling finds it"


@pytest.mark.parametrize("name", ["", "  ", "a" * 65, "a\u0000", "\u202eevil", "a" * 100_000, "e\u0301" * 500_000])
def test_a_name_of_no_class_is_not_found(serve: Serve, name: str) -> None:
    service = serve(taught(["a", "b"]))
    assert service.post("/api/forget", {"label": name}).status == 409
    assert service.post("/api/teach", {"label": name, "vector": [1.0, 0.0]}).status == 422


def test_two_spellings_of_a_new_name_are_one(serve: Serve) -> None:
    service = serve(Memory("digital"))
    for name in ("A\u030a", "\u00c5 "):
        service.post("/api/teach", {"label": name, "vector": [1.0, 2.0]})
    assert service.get("/api/memory").json["classes"] == [{"label": "\u00c5", "examples": 2}]


@given(labels=st.lists(st.text(max_size=5), max_size=6, unique=True), other=st.text(max_size=5))
def test_every_label_finds_itself(labels: list[str], other: str) -> None:
    for label in labels:
        assert find_label(labels, label) == label
    try:
        answer = find_label(labels, other)
    except AmbiguousLabelError:
        return
    assert answer in (*labels, None)
    try:
        name = new_label(other)
    except ValueError:
        return
    if answer is None:  # then it is a new class, and from then on found in either spelling
        assert find_label([*labels, name], name) == name
        assert find_label([*labels, name], unicodedata.normalize("NFD", other)) == name
