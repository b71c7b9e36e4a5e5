"""A prediction has the requested number of most similar classes, however many the memory holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from asking import Serve, Service

from insitu import Memory
from insitu.service.schemas import TOP_K

CLASSES = 300


@pytest.fixture
def service(serve: Serve) -> Service:
    names = np.repeat([f"class {number}" for number in range(CLASSES)], 2)
    x = np.random.default_rng(0).standard_normal((2 * CLASSES, 16))
    return serve(Memory("digital", dim=16).fit(x, names))


def scores(service: Service, **more: Any) -> list[dict[str, Any]]:
    out = service.post("/api/predict", {"vector": [1.0] * 16, **more}).json
    assert out["classes"] == CLASSES
    found: list[dict[str, Any]] = out["predictions"][0]["scores"]
    return found


def test_the_best_are_the_first_of_all(service: Service) -> None:
    everything = scores(service, top_k=1_000_000)
    assert len(everything) == CLASSES
    assert sum(each["probability"] for each in everything) == pytest.approx(1, abs=1e-3)
    assert [each["similarity"] for each in everything] == sorted((e["similarity"] for e in everything), reverse=True)
    for top_k in (1, 5, CLASSES):
        assert scores(service, top_k=top_k) == everything[:top_k]
    assert scores(service) == everything[:TOP_K]
    assert len(service.post("/api/predict", {"vector": [1.0] * 16}).body) < 10_000


def test_looking_ahead_has_them_too(service: Service) -> None:
    out = service.post("/api/ahead", {"seconds": 1.0, "vector": [1.0] * 16, "top_k": 3}).json
    assert out["without"]["scores"] == scores(service, top_k=3)
    assert len(service.post("/api/ahead", {"seconds": 1.0, "vector": [1.0] * 16}).json["without"]["scores"]) == TOP_K


@pytest.mark.parametrize("top_k", [0, -1, 1.5, "5", True, None, 10**9])
def test_it_is_a_whole_number_from_one(service: Service, top_k: object) -> None:
    assert service.post("/api/predict", {"vector": [1.0] * 16, "top_k": top_k}).status == 422
