"""Access control: tokens, host names, other sites."""

from __future__ import annotations

from pathlib import Path

import pytest
from asking import Serve

from insitu import Memory
from insitu.core import InsituError
from insitu.service.rules import AccessRules
from insitu.service.tokens import LONGEST_TOKEN, load_or_create_token

TOKEN = "a-token-that-nobody-guesses"
GUARDED = ("/api/memory", "/api/cells", "/api/events", "/api/examples", "/api/teach", "/api/nothing")


def test_nothing_of_the_memory_is_readable_without_the_token(serve: Serve, page: Path) -> None:
    service = serve(Memory("digital"), rules=AccessRules(TOKEN, hosts=None))
    for path in GUARDED:
        reply = service.get(path)
        assert (reply.status, reply.headers["www-authenticate"]) == (401, 'Bearer realm="insitu"')
        assert reply.headers["content-type"] == "application/problem+json"
    assert service.get("/api/health").status == service.get("/").status == 200
    assert service.get("/api/memory", authorization=f"Bearer {TOKEN}").status == 200
    assert service.get("/api/memory", authorization=f"bearer  {TOKEN} ").status == 200


@pytest.mark.parametrize(
    "given",
    [
        "Bearer",
        "Bearer ",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN.upper()}",
        "Bearer \xff\xfe",
        "Bearer " + "a" * 100_000,
        f"Bearer {TOKEN}, Bearer x",
    ],
)
def test_a_wrong_token_is_none(serve: Serve, given: str) -> None:
    service = serve(Memory("digital"), rules=AccessRules(TOKEN, hosts=None))
    reply = service.get("/api/memory", authorization=given)
    assert reply.status == 401
    assert reply.headers["www-authenticate"].startswith("Bearer ")
    assert TOKEN not in reply.body.decode()


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000"])
def test_names_of_this_machine_are_known(serve: Serve, host: str) -> None:
    assert serve(Memory("digital")).get("/api/memory", host=host).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil", "", ":", "127.0.0.1@evil"]
)
def test_a_name_that_was_made_to_lead_here_is_refused(serve: Serve, page: Path, host: str) -> None:
    service = serve(Memory("digital"))
    assert service.get("/api/memory", host=host).status == 421
    assert service.get("/", host=host).status == 421


def test_other_sites_are_kept_out(serve: Serve) -> None:
    service = serve(Memory("digital"))
    example = {"label": "a", "vector": [1.0]}
    for origin in ("https://evil.example", "null", "http://127.0.0.1:9000", "https://127.0.0.1:8000", "file://"):
        reply = service.post("/api/teach", example, origin=origin)
        assert reply.status == 403
        assert "access-control-allow-origin" not in reply.headers
    assert service.post("/api/teach", example, origin="http://127.0.0.1:8000").status == 200
    asked = service.ask(
        "OPTIONS", "/api/teach", b"", {"origin": "https://evil.example", "access-control-request-method": "POST"}
    )
    assert asked.status == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_of_another_site_can_send_is_refused(serve: Serve, kind: str) -> None:
    reply = serve(Memory("digital")).post("/api/teach", {"label": "a", "vector": [1.0]}, content_type=kind)
    assert reply.status == 415


def test_an_allowed_site_may_send_requests_with_the_token(serve: Serve) -> None:
    friend = "https://friend.example"
    service = serve(Memory("digital"), rules=AccessRules(TOKEN, None, frozenset({friend})))
    asked = service.ask("OPTIONS", "/api/teach", b"", {"origin": friend, "access-control-request-method": "POST"})
    assert (asked.status, asked.headers["access-control-allow-origin"]) == (204, friend)
    assert "authorization" in asked.headers["access-control-allow-headers"]
    example = {"label": "a", "vector": [1.0]}
    assert service.post("/api/teach", example, origin=friend).status == 401
    reply = service.post("/api/teach", example, origin=friend, authorization=f"Bearer {TOKEN}")
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (200, friend)
    assert "origin" in reply.headers["vary"]
    assert service.get("/api/health", origin="https://friend.example.evil").status == 403


def test_a_token_is_made_once_and_kept_to_oneself(tmp_path: Path) -> None:
    path = tmp_path / "token"
    token, made = load_or_create_token(path)
    assert made
    assert len(token) >= 43
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_create_token(path) == (token, False)
    assert load_or_create_token(tmp_path / "other")[0] != token


def test_a_token_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    for content in (b"", b"short", b"\xff" * 40, b"a" * (LONGEST_TOKEN + 1), b"a b\tc" * 10):
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(InsituError, match="delete it"):
            load_or_create_token(path)
    path.write_text(TOKEN)
    path.chmod(0o644)
    with pytest.raises(InsituError, match="chmod 600"):
        load_or_create_token(path)
    with pytest.raises(InsituError, match="token-file"):
        load_or_create_token(tmp_path / "nowhere" / "token")
