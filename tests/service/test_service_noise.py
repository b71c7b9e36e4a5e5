"""Thousands of requests that are wrong in every way: each is answered in words, and leaves nothing behind."""

from __future__ import annotations

import gc
import logging
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from asking import Serve, Service
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemas import requests

from insitu import Memory

REQUESTS = 10_000 if settings.get_current_profile_name() == "soak" else 3_000
TOGETHER = 20  # requests of one example of hypothesis: drawing one by one takes longer than answering
KEPT_BYTES = 100 * 750  # of 750 requests or more: 100 bytes each; today it is a third of that, in all


def kept_bytes(service: Service, requests: list[tuple[Any, ...]]) -> int:
    """Send requests again, and return the memory that is still allocated afterwards.

    Allocations are traced, since the resident memory of the process also moves with the system's page cache and with
    what earlier tests have freed. Hypothesis, which remembers its examples, has no part in it.
    """
    for request in requests[:250]:
        service.ask(*request)  # fills the caches
    gc.collect()
    tracemalloc.start()
    try:
        for request in requests:
            service.ask(*request)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_bad_requests(serve: Serve, page: Path, caplog: pytest.LogCaptureFixture) -> None:
    memory = Memory("digital", dim=16)
    service = serve(memory)
    service.post("/api/teach", {"labels": ["class 0", "b"], "vectors": [[1.0, 0.0], [0.0, 1.0]]})
    seen: dict[int, int] = {}
    refused: list[tuple[Any, ...]] = []

    @settings(max_examples=REQUESTS // TOGETHER, suppress_health_check=list(HealthCheck))
    @given(many=st.lists(requests(service.get("/openapi.json").json), min_size=TOGETHER, max_size=TOGETHER))
    def run(many: list[Any]) -> None:
        for method, path, body, query, headers in many:
            if path == "/api/events" and method == "GET":
                continue  # a stream that would go on forever
            reply = service.ask(method, path, body, headers, query)
            seen[reply.status] = seen.get(reply.status, 0) + 1
            assert reply.status < 500, (method, path, body, query, headers)
            if reply.status >= 400 and method != "HEAD":
                assert reply.headers["content-type"] == "application/problem+json"
                assert len(reply.body) < 1000
                assert b"Traceback" not in reply.body
            if reply.status >= 400 and len(refused) < 750:
                refused.append((method, path, body, headers, query))

    with caplog.at_level(logging.WARNING):
        run()
    assert sum(seen.values()) > 0.95 * REQUESTS
    assert set(seen) >= {200, 400, 403, 404, 405, 409, 413, 415, 421, 422}
    assert sum(count for status, count in seen.items() if status >= 400) > 0.8 * REQUESTS
    assert not caplog.records
    assert kept_bytes(service, refused) < KEPT_BYTES
    service.post("/api/teach", {"label": "c", "vector": [0.0, 1.0]})  # a valid request may have undone all
    assert service.post("/api/predict", {"vector": [1.0, 0.0]}).status == 200
