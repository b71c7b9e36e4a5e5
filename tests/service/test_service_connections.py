"""Idle connections lock nobody out, however many one client holds."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from listening import Running

from insitu import Memory
from insitu.service import connections
from insitu.service.proxies import parse_networks
from insitu.service.rules import AccessRules

GREEDY, OTHER = "127.0.0.7", "127.0.0.1"


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Running]:
    service = Running(Memory.open(tmp_path / "kept.insitu", substrate="digital", dim=8))
    yield service
    service.stop()


def status(connection: http.client.HTTPConnection, path: str = "/api/health") -> int | None:
    """Return what is answered, None where the connection is closed instead."""
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        if not path.endswith("events"):
            reply.read()
        return reply.status
    except (OSError, http.client.HTTPException):
        return None


def held(
    service: Running, count: int, path: str = "/api/health", source: str = GREEDY
) -> list[http.client.HTTPConnection]:
    """Open connections that have been answered once and are kept."""
    made = [service.connected(source) for _ in range(count)]
    for each in made:
        status(each, path)
        each.auto_open = 0
    return made


def closed(*many: http.client.HTTPConnection) -> None:
    for each in many:
        each.close()


def test_as_many_idle_connections_as_there_may_be_lock_nobody_out(started: Running) -> None:
    greedy = held(started, connections.CONNECTIONS)
    begun = time.monotonic()
    others = [started.connected(OTHER) for _ in range(8)]
    assert [status(each) for each in others] == [200] * 8
    assert time.monotonic() - begun < connections.IDLE_S / 2
    assert len(started.server.server_state.connections) <= connections.PER_ADDRESS + len(others)
    closed(*greedy, *others)


def test_one_address_has_its_share_and_its_oldest_idle_connection_goes_first(
    started: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PER_ADDRESS", 3)
    first, second, third = held(started, 3)
    assert status(first) == 200  # used again: now the second has waited longest
    (fourth,) = held(started, 1)
    assert [status(each) for each in (second, first, third, fourth)] == [None, 200, 200, 200]
    closed(first, third, fourth)


def test_connections_from_many_addresses_make_room_too(started: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS", 4)
    kept = [each for n in range(4) for each in held(started, 1, source=f"127.0.0.{20 + n}")]
    other = started.connected(OTHER)
    assert status(other) == 200
    assert [status(each) for each in kept] == [None, 200, 200, 200]
    closed(other, *kept)


def test_silent_connections_make_room_too(started: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS", 3)
    silent = [socket.create_connection((OTHER, started.port), timeout=30) for _ in range(3)]
    time.sleep(0.2)
    other = started.connected(OTHER)
    assert status(other) == 200
    for each in (*silent, other):
        each.close()


def test_what_is_being_answered_is_not_closed_for_another(started: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    streams = [socket.create_connection((OTHER, started.port), timeout=30) for _ in range(2)]
    for each in streams:
        each.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        received(each, b": listening")
    monkeypatch.setattr(connections, "CONNECTIONS", 2)
    assert status(started.connected(OTHER)) is None
    monkeypatch.setattr(connections, "CONNECTIONS", 3)
    started.post("/api/teach", {"label": "a", "vector": [1.0]})
    for each in streams:
        received(each, b"event: learn")
        each.close()


def received(connection: socket.socket, wanted: bytes) -> None:
    """Read until something wanted has come."""
    got = b""
    while wanted not in got:
        piece = connection.recv(4096)
        assert piece, got
        got += piece


def test_a_trusted_proxy_stands_for_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PER_ADDRESS", 2)
    service = Running(Memory("digital", dim=8), AccessRules(proxies=parse_networks([GREEDY])))
    kept = held(service, 6)
    assert [status(each) for each in kept] == [200] * 6
    closed(*kept)
    service.stop()


def test_an_idle_connection_is_closed_after_a_while(started: Running) -> None:
    assert 5 <= connections.IDLE_S <= 15
    assert started.server.config.timeout_keep_alive == connections.IDLE_S
