"""Limits of rate, size and time."""

from __future__ import annotations

import pytest
from asking import Serve
from fastapi.exceptions import RequestValidationError
from hypothesis import given
from hypothesis import strategies as st

from insitu import Memory
from insitu.service import errors
from insitu.service.limits import Limits, TokenBuckets


@given(
    rate=st.floats(0.5, 100),
    gaps=st.lists(st.floats(0, 3, allow_subnormal=False), min_size=1, max_size=200),
)
def test_no_client_gets_more_than_its_rate(rate: float, gaps: list[float]) -> None:
    now = 0.0
    bucket = TokenBuckets(rate, lambda: now)
    served = 0
    for gap in gaps:
        now += gap
        wait = bucket.wait_s("one")
        served += not wait
        if wait:
            now += wait * (1 + 1e-9)
            assert not bucket.wait_s("one"), "after the wait that was told there is a token"
            served += 1
    assert served <= max(1, rate * TokenBuckets.SECONDS) + rate * now + 1


@given(rate=st.floats(1, 100), away_s=st.floats(0, 1e6))
def test_who_was_long_away_has_two_seconds_worth_and_no_more(rate: float, away_s: float) -> None:
    now = 0.0
    bucket = TokenBuckets(rate, lambda: now)
    bucket.wait_s("one")
    now = away_s
    served = 0
    while not bucket.wait_s("one"):
        served += 1
        assert served <= rate * TokenBuckets.SECONDS + 1


def test_clients_do_not_take_from_each_other_and_are_forgotten() -> None:
    bucket = TokenBuckets(1, lambda: 0.0)
    while not bucket.wait_s("greedy"):
        pass
    assert not bucket.wait_s("another")
    for number in range(2 * TokenBuckets.CLIENTS):
        bucket.wait_s(str(number))
    assert len(bucket._buckets) == TokenBuckets.CLIENTS


def test_too_frequent_requests_get_retry_after(serve: Serve) -> None:
    service = serve(Memory("digital"), limits=Limits(rate=0.5))
    assert service.get("/api/health").status == 200
    reply = service.get("/api/health")
    assert reply.status == 429
    assert 1 <= int(reply.headers["retry-after"]) <= 2
    assert service.get("/nothing").status == 429


@pytest.mark.parametrize("told", [True, False])
def test_a_body_that_is_too_large_is_not_read(serve: Serve, told: bool) -> None:
    service = serve(Memory("digital"), limits=Limits(rate=0, body_bytes=1000))
    body = b'{"vector": [1.0]' + b" " * 1000 + b"}"
    reply = service.ask("POST", "/api/predict", body, {} if told else {"content-length": "10"})
    assert (reply.status, "1000 bytes" in reply.json["detail"]) == (413, True)


@pytest.mark.parametrize("length", ["-1", "1e3", "many", "9" * 50, "١"])
def test_a_length_that_is_none_is_refused(serve: Serve, length: str) -> None:
    assert serve(Memory("digital")).ask("GET", "/api/health", b"", {"content-length": length}).status == 413


def test_too_many_subscribers_get_retry_after(serve: Serve) -> None:
    service = serve(Memory("digital"), limits=Limits(rate=0, listeners=0))
    assert service.get("/api/events").status == 429
    service.hub.close()
    stopping = service.get("/api/events")
    assert (stopping.status, stopping.headers["retry-after"]) == (503, "5")


def test_the_limits_are_reported(serve: Serve) -> None:
    limits = Limits(rate=0, batch=3, image_bytes=5000)
    service = serve(Memory("digital"), limits=limits)
    told = service.get("/api/memory").json["limits"]
    assert (told["batch"], told["image_bytes"], told["label"]) == (3, 5000, 64)
    four = {"labels": list("abcd"), "vectors": [[1.0]] * 4}
    assert service.post("/api/teach", four).status == 422


WRONG = [
    b'{"vectors": [' + b",".join([b"[" + b",".join([b'""'] * 1000) + b"]"] * 1000) + b"]}",
    b'{"vector": [' + b",".join([b"null"] * 500_000) + b"]}",
    b'{"labels": [' + b",".join([b"1"] * 500_000) + b'], "vector": [1.0]}',
    b"{" + b",".join(b'"f%d": 1' % number for number in range(200_000)) + b"}",
]


@pytest.mark.parametrize("body", WRONG, ids=["rows", "components", "names", "fields"])
def test_a_large_body_that_is_wrong_throughout_is_refused_for_its_first_fault(
    serve: Serve, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[int] = []
    told = errors._validation_detail

    def counted(error: RequestValidationError) -> str:
        faults.append(len(error.errors()))
        return told(error)

    monkeypatch.setattr(errors, "_validation_detail", counted)
    reply = serve(Memory("digital")).ask("POST", "/api/teach", body)
    assert reply.status == 422
    assert len(reply.json["detail"]) < 500
    assert faults
    assert faults[0] < 20
