"""A real server on a real socket: slow clients, streams, and a stop that loses no accepted request."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from listening import Running

from insitu import Memory
from insitu.core import InsituError
from insitu.service import connections, listening
from insitu.service.worker import opening


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setattr(connections, "HEAD_S", 0.4)
    opening.warm_up(Memory(dim=32))
    service = Running(Memory.open(tmp_path / "kept.insitu", dim=32))
    yield service
    if service.thread.is_alive():
        service.stop()


HEAD = b"POST /api/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_a_body_that_trickles_is_not_waited_for(started: Running) -> None:
    out = started.said(HEAD + b"Content-Length: 100\r\n\r\n", b"{")
    assert out.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in out


def test_a_body_without_a_length_is_counted(started: Running) -> None:
    chunk = b"%x\r\n%s\r\n" % (60_000, b" " * 60_000)
    out = started.said(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + chunk)
    assert out.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("pieces", [[], [b"GET /api/hea"], [b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n"]])
def test_a_head_that_does_not_come_is_not_waited_for(started: Running, pieces: list[bytes]) -> None:
    assert started.said(*pieces) == b""


def test_a_head_that_trickles_after_a_good_request_is_not_waited_for(started: Running) -> None:
    good = b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    out = started.said(good, b"GET /", b"api", gap_s=0.05)
    assert out.count(b"HTTP/1.1") == 1
    assert out.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("noise", [b"\x16\x03\x01\x00\xff" * 50 + b"\r\n\r\n", b"NOTHING\r\n\r\n", b"\r\n" * 400])
def test_what_is_no_http_is_refused(started: Running, noise: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    out = started.said(noise)
    assert not out or out.startswith(b"HTTP/1.1 400 ")
    assert started.post("/api/predict", {"vector": [1.0]})["status"] == 409
    assert "Traceback" not in capfd.readouterr().err


def test_events_are_heard_and_end_with_the_server(started: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", started.port, timeout=30)
    connection.request("GET", "/api/events")
    stream = connection.getresponse()
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.readline() == b": listening\n"
    assert stream.readline() == b"\n"
    started.post("/api/teach", {"label": "a", "vector": [1.0, 2.0]})
    assert [stream.readline() for _ in range(2)] == [b"event: learn\n", b"id: 1\n"]
    shown = json.loads(stream.readline().removeprefix(b"data: "))
    assert (shown["labels"], shown["classes"]) == (["a"], 1)
    started.post("/api/forget", {"label": "a"})
    stream.readline()
    assert stream.readline() == b"event: forget\n"
    started.stop()
    assert stream.read().endswith(b"\n\n")
    connection.close()


def test_what_was_accepted_is_finished_and_kept(started: Running, tmp_path: Path) -> None:
    replies: list[Any] = []
    real = started.memory.partial_fit

    def slow(x: Any, y: Any, **more: Any) -> Any:
        time.sleep(0.3)
        return real(x, y, **more)

    started.memory.partial_fit = slow  # type: ignore[method-assign]
    teaching = [
        threading.Thread(
            target=lambda n=n: replies.append(started.post("/api/teach", {"label": f"{n}", "vector": [n, 1]}))
        )
        for n in range(4)
    ]
    for thread in teaching:
        thread.start()
    while started.worker.waiting["write"] < 4:
        time.sleep(0.01)
    started.stop()
    for thread in teaching:
        thread.join()
    assert sorted(reply["event"] for reply in replies) == [1, 2, 3, 4]
    with pytest.raises(OSError):  # noqa: PT011 - refused or reset, as the system likes
        socket.create_connection(("127.0.0.1", started.port), timeout=5).close()
    with Memory.open(tmp_path / "kept.insitu") as memory:
        assert memory.classes_.tolist() == ["0", "1", "2", "3"]


def test_an_unavailable_address_is_reported() -> None:
    with listening.listen("127.0.0.1", 0) as taken:
        assert listening.is_loopback(taken)
        with pytest.raises(InsituError, match="another --port"):
            listening.listen("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(InsituError, match="no address"):
        listening.listen("no such name.invalid", 0)
    with listening.listen("0.0.0.0", 0) as everywhere:
        assert not listening.is_loopback(everywhere)


def test_the_process_that_speaks_http_imports_nothing_heavy() -> None:
    code = (
        "import importlib, pkgutil, sys, insitu.service.server, insitu.service.routes as routes;"
        "[importlib.import_module(f'{routes.__name__}.{each.name}') for each in pkgutil.iter_modules(routes.__path__)];"
        "heavy = {'torch', 'numba', 'scipy', 'sklearn', 'insitu.memory'} & set(sys.modules);"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
